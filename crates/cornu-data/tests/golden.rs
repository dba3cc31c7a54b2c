//! Against what Keras computes. Needs the reference vectors: `CORNU_GOLDEN` names their folder.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests, which clippy does not recognize"
)]

use cornu_data::{Interpolation, Pixels, Resize};
use safetensors::SafeTensors;
use std::fs;
use std::path::PathBuf;

fn check(case: &str, resize: Resize) {
    let root = PathBuf::from(std::env::var_os("CORNU_GOLDEN").expect("CORNU_GOLDEN is set"));
    let bytes = fs::read(root.join(format!("{case}.safetensors"))).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let read = |name: &str| {
        let tensor = tensors.tensor(name).unwrap();
        let (words, _) = tensor.data().as_chunks::<4>();
        let numbers: Vec<f32> = words.iter().map(|&word| f32::from_le_bytes(word)).collect();
        (tensor.shape().to_vec(), numbers)
    };
    let ((from, input), (to, expected)) = (read("in.0"), read("out.0"));
    assert_eq!(from[0], 1, "one picture");
    let input = Pixels::F32(input);
    let got = resize.apply(&input, (from[1], from[2]), from[3], (to[1], to[2])).to_f32();
    let scale = expected.iter().fold(0.0f32, |m, x| m.max(x.abs()));
    assert_eq!(got.len(), expected.len(), "{case}");
    for (i, (got, want)) in got.iter().zip(&expected).enumerate() {
        assert!((got - want).abs() <= 2e-5 * scale + 1e-6, "{case} at {i}: {got}, Keras {want}");
    }
}

#[test]
#[ignore = "needs the reference vectors"]
fn resizing_is_that_of_keras() {
    let bilinear = Resize::default();
    for case in [
        "layer/resizing-bilinear",
        "layer/resizing-up-bilinear",
        "layer/resizing-down-bilinear",
        "op/image-resize-bilinear",
    ] {
        check(case, bilinear);
    }
    check("layer/resizing-antialias-bilinear", Resize { antialias: true, ..bilinear });
    let nearest = Resize { interpolation: Interpolation::Nearest, antialias: false };
    for case in [
        "layer/resizing-nearest",
        "layer/resizing-up-nearest",
        "layer/resizing-down-nearest",
        "op/image-resize-nearest",
    ] {
        check(case, nearest);
    }
    check("layer/resizing-antialias-nearest", Resize { antialias: true, ..nearest });
}
