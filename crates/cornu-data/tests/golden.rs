//! Against what Keras computes, where its vectors are present.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]

use cornu_data::{Interpolation, Pixels, Resize};
use cornu_testkit::golden::Cases;

fn check(cases: &Cases, id: &str, resize: Resize) {
    let case = cases.read(id).unwrap();
    let (input, expected) = (case.f32("in.0").unwrap(), case.f32("out.0").unwrap());
    let (from, to) = (input.dims().to_vec(), expected.dims());
    assert_eq!(from[0], 1, "one picture");
    let input = Pixels::F32(input.into_data());
    let got = resize.apply(&input, (from[1], from[2]), from[3], (to[1], to[2])).to_f32();
    let scale = expected.data().iter().fold(0.0f32, |m, x| m.max(x.abs()));
    assert_eq!(got.len(), expected.len(), "{id}");
    for (i, (got, want)) in got.iter().zip(expected.data()).enumerate() {
        assert!((got - want).abs() <= 2e-5 * scale + 1e-6, "{id} at {i}: {got}, Keras {want}");
    }
}

#[test]
fn resizing_is_that_of_keras() {
    let Some(cases) = Cases::find() else {
        eprintln!("skipped: there are no reference vectors here");
        return;
    };
    let bilinear = Resize::default();
    for case in [
        "layer/resizing-bilinear",
        "layer/resizing-up-bilinear",
        "layer/resizing-down-bilinear",
        "op/image-resize-bilinear",
    ] {
        check(&cases, case, bilinear);
    }
    check(&cases, "layer/resizing-antialias-bilinear", Resize { antialias: true, ..bilinear });
    let nearest = Resize { interpolation: Interpolation::Nearest, antialias: false };
    for case in [
        "layer/resizing-nearest",
        "layer/resizing-up-nearest",
        "layer/resizing-down-nearest",
        "op/image-resize-nearest",
    ] {
        check(&cases, case, nearest);
    }
    check(&cases, "layer/resizing-antialias-nearest", Resize { antialias: true, ..nearest });
}
