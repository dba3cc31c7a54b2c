use crate::cornu::Place;
use std::fs;

const TRAIN: &str = "train pictures --model net.json --epochs 1 --out run";

#[test]
fn a_corrupt_picture_is_named() {
    let place = Place::with_pictures();
    let picture = place.path("pictures/normal/00003.png");
    let bytes = fs::read(&picture).unwrap();
    fs::write(&picture, &bytes[..bytes.len() / 2]).unwrap();
    place.run(TRAIN).error(&["normal/00003.png", "remove it"]);
    // Also where pictures are read only when they are needed.
    place.run(&format!("{TRAIN} --cache-mb 0")).error(&["normal/00003.png"]);
    fs::write(&picture, b"\xff\xd8\xff\xe0 no picture").unwrap();
    place.run(TRAIN).error(&["normal/00003.png"]);
    assert!(!place.path("run/best.keras").exists());
}

/// A JPEG that ends neatly, but in the middle of its picture.
#[test]
fn a_jpeg_with_half_a_scan_is_named() {
    let place = Place::with_pictures();
    let whole = include_bytes!("../../../cornu-data/tests/jpeg/grey.jpg");
    let half = [&whole[..whole.len() * 7 / 10], &[0xFF, 0xD9]].concat();
    fs::write(place.path("whole.jpg"), whole).unwrap();
    fs::write(place.path("half.jpg"), half).unwrap();
    place.run("predict net.json whole.jpg").ok();
    place.run("predict net.json half.jpg").error(&["half.jpg: truncated picture", "blocks"]);
}

#[test]
fn good_pictures_are_predicted_although_others_are_bad() {
    let place = Place::with_pictures();
    for (name, bytes) in [("a.png", &b"no picture"[..]), ("b.jpg", b"\xff\xd8\xff\xe0 half")] {
        fs::write(place.path(&format!("pictures/{name}")), bytes).unwrap();
    }
    fs::write(place.path("bad.npy"), b"no array").unwrap();
    let ran = place.run("predict net.json pictures bad.npy nowhere.png --json");
    assert_eq!(ran.stdout.lines().count(), 20, "{}", ran.stderr);
    let named = |name: &str| ran.stderr.lines().filter(|line| line.contains(name)).count();
    for name in ["a.png: unsupported", "b.jpg: ", "bad.npy: ", "nowhere.png: "] {
        assert_eq!(named(name), 1, "{name}: {}", ran.stderr);
    }
    ran.error(&["4 of 24 files could not be predicted"]);
}

#[test]
fn a_network_that_was_never_trained_says_so() {
    let place = Place::with_pictures();
    for line in ["predict lesson-cnn pictures", "evaluate net.json pictures"] {
        let ran = place.run(line);
        assert!(ran.stderr.contains("not trained: its weights are random"), "{}", ran.stderr);
        ran.ok();
    }
    place.run(TRAIN).ok();
    let ran = place.run("predict run/best.keras pictures");
    assert!(!ran.stderr.contains("random"), "{}", ran.stderr);
}

#[test]
fn weights_that_are_no_numbers_are_named() {
    use cornu::prelude::Model;
    let place = Place::with_pictures();
    place.run(TRAIN).ok();
    let mut model = Model::load(place.path("run/best.keras")).unwrap();
    let mut weights = model.get_weights();
    let at = model.weight_infos().iter().position(|info| info.path.ends_with("conv2d/kernel"));
    weights[at.unwrap()].data_mut()[3] = f32::NAN;
    model.set_weights(&weights).unwrap();
    model.save(place.path("nan.keras")).unwrap();
    for command in ["predict", "evaluate"] {
        let ran = place.run(&format!("{command} nan.keras pictures"));
        assert!(ran.stdout.is_empty());
        ran.error(&["nan.keras: weights of layer `", "conv2d` hold NaN (`kernel`)"]);
    }
}

#[test]
fn sets_too_small_to_divide_are_named() {
    let place = Place::with_pictures();
    fs::remove_file(place.path("pictures/manifest.csv")).unwrap();
    for i in 1..10 {
        fs::remove_file(place.path(&format!("pictures/normal/{:05}.png", 2 * i + 1))).unwrap();
    }
    place.run(TRAIN).error(&["pictures: class `normal` has 1 sample,", "manifest.csv"]);
    for n in ["0", "5", "8193", "99999999999", "many"] {
        let ran = place.run(&format!("demo --pictures {n} --out demo"));
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains("expected a whole number from 6 to 8192"), "{}", ran.stderr);
    }
}

#[test]
fn inputs_that_are_no_pictures_of_one_size_are_explained() {
    let place = Place::with_pictures();
    let net = fs::read_to_string(place.path("net.json")).unwrap();
    let shape = "[null,32,32,1]";
    assert!(net.contains(shape), "{net}");
    for (other, expected) in [
        ("[null,null,null,1]", "must have a fixed height and width"),
        ("[null,32,32,4]", "1 (grey) or 3 (RGB) channels, not 4"),
    ] {
        fs::write(place.path("other.json"), net.replace(shape, other)).unwrap();
        place
            .run("train pictures --model other.json --epochs 1 --out other")
            .error(&["other.json: ", expected]);
        place.run("predict other.json pictures").error(&[expected]);
    }
}

#[test]
fn folders_that_are_no_data_sets_are_named() {
    let place = Place::with_pictures();
    fs::remove_file(place.path("pictures/manifest.csv")).unwrap();
    fs::create_dir(place.path("pictures/empty")).unwrap();
    place.run(TRAIN).error(&["pictures/empty: there are no pictures in this class folder"]);
    fs::remove_dir(place.path("pictures/empty")).unwrap();
    fs::remove_dir_all(place.path("pictures/normal")).unwrap();
    place.run(TRAIN).error(&["pictures: there is only one class, `effusion`"]);
    place.run("train nowhere --out run").error(&["nowhere: does not exist"]);
    place.run("predict net.json nowhere.png").error(&["nowhere.png"]);
    fs::create_dir(place.path("none")).unwrap();
    place.run("predict net.json none").error(&["none: there are no pictures in this folder"]);
}

#[test]
fn damaged_model_files_are_named() {
    let place = Place::with_pictures();
    place.run(TRAIN).ok();
    let bytes = place.bytes("run/best.keras");
    fs::write(place.path("empty.keras"), b"").unwrap();
    fs::write(place.path("half.keras"), &bytes[..bytes.len() / 2]).unwrap();
    for file in ["empty.keras", "half.keras"] {
        for command in ["summary", "plan", "bench"] {
            place.run(&format!("{command} {file}")).error(&[file]);
        }
        place.run(&format!("predict {file} pictures")).error(&[file]);
        place.run(&format!("evaluate {file} pictures")).error(&[file]);
        place.run(&format!("train pictures --out other --model {file}")).error(&[file]);
    }
    // A damaged run is not resumed, and not destroyed.
    fs::write(place.path("run/last.keras"), b"").unwrap();
    place.run("train pictures --out run --resume --epochs 2").error(&["run/last.keras"]);
    assert!(bytes == place.bytes("run/best.keras"));
}

#[test]
fn configs_that_are_not_understood_are_named() {
    let place = Place::with_pictures();
    let net = fs::read_to_string(place.path("net.json")).unwrap();
    fs::write(place.path("odd.json"), net.replace("GlobalAveragePooling2D", "Mystery")).unwrap();
    place.run("summary odd.json").error(&["odd.json: ", "Mystery"]);
    fs::write(place.path("odd.json"), "{").unwrap();
    place.run("summary odd.json").error(&["odd.json: ", "not JSON"]);
    place.run("summary lesson-cn").error(&["lesson-cn: no such file", "`lesson-cnn`"]);
}

#[test]
fn an_output_folder_that_cannot_be_made_is_named() {
    let place = Place::with_pictures();
    fs::write(place.path("file"), "").unwrap();
    let line = TRAIN.replace("--out run", "--out file/run");
    place.run(&line).error(&["file/run: cannot make the output folder", "--out"]);
    place.run("demo --out file").error(&["file: cannot make the output folder"]);
}

/// A limit on the size of files answers writes as a full disk does.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_the_models_as_they_are() {
    let place = Place::with_pictures();
    place.run(TRAIN).ok();
    let (best, last) = (place.bytes("run/best.keras"), place.bytes("run/last.keras"));
    let script = format!(
        "trap '' XFSZ; ulimit -f 8; exec '{}' train pictures --out run --resume --epochs 2",
        env!("CARGO_BIN_EXE_cornu")
    );
    let mut shell = std::process::Command::new("bash");
    shell.current_dir(place.path(".")).args(["-c", &script]);
    let ran: crate::cornu::Ran = shell.output().unwrap().into();
    assert_eq!(ran.stderr.matches(".keras").count(), 1, "{}", ran.stderr);
    ran.error(&["run/", ".keras: cannot write the file: "]);
    assert!(best == place.bytes("run/best.keras") && last == place.bytes("run/last.keras"));
    let left = fs::read_dir(place.path("run")).unwrap().count();
    assert_eq!(left, 6, "nothing unfinished stays");
}

#[test]
fn a_model_of_other_classes_does_not_evaluate() {
    let place = Place::with_pictures();
    place.run(TRAIN).ok();
    fs::remove_file(place.path("pictures/manifest.csv")).unwrap();
    fs::rename(place.path("pictures/normal"), place.path("pictures/healthy")).unwrap();
    place
        .run("evaluate run/best.keras pictures")
        .error(&["the model knows the classes `effusion`, `normal`, but not `healthy`"]);
}

#[test]
fn a_model_that_is_there_is_not_lost_unasked() {
    let place = Place::with_pictures();
    place.run(TRAIN).ok();
    let best = place.bytes("run/best.keras");
    // Nothing to go on from is no reason to start anew.
    fs::remove_file(place.path("run/last.keras")).unwrap();
    place.run(&format!("{TRAIN} --resume")).error(&["run", "no last.keras", "--overwrite"]);
    // A folder that holds a model is no demo's, whatever else is missing.
    fs::write(place.path("run/config.toml"), "damaged").unwrap();
    place.run("demo --out run --pictures 40 --epochs 1").error(&["run", "no demo"]);
    assert!(best == place.bytes("run/best.keras"));
}

#[test]
fn outputs_that_are_no_probabilities_are_refused_before_training() {
    let place = Place::with_pictures();
    let net = fs::read_to_string(place.path("net.json")).unwrap();
    assert!(net.contains("sigmoid"));
    fs::write(place.path("linear.json"), net.replace("sigmoid", "linear")).unwrap();
    place
        .run("train pictures --model linear.json --out other")
        .error(&["linear", "sigmoid", "softmax"]);
    assert!(!place.path("other/best.keras").exists());
}

#[test]
fn a_model_that_no_memory_could_hold_is_refused() {
    let place = Place::with_pictures();
    let net = fs::read_to_string(place.path("net.json")).unwrap();
    let filters = "\"filters\":4";
    assert!(net.contains(filters), "{net}");
    fs::write(place.path("huge.json"), net.replace(filters, "\"filters\":1000000000")).unwrap();
    for command in ["summary huge.json", "plan huge.json", "predict huge.json pictures"] {
        place.run(command).error(&["huge.json", "parameters", "kernel"]);
    }
}

#[test]
fn settings_that_would_do_nothing_are_refused() {
    let place = Place::with_pictures();
    place.run(TRAIN).ok();
    let further = "train pictures --model run/best.keras --epochs 1 --out further";
    place.run(&format!("{further} --augment none")).error(&["run/best.keras", "--augment"]);
    place.run(further).ok();
}

#[test]
fn too_large_batches_and_pictures_are_refused() {
    let place = Place::with_pictures();
    let memory = ["B of memory", "use a smaller batch, smaller pictures"];
    for batch in ["10000000000", "18446744073709551615"] {
        place.run(&format!("bench net.json --batch {batch}")).error(&memory);
        let plan = place.run(&format!("plan net.json --train --batch {batch}")).ok();
        assert!(plan.contains(&format!("memory of {batch} samples")), "{plan}");
        // A batch is never larger than the data set.
        let line = format!("{TRAIN} --overwrite --threads 1 --batch-size {batch}");
        place.run(&line).ok();
    }
    let net = fs::read_to_string(place.path("net.json")).unwrap();
    let shape = "[null,32,32,1]";
    assert!(net.contains(shape), "{net}");
    let with_shape = |name: &str, sizes: &str| {
        fs::write(place.path(name), net.replace(shape, sizes)).unwrap();
    };
    with_shape("large.json", "[null,1000000,100000,1]");
    place.run("bench large.json --batch 1").error(&memory);
    assert!(place.run("plan large.json").ok().contains(" TB; "));
    with_shape("absurd.json", "[null,10000000000,10000000000,10000000000]");
    for command in ["summary absurd.json", "plan absurd.json", "bench absurd.json"] {
        place.run(command).error(&["absurd.json", "too large"]);
    }
}

/// A limit on addresses answers as a machine without memory does.
#[cfg(target_os = "linux")]
#[test]
fn memory_that_the_system_refuses_is_an_error() {
    let place = Place::with_pictures();
    let script = format!(
        "ulimit -v 1000000; exec '{}' bench net.json --threads 1 --batch 300000",
        env!("CARGO_BIN_EXE_cornu")
    );
    let mut shell = std::process::Command::new("bash");
    shell.current_dir(place.path(".")).args(["-c", &script]);
    let ran: crate::cornu::Ran = shell.output().unwrap().into();
    ran.error(&["300000 samples", "memory"]);
}

#[test]
fn pictures_to_evaluate_need_not_be_enough_to_train() {
    let place = Place::with_pictures();
    place.run(TRAIN).ok();
    let manifest = place.path("pictures/manifest.csv");
    let write = |rows: &str| fs::write(&manifest, format!("file,class,split\n{rows}")).unwrap();
    write("effusion/00000.png,effusion,test\nnormal/00001.png,normal,test\n");
    let scores = place.run("evaluate run/best.keras pictures --json").json().remove(0);
    assert_eq!(scores["samples"], 2);
    place
        .run("evaluate run/best.keras pictures --split val")
        .error(&["pictures/manifest.csv: there are no pictures in split `val`", "--split"]);
    place
        .run("evaluate run/best.keras pictures --seed 5")
        .error(&["--seed can change nothing", "which split"]);
    place
        .run("train pictures --model net.json --out other")
        .error(&["no sample of class", "train"]);
    // One class: there is no area under a curve.
    write("normal/00001.png,normal,test\n");
    let scores = place.run("evaluate run/best.keras pictures --json").json().remove(0);
    assert!(scores["auc"].is_null() && scores["samples"] == 1, "{scores}");
    fs::remove_file(&manifest).unwrap();
    fs::remove_dir_all(place.path("pictures/effusion")).unwrap();
    let scores = place.run("evaluate run/best.keras pictures --json").json().remove(0);
    assert!(scores["auc"].is_null() && scores["samples"] == 10, "{scores}");
    // What the classes are numbered by is not known here.
    place.run("evaluate net.json pictures").error(&["only one class, `normal`"]);
}

#[cfg(unix)]
#[test]
fn one_bad_name_does_not_keep_others_from_being_predicted() {
    use std::os::unix::{ffi::OsStrExt, fs::symlink, net::UnixListener};
    let place = Place::with_pictures();
    symlink("..", place.path("pictures/loop")).unwrap();
    // Some file systems refuse such names.
    let odd = std::ffi::OsStr::from_bytes(b"odd\xff.png");
    let n = 4 + usize::from(fs::write(place.path("pictures").join(odd), "").is_ok());
    let made = std::process::Command::new("mkfifo").arg(place.path("pictures/pipe.png")).status();
    assert!(made.unwrap().success());
    let _socket = UnixListener::bind(place.path("pictures/socket.png")).unwrap();
    let tab = "pictures/a\tb\n.png";
    fs::copy(place.path("pictures/normal/00001.png"), place.path(tab)).unwrap();
    let ran = place.run("predict net.json pictures nosuch.png");
    for part in
        ["loop", "pipe.png: cannot read", "socket.png: cannot read", "nosuch.png: there is no"]
    {
        assert!(ran.stderr.contains(part), "`{part}` is not in {}", ran.stderr);
    }
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines.iter().all(|line| line.split('\t').count() == 3), "{lines:?}");
    assert!(ran.stdout.contains("a\\tb\\n.png"), "{}", ran.stdout);
    ran.error(&[&format!("{n} of "), "could not be predicted"]);
    place
        .run("predict net.json nosuch.png")
        .error(&["nosuch.png: there is no such file; give pictures, folders"]);
}

#[test]
fn a_demo_exports_over_nothing_of_the_users() {
    let place = Place::with_pictures();
    let rows = "file,class\nnormal/00001.png,a\neffusion/00000.png,b\n";
    fs::write(place.path("pictures/manifest.csv"), rows).unwrap();
    let picture = place.bytes("pictures/effusion/00000.png");
    place
        .run("demo --pictures 14 --epochs 1 --out demo --export pictures")
        .error(&["pictures/manifest.csv: this was not written by an earlier export", "--export"]);
    assert!(picture == place.bytes("pictures/effusion/00000.png"));
    assert_eq!(place.bytes("pictures/manifest.csv"), rows.as_bytes());
    place.run("demo --pictures 14 --epochs 1 --out demo --export net.json/pictures").error(&[
        "net.json/pictures",
        "cannot make the folder",
        "--export",
    ]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_while_a_demo_draws_stops_it() {
    use std::io::BufRead;
    let place = Place::new();
    let mut child = place
        .command()
        .args(["demo", "--pictures", "8192"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("drawing 8192"));
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let said: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said:?}");
    assert!(said.last().unwrap().contains("stopped before training began"), "{said:?}");
    assert!(!place.path("cornu-demo").exists());
}
