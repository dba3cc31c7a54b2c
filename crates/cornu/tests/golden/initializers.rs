//! Golden cases of kind `initializer`: exact values, or statistics within sampling error.

use cornu_nn::Initializer;
use cornu_tensor::Tensor;
use cornu_testkit::Case;
use serde_json::Value;

use crate::tally::{Verdict, verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    let initializer = match Initializer::from_config("initializer", &case.json["object"])? {
        // Keras's configuration leaves the gain out.
        Initializer::Identity { .. } => {
            Initializer::Identity { gain: case.f64("out.0").unwrap().data()[0] }
        }
        initializer => initializer,
    };
    let dims: Vec<usize> = case.json["shape"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n.as_u64().unwrap() as usize)
        .collect();
    let values = initializer.values(&dims, 77);
    let mut messages = Vec::new();
    if values.dims() != dims || initializer.values(&dims, 77) != values {
        messages.push("other values or another shape on the second call".to_owned());
    }
    match case.json["check"].as_str().unwrap() {
        "exact" => messages.extend(case.check("out.0", &values).err()),
        "orthogonal" => messages.extend(check_orthogonal(&values, &case.json["gram_scale"])),
        _ => messages.extend(check_statistics(case, &values)),
    }
    verdict(messages)
}

/// Mean, deviation and bounds as Keras drew them, within five standard errors of both samples.
fn check_statistics(case: &Case, values: &Tensor) -> Vec<String> {
    let golden = |key: &str| case.json["stats"][key].as_f64().unwrap();
    let n = values.len() as f64;
    let mean = values.data().iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = values.data().iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
    let (std, error) = (variance.sqrt(), 5.0 * golden("std") * (2.0 / n).sqrt());
    let min = values.data().iter().copied().fold(f32::INFINITY, f32::min);
    let max = values.data().iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut messages = Vec::new();
    for (what, got, tolerance) in [
        ("mean", mean, error),
        ("std", std, error),
        // Bounds of uniform and truncated numbers are met closely; those of normals vary.
        ("min", f64::from(min), golden("std")),
        ("max", f64::from(max), golden("std")),
    ] {
        if tolerance < (got - golden(what)).abs() {
            messages.push(format!("{what}: expected {}, got {got}", golden(what)));
        }
    }
    messages
}

/// The product of the matrix with its own transpose, on the shorter side, is a multiple of one.
fn check_orthogonal(values: &Tensor, gram_scale: &Value) -> Option<String> {
    let n_columns = *values.dims().last().unwrap();
    let n_rows = values.len() / n_columns;
    let at = |row: usize, column: usize| f64::from(values.data()[row * n_columns + column]);
    let n = n_rows.min(n_columns);
    for i in 0..n {
        for j in 0..n {
            let product: f64 = if n_columns <= n_rows {
                (0..n_rows).map(|row| at(row, i) * at(row, j)).sum()
            } else {
                (0..n_columns).map(|column| at(i, column) * at(j, column)).sum()
            };
            let expected = if i == j { gram_scale.as_f64().unwrap() } else { 0.0 };
            if 1e-5 < (product - expected).abs() {
                return Some(format!("vectors {i} and {j}: expected {expected}, got {product}"));
            }
        }
    }
    None
}
