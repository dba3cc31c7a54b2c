//! Resizing against what Keras computes, where its vectors are present.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]

use cornu_data::{Interpolation, Pixels, Resize};
use cornu_testkit::golden::{Case, Cases};
use serde_json::Value;

/// How a case resizes, if folders of pictures can be read that way.
fn resize(case: &Case, settings: &Value) -> Option<Resize> {
    let is_plain = |key: &str| settings[key] != true;
    let interpolation = match settings["interpolation"].as_str().unwrap_or("bilinear") {
        "bilinear" => Interpolation::Bilinear,
        "nearest" => Interpolation::Nearest,
        _ => return None,
    };
    let is_taken = settings["data_format"] != "channels_first"
        && is_plain("crop_to_aspect_ratio")
        && is_plain("pad_to_aspect_ratio")
        && case.f32("in.0")?.dims().len() == 4;
    is_taken.then(|| Resize { interpolation, antialias: !is_plain("antialias") })
}

fn check(case: &Case, resize: Resize) {
    let (input, expected) = (case.f32("in.0").unwrap(), case.f32("out.0").unwrap());
    let [samples, height, width, channels] = *input.dims() else { unreachable!() };
    let size = (expected.dims()[1], expected.dims()[2]);
    for i in 0..samples {
        let pixels =
            |all: &[f32]| all[i * all.len() / samples..(i + 1) * all.len() / samples].to_vec();
        let one = Pixels::F32(pixels(input.data()));
        let got = resize.apply(&one, (height, width), channels, size).to_f32();
        let expected = pixels(expected.data());
        let scale = expected.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        assert_eq!(got.len(), expected.len(), "{}", case.id);
        for (i, (got, want)) in got.iter().zip(&expected).enumerate() {
            let id = &case.id;
            assert!((got - want).abs() <= 2e-5 * scale + 1e-6, "{id} at {i}: {got}, Keras {want}");
        }
    }
}

#[test]
fn resizing_is_that_of_keras() {
    let Some(cases) = Cases::find().or_else(Cases::committed) else {
        eprintln!("skipped: there are no reference vectors here");
        return;
    };
    for case in cases.of_kind("layer").filter(|case| case.class() == "Resizing") {
        if let Some(resize) = resize(&case, case.config()) {
            check(&case, resize);
        }
    }
    for case in cases.of_kind("op").filter(|case| case.function() == "image.resize") {
        if let Some(resize) = resize(&case, &case.json["kwargs"]) {
            check(&case, resize);
        }
    }
}
