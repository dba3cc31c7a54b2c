use std::fs;

use crate::cornu::Place;

fn with_model() -> Place {
    let place = Place::with_pictures();
    place.run("train pictures --model net.json --out run --epochs 1").ok();
    place
}

#[test]
fn all_methods_are_written_with_words() {
    let place = with_model();
    let pictures: Vec<_> = fs::read_dir(place.path("pictures/effusion")).unwrap().collect();
    let picture = pictures[0].as_ref().unwrap().file_name().into_string().unwrap();
    let line = format!(
        "explain run pictures/effusion/{picture} --method all --class effusion --out why --sanity --json"
    );
    let printed = place.run(&line).json();
    let maps: Vec<_> = printed.iter().filter(|value| value["method"].is_string()).collect();
    assert_eq!(maps.len(), 7);
    for map in &maps {
        assert_eq!(map["class"], "effusion");
        let png = place.bytes(map["png"].as_str().unwrap());
        let description = map["description"].as_str().unwrap();
        assert!(description.starts_with(map["method"].as_str().unwrap()), "{description}");
        let has = |bytes: &[u8]| png.windows(bytes.len()).any(|window| window == bytes);
        assert!(has(b"tEXtDescription\0") && has(description.as_bytes()));
        let npy = cornu::data::read_npy(&place.path(map["npy"].as_str().unwrap())).unwrap();
        assert_eq!(npy.dims(), [32, 32]);
    }
    let checks: Vec<_> = printed.iter().filter(|value| value["sanity"].is_string()).collect();
    assert_eq!(checks.len(), 7);
    // Dense, then the convolution.
    assert!(checks.iter().all(|check| check["steps"].as_array().unwrap().len() == 2));
    for file in ["contact-sheet.png", "sanity.png", "sanity.json", "explain.json"] {
        assert!(place.path("why").join(file).is_file(), "{file}");
    }
}

#[test]
fn folders_and_files_that_cannot_be_read() {
    let place = with_model();
    fs::write(place.path("bad.png"), b"no picture").unwrap();
    let ran = place.run("explain run/best.keras pictures/normal bad.png --out why");
    assert_eq!(ran.code, 1);
    assert_eq!(ran.stdout.lines().count(), 10);
    assert!(
        ran.stderr.contains("bad.png") && ran.stderr.contains("1 of 11 files"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_does_not_fit_is_said() {
    let place = with_model();
    let run = |rest: &str| place.run(&format!("explain run pictures/normal {rest}"));
    run("--class pneumonia").error(&["--class pneumonia", "effusion, normal"]);
    run("--class 2").error(&["class 2", "0 to 1"]);
    run("--layer nowhere").error(&["layer `nowhere`", "functional/conv2d`"]);
    run("--layer functional/dense")
        .error(&["layer `functional/dense`", "(N, rows, columns, channels)"]);
    run("--method saliency --layer functional/conv2d").error(&["--layer", "leave it out"]);
    place.run("explain run nowhere.png").error(&["nowhere.png"]);
    assert_eq!(run("--method magic").code, 2);
}
