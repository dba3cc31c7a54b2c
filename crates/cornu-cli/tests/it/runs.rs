use crate::cornu::Place;
use cornu::prelude::*;
use serde_json::Value;

const TRAIN: &str = "train pictures --model net.json --batch-size 4";

fn train(place: &Place, more: &str) -> crate::cornu::Ran {
    place.run(&format!("{TRAIN} {more}"))
}

#[test]
fn a_folder_becomes_a_model_that_evaluates_and_predicts() {
    let place = Place::with_pictures();
    let said = train(&place, "--out run --epochs 2").ok();
    assert!(said.contains("test pictures, which training never saw"), "{said}");

    let history = String::from_utf8(place.bytes("run/history.csv")).unwrap();
    let lines: Vec<&str> = history.lines().collect();
    assert_eq!(lines[0], "epoch,accuracy,auc,learning_rate,loss,val_accuracy,val_auc,val_loss");
    assert_eq!(lines.len(), 3);
    let config = String::from_utf8(place.bytes("run/config.toml")).unwrap();
    for part in ["seed = 42", "model = \"net.json\"", "augment = \"strong\"", "epochs = 2"] {
        assert!(config.contains(part), "`{part}` is not in {config}");
    }
    let report = String::from_utf8(place.bytes("run/report.html")).unwrap();
    check_report(&report);

    let metrics: Value = serde_json::from_slice(&place.bytes("run/metrics.json")).unwrap();
    let scores = place.run("evaluate run/best.keras pictures --split test --json").json().remove(0);
    for key in ["loss", "accuracy", "auc", "confusion_matrix", "classes"] {
        assert_eq!(metrics[key], scores[key], "{key}");
        assert!(!scores[key].is_null(), "{key}");
    }
    assert_eq!(metrics["validation"]["samples"], 2);
    let all = place.run("evaluate run/best.keras pictures --split all --json").json().remove(0);
    assert_eq!(all["samples"], 20);
    let text = place.run("evaluate run/best.keras pictures").ok();
    assert!(text.contains("split `test`") && text.contains("confusion matrix"), "{text}");

    // The file alone knows its classes, and takes pictures of any size.
    std::fs::create_dir(place.path("elsewhere")).unwrap();
    std::fs::rename(place.path("run/best.keras"), place.path("elsewhere/m.keras")).unwrap();
    let line = "predict elsewhere/m.keras pictures/normal pictures/effusion/00000.png --json";
    let predictions = place.run(line).json();
    assert_eq!(predictions.len(), 11);
    for prediction in predictions {
        let output = prediction["output"][0].as_f64().unwrap();
        let (class, probability) =
            if 0.5 < output { ("normal", output) } else { ("effusion", 1.0 - output) };
        assert_eq!(prediction["class"], class);
        assert_eq!(prediction["probability"].as_f64().unwrap(), probability);
    }
}

/// Every section is there, with its links, and nothing comes from elsewhere.
#[track_caller]
fn check_report(report: &str) {
    for id in ["summary", "data", "network", "training", "results", "mistakes", "reproduce"] {
        assert!(report.contains(&format!("<section id=\"{id}\"")), "{id}");
        assert!(report.contains(&format!("href=\"#{id}\"")), "{id}");
    }
    for part in [
        "Telling effusion from normal",
        "Few pictures to judge by",
        "changed at random, copy 1",
        "<title>Confusion matrix</title>",
        "<title>ROC curve</title>",
        "<title>Precision and recall</title>",
        "<title>Calibration</title>",
        "<title>Learning rate</title>",
        "best: epoch ",
        "(best J)",
        "The most confident mistakes",
        "alt=\"grad-cam++ map of ",
        "alt=\"smoothgrad map of ",
        "cornu train pictures --out run --model net.json --seed 42 --epochs 2 --batch-size 4",
        "data:image/png;base64,",
    ] {
        assert!(report.contains(part), "`{part}` is not in the report");
    }
    // Without the pixels, which may hold any letters.
    let pieces =
        report.split("base64,").map(|piece| piece.split_once('"').map_or(piece, |(_, b)| b));
    let words: String = pieces.collect();
    for part in ["<script", "NaN", "http", "url("] {
        assert!(!words.contains(part), "`{part}` is in a page that needs no network");
    }
}

#[test]
fn a_report_is_the_same_but_for_times() {
    let place = Place::with_pictures();
    train(&place, "--out a --epochs 1 --threads 1").ok();
    train(&place, "--out b --epochs 1 --threads 1").ok();
    let [a, b] = ["a", "b"].map(|run| {
        let report = String::from_utf8(place.bytes(&format!("{run}/report.html"))).unwrap();
        let timed = ["Training speed", "Training time", "Memory at most", "--out "];
        let lines = report.lines().filter(|line| !timed.iter().any(|word| line.contains(word)));
        lines.map(str::to_owned).collect::<Vec<_>>()
    });
    assert!(a == b);
}

#[test]
fn a_report_remarks_on_what_looks_wrong() {
    let place = Place::with_pictures();
    let manifest = String::from_utf8(place.bytes("pictures/manifest.csv")).unwrap();
    let lines: Vec<&str> = manifest.lines().collect();
    let file = |line: &str| line.split(',').next().unwrap().to_owned();
    let first = |split: &str| file(lines.iter().find(|line| line.ends_with(split)).unwrap());
    // A test picture is a training picture in another file.
    let (from, to) = (first(",train"), first(",test"));
    std::fs::copy(place.path(&format!("pictures/{from}")), place.path(&format!("pictures/{to}")))
        .unwrap();
    // And there are few normal ones to learn from.
    let mut normal = 0;
    let kept = lines.iter().filter(|line| {
        normal += usize::from(line.contains(",normal,") && line.ends_with(",train"));
        !line.contains(",normal,") || !line.ends_with(",train") || normal <= 2
    });
    let kept: Vec<&str> = kept.copied().collect();
    std::fs::write(place.path("pictures/manifest.csv"), kept.join("\n")).unwrap();
    train(&place, "--out run --epochs 1").ok();
    let report = String::from_utf8(place.bytes("run/report.html")).unwrap();
    for part in [
        "<b>Look-alikes across the parts.</b> 1 pair of pictures",
        "one of a pair of look-alikes",
        "0 of 512 bits differ",
        "<b>Unbalanced classes.</b>",
        "Training weighed the classes",
        "<b>Few pictures to judge by.</b>",
    ] {
        assert!(report.contains(part), "`{part}` is not in the report");
    }
    assert!(!report.contains("Nothing looks wrong"));
}

#[test]
fn a_report_that_cannot_be_made_fails_no_training() {
    let place = Place::with_pictures();
    train(&place, "--out run --epochs 1").ok();
    // A folder is in the place of the file.
    std::fs::remove_file(place.path("run/report.html")).unwrap();
    std::fs::create_dir_all(place.path("run/report.html/taken")).unwrap();
    let ran = train(&place, "--out run --epochs 1 --resume --json");
    assert!(
        ran.stderr.contains("warning: run/report.html: the report could not be made"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.json()[0]["epochs"], 1);
}

#[test]
fn an_evaluation_is_a_page_and_a_table() {
    let place = Place::with_pictures();
    train(&place, "--out run --epochs 1").ok();
    let line =
        "evaluate run/best.keras pictures --split all --report all.html --predictions all.csv";
    let text = place.run(line).ok();
    assert!(text.contains("95 % intervals: accuracy "), "{text}");
    let scores = place.run("evaluate run/best.keras pictures --split all --json").json().remove(0);
    let interval = &scores["intervals"]["auc"];
    assert!(interval[0].as_f64() < scores["auc"].as_f64());
    assert!(scores["auc"].as_f64() < interval[1].as_f64());
    let page = String::from_utf8(place.bytes("all.html")).unwrap();
    assert!(page.contains("<title>ROC curve</title>") && page.contains("all pictures"));
    assert!(!page.contains("id=\"training\""));

    let table = String::from_utf8(place.bytes("all.csv")).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines[0], "file,class,predicted,correct,p_effusion,p_normal");
    assert_eq!(lines.len(), 21);
    let mut right = 0;
    for line in &lines[1..] {
        let cells: Vec<&str> = line.split(',').collect();
        assert!(cells[0].starts_with(&format!("{}/", cells[1])), "{line}");
        assert_eq!(cells[1] == cells[2], cells[3] == "1", "{line}");
        let [a, b] = [cells[4], cells[5]].map(|p| p.parse::<f64>().unwrap());
        assert_eq!(cells[2], if a < b { "normal" } else { "effusion" });
        right += usize::from(cells[3] == "1");
    }
    assert_eq!(scores["accuracy"].as_f64().unwrap(), right as f64 / 20.0);
}

#[test]
fn predictions_are_a_table_or_objects_and_a_bad_picture_does_not_lose_the_others() {
    let place = Place::with_pictures();
    train(&place, "--out run --epochs 1").ok();
    std::fs::write(place.path("pictures/normal/broken, \"so\".png"), "no picture").unwrap();
    let ran = place.run("predict run/best.keras pictures/normal --format csv");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[0], "file,index,class,probability,p_effusion,p_normal");
    assert_eq!((lines.len(), ran.code), (11, 1));
    assert!(ran.stderr.contains("broken, \"so\".png"), "{}", ran.stderr);
    // A network that does not know its classes numbers them.
    let table = place.run("predict net.json pictures/effusion --format csv").ok();
    assert!(table.starts_with("file,index,class,probability,p_0,p_1\n"), "{table}");
    let objects = place.run("predict run/best.keras pictures/effusion --format json").json();
    let same = place.run("predict run/best.keras pictures/effusion --json").json();
    assert!(objects.len() == 10 && objects == same);
    assert_eq!(place.run("predict run/best.keras pictures --json --format csv").code, 2);
}

#[test]
fn the_same_seed_gives_the_same_bytes_with_any_number_of_threads() {
    let place = Place::with_pictures();
    train(&place, "--out a --epochs 2 --threads 1").ok();
    train(&place, "--out b --epochs 2 --threads 2").ok();
    train(&place, "--out c --epochs 2 --seed 7").ok();
    // Pictures from disk, not from memory, are the same pictures.
    train(&place, "--out d --epochs 2 --cache-mb 0").ok();
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|run| place.bytes(&format!("{run}/best.keras")));
    assert!(a == b && a == d && a != c);
}

#[test]
fn a_resumed_run_goes_on_as_if_it_had_not_stopped() {
    let place = Place::with_pictures();
    // Without a schedule the number of epochs changes nothing before its end.
    train(&place, "--out a --epochs 1 --no-schedule").ok();
    train(&place, "--out a --epochs 3 --resume --no-schedule").ok();
    train(&place, "--out b --epochs 3 --resume --no-schedule").ok();
    for file in ["best.keras", "last.keras", "history.csv", "config.toml"] {
        assert!(
            place.bytes(&format!("a/{file}")) == place.bytes(&format!("b/{file}")),
            "{file} differs"
        );
    }
    // What is finished stays.
    let before = place.bytes("a/last.keras");
    place.run("train pictures --out a --resume").ok();
    assert!(before == place.bytes("a/last.keras"));

    train(&place, "--out a").error(&["holds a run already", "--resume"]);
    place
        .run("train pictures --out a --resume --lr 0.5 --augment none")
        .error(&["config.toml: the run was started with other settings: --lr, --augment differ"]);
    train(&place, "--out a --overwrite --epochs 1").ok();
    assert!(before != place.bytes("a/last.keras"));
}

#[test]
fn a_schedule_is_not_stretched_unnoticed() {
    let place = Place::with_pictures();
    train(&place, "--out a --epochs 2").ok();
    train(&place, "--out a --epochs 1 --resume").error(&["--epochs 1: the run has 2 epochs"]);
    let config = place.bytes("a/config.toml");
    assert!(String::from_utf8(config).unwrap().contains("epochs = 2"));
    let longer = train(&place, "--out a --epochs 3 --resume");
    assert!(longer.stderr.contains("was made for 2 epochs, and stays"), "{}", longer.stderr);
    longer.ok();
    // Nor is it later on: what it was made for does not change.
    let longest = train(&place, "--out a --epochs 4 --resume");
    assert!(longest.stderr.contains("was made for 2 epochs, and stays"), "{}", longest.stderr);
    longest.ok();
}

#[test]
fn nothing_of_an_earlier_run_is_taken_for_the_new_one_s() {
    let place = Place::with_pictures();
    train(&place, "--out a --epochs 1").ok();
    // A run that fails once it has begun, as weights grow beyond all numbers, changes nothing.
    let before = content(&place, "a");
    assert_eq!(before.len(), 6);
    train(&place, "--out a --overwrite --lr 1e38 --no-schedule --epochs 1").error(&["loss"]);
    assert!(before == content(&place, "a"));
    train(&place, "--out a --resume --epochs 2").ok();
    train(&place, "--out new --lr 1e38 --no-schedule --epochs 1").error(&["loss"]);
    assert!(!place.path("new").exists());
    // One that fails before it leaves no folder.
    place.run("train nowhere --out b").error(&["nowhere"]);
    place.run("train pictures --model nothing.json --out c").error(&["nothing.json"]);
    assert!(!place.path("b").exists() && !place.path("c").exists());
}

/// Names and bytes of all files in `folder`.
fn content(place: &Place, folder: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(place.path(folder))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    files.sort_unstable();
    files
}

#[test]
fn a_killed_run_leaves_the_old_one_or_the_new_one() {
    let place = Place::with_pictures();
    train(&place, "--out a --epochs 1").ok();
    train(&place, "--out b --epochs 1 --seed 7").ok();
    let [old, new] = ["a", "b"].map(|run| content(&place, run));
    let stage = |files: &[&str]| {
        std::fs::create_dir(place.path("a/.new")).unwrap();
        for file in files {
            let (from, to) = (format!("b/{file}"), format!("a/.new/{file}"));
            std::fs::copy(place.path(&from), place.path(&to)).unwrap();
        }
    };
    // Killed between the first two files of the new run: the old one goes on.
    stage(&["best.keras", "history.csv"]);
    // Of a process that is no more, and of one that is there.
    let (dead, alive) = (u32::MAX, std::process::id());
    std::fs::write(place.path(&format!("a/.last.keras.{dead}.0.unfinished")), "x").unwrap();
    std::fs::write(place.path(&format!("a/.last.keras.{alive}.0.unfinished")), "x").unwrap();
    train(&place, "--out a --resume").ok();
    let alive = place.path(&format!("a/.last.keras.{alive}.0.unfinished"));
    assert!(!cfg!(target_os = "linux") || alive.exists());
    let _ = std::fs::remove_file(alive);
    let names = |files: &[(String, Vec<u8>)]| -> Vec<String> {
        files.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&content(&place, "a")), names(&old));
    let pick = |files: &[(String, Vec<u8>)], name: &str| {
        files.iter().find(|(known, _)| known == name).unwrap().1.clone()
    };
    for file in ["best.keras", "last.keras", "history.csv"] {
        assert!(place.bytes(&format!("a/{file}")) == pick(&old, file), "{file}");
    }
    // Killed while the new files took the places of the old ones: the new one goes on.
    stage(&["history.csv", "last.keras", "config.toml"]);
    std::fs::copy(place.path("b/best.keras"), place.path("a/best.keras")).unwrap();
    place.run("train pictures --out a --resume").ok();
    assert_eq!(names(&content(&place, "a")), names(&new));
    for file in ["best.keras", "last.keras", "history.csv", "config.toml", "metrics.json"] {
        assert!(place.bytes(&format!("a/{file}")) == pick(&new, file), "{file}");
    }
    // Killed in the first epoch of all: nothing is there to go on from, and --resume starts.
    std::fs::create_dir_all(place.path("c/.new")).unwrap();
    std::fs::copy(place.path("b/best.keras"), place.path("c/.new/best.keras")).unwrap();
    train(&place, "--out c --resume --epochs 1 --seed 7").ok();
    assert_eq!(names(&content(&place, "c")), names(&new));
    assert!(place.bytes("c/last.keras") == place.bytes("b/last.keras"));
}

#[test]
fn only_the_same_pictures_resume_a_run() {
    let place = Place::with_pictures();
    train(&place, "--out a --epochs 1").ok();
    // Elsewhere the same pictures are the same.
    std::fs::rename(place.path("pictures"), place.path("moved")).unwrap();
    place.run("train moved --out a --resume").ok();
    // As many, but others.
    let name = place.path("moved/normal/00001.png");
    let mut bytes = std::fs::read(&name).unwrap();
    bytes.push(0);
    std::fs::write(&name, bytes).unwrap();
    place
        .run("train moved --out a --resume --epochs 2")
        .error(&["config.toml: the run was started with other pictures than those of moved"]);
}

#[test]
fn a_run_whose_files_are_missing_or_foreign_says_so_at_once() {
    let place = Place::with_pictures();
    train(&place, "--out a --epochs 1").ok();
    let best = place.bytes("a/best.keras");
    let resume = || train(&place, "--out a --resume --epochs 2");
    let out = ["best.keras", "best of the run", "put it back, or start anew with --overwrite"];
    std::fs::remove_file(place.path("a/best.keras")).unwrap();
    resume().error(&out);
    std::fs::write(place.path("a/best.keras"), &best[..best.len() / 2]).unwrap();
    resume().error(&out);
    std::fs::write(place.path("a/best.keras"), &best).unwrap();
    assert_eq!(place.bytes("a/history.csv").iter().filter(|&&byte| byte == b'\n').count(), 2);

    // Another program's file has no notes, the best model's none of training.
    std::fs::copy(place.path("a/last.keras"), place.path("last")).unwrap();
    let mut model = Model::load(place.path("a/last.keras")).unwrap();
    model.compile(Adam::new(), BinaryCrossentropy::new(), [Metric::accuracy()]).unwrap();
    model.save(place.path("a/last.keras")).unwrap();
    resume().error(&["last.keras: the file does not say where training stands", "--overwrite"]);
    std::fs::write(place.path("a/last.keras"), &best).unwrap();
    resume().error(&["last.keras: the file does not say where training stands"]);
    std::fs::rename(place.path("last"), place.path("a/last.keras")).unwrap();

    std::fs::write(place.path("a/config.toml"), "cornu = \"0.1.0\"\nnonsense\n").unwrap();
    let said = resume();
    assert!(!said.stderr.contains(" | "), "{}", said.stderr);
    said.error(&["config.toml: line 2: ", "start a new run"]);
}

#[test]
fn messages_about_models_name_the_file_and_what_to_do() {
    let place = Place::with_pictures();
    let inputs = Input::new([32, 32, 1]);
    let x = GlobalAveragePooling2D::new().apply(&inputs).unwrap();
    let [a, b] = [(); 2].map(|()| Dense::new(1).activation(Activation::Sigmoid).apply(&x).unwrap());
    let two = Model::new(&inputs, [a, b]).unwrap();
    two.save(place.path("two.keras")).unwrap();
    place
        .run("train pictures --model two.keras --out a")
        .error(&["two.keras: ", "expected one input and one output, got 1 and 2"]);

    let text = String::from_utf8(place.bytes("net.json")).unwrap();
    std::fs::write(place.path("odd.json"), text.replace("Dropout", "Dropuot")).unwrap();
    place.run("train pictures --model odd.json --out a").error(&[
        "odd.json: ",
        "Dropuot",
        "is not supported; ",
        "change that part of the model",
    ]);

    for column in ["class", "file", "split"] {
        train(&place, &format!("--out a --group-by {column}"))
            .error(&[&format!("--group-by {column}: "), "give another column"]);
    }
}

/// Trains until `signal` comes in the first epochs; answers the exit code, what was said from then
/// on, and how many epochs were begun.
#[cfg(unix)]
fn train_until(place: &Place, signal: &str, run: &str) -> (Option<i32>, Vec<String>, usize) {
    let line = format!("{TRAIN} --epochs 300 --no-early-stopping --no-schedule --out {run}");
    let mut child = place
        .command()
        .args(line.split_whitespace())
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // The first epoch's line says that training runs.
    let mut lines = {
        use std::io::BufRead;
        std::io::BufReader::new(child.stderr.take().unwrap()).lines()
    };
    assert!(lines.by_ref().any(|line| line.unwrap().starts_with("epoch 1/300")));
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let history = String::from_utf8(place.bytes(&format!("{run}/history.csv"))).unwrap();
    (child.wait().unwrap().code(), rest, history.lines().count())
}

#[cfg(unix)]
#[test]
fn ctrl_c_and_sigterm_save_everything_and_lose_no_bit() {
    let place = Place::with_pictures();
    for (signal, exit_code) in [("-INT", 130), ("-TERM", 143)] {
        let (run, straight) = (format!("stopped{signal}"), format!("straight{signal}"));
        let (code, said, begun) = train_until(&place, signal, &run);
        assert_eq!(code, Some(exit_code), "{said:?}");
        let last = said.last().unwrap();
        assert!(last.contains(&format!("the state of training is saved in {run}")), "{said:?}");

        let epochs = begun + 1;
        train(&place, &format!("--out {run} --resume --epochs {epochs}")).ok();
        let more = "--no-early-stopping --no-schedule";
        train(&place, &format!("--out {straight} --epochs {epochs} {more}")).ok();
        for file in ["best.keras", "last.keras", "history.csv"] {
            let [a, b] = [&run, &straight].map(|run| place.bytes(&format!("{run}/{file}")));
            assert!(a == b, "{signal}: {file} differs");
        }
    }
}

#[test]
fn more_classes_and_unbalanced_ones_train_too() {
    let place = Place::with_pictures();
    std::fs::create_dir(place.path("pictures/third")).unwrap();
    for i in 0..4 {
        let from = place.path(&format!("pictures/normal/{:05}.png", 2 * i + 1));
        std::fs::rename(from, place.path(&format!("pictures/third/{i}.png"))).unwrap();
    }
    std::fs::remove_file(place.path("pictures/manifest.csv")).unwrap();
    place.write_net("net.json", 3);
    let metrics = train(&place, "--out run --epochs 1 --json").json().remove(0);
    assert_eq!(metrics["confusion_matrix"].as_array().unwrap().len(), 3);
    let config = String::from_utf8(place.bytes("run/config.toml")).unwrap();
    assert!(config.contains("weights = [") && config.contains("given = false"), "{config}");
    // The split of training is found again by what the model file says.
    let scores = place.run("evaluate run/best.keras pictures --split test --json").json().remove(0);
    assert_eq!(scores["loss"], metrics["loss"]);
    // Curves and areas are of each class against the rest.
    assert_eq!(scores["classes"][2]["auc_interval"].as_array().unwrap().len(), 2);
    let report = String::from_utf8(place.bytes("run/report.html")).unwrap();
    for part in [
        "Telling effusion, normal and third apart",
        "Each class against the rest; the dashed line is guessing.",
        "third: AUC ",
        "third: AP ",
        "The threshold with the highest J of each class against the rest",
        "probability of the answer",
    ] {
        assert!(report.contains(part), "`{part}` is not in the report");
    }
    // Another head does not fit.
    place.write_net("net.json", 1);
    train(&place, "--out other").error(&["output has shape (None, 1)", "3 classes"]);
}

#[test]
fn a_model_file_is_trained_further() {
    let place = Place::with_pictures();
    train(&place, "--out a --epochs 1").ok();
    place.run("train pictures --out b --epochs 1 --model a/best.keras").ok();
    let config = String::from_utf8(place.bytes("b/config.toml")).unwrap();
    assert!(config.contains("model = \"a/best.keras\""));
    let (a, b) = (place.run("summary a/best.keras").ok(), place.run("summary b/best.keras").ok());
    assert_eq!(a, b);
    assert!(a.contains("layer_normalization") && a.contains("Optimizer params"), "{a}");
}

#[test]
fn the_demo_says_that_it_is_synthetic() {
    let place = Place::new();
    let ran = place.run("demo --pictures 14 --epochs 1 --out demo --tensorboard logs");
    assert!(place.path("logs/train").is_dir() && place.path("logs/validation").is_dir());
    assert!(ran.stderr.contains("synthetic"), "{}", ran.stderr);
    let said = ran.ok();
    assert!(said.contains("synthetic") && said.contains("demo/best.keras"), "{said}");
    let report = String::from_utf8(place.bytes("demo/report.html")).unwrap();
    assert!(report.contains("synthetic"));
    // Again into the same folder: it holds only a demo.
    place.run("demo --pictures 14 --epochs 1 --out demo").ok();
}
