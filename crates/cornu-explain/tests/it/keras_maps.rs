//! Maps that Keras on TensorFlow made of small networks: `conformance/keras/explain.py --vectors`.

use cornu_explain::{Explainer, Method, Target};
use cornu_model::Model;
use cornu_tensor::Tensor;
use serde_json::Value;

const VECTORS: &str = include_str!("keras_maps.json");

fn tensor(value: &Value) -> Tensor {
    let numbers = |key: &str| value[key].as_array().unwrap().iter();
    let dims: Vec<usize> = numbers("shape").map(|x| x.as_u64().unwrap() as usize).collect();
    Tensor::new(dims, numbers("data").map(|x| x.as_f64().unwrap() as f32).collect()).unwrap()
}

/// Greatest difference, as a share of the greatest number.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let far = b.iter().fold(1e-6f32, |far, x| far.max(x.abs()));
    a.iter().zip(b).fold(0.0f32, |d, (x, y)| d.max((x - y).abs())) / far
}

/// Pearson's.
fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let centred = |x: &[f32]| -> Vec<f64> {
        let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / x.len() as f64;
        x.iter().map(|&x| f64::from(x) - mean).collect()
    };
    let (a, b) = (centred(a), centred(b));
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

#[test]
fn maps_are_those_of_keras() {
    let cases: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    let mut compared = 0;
    for case in &cases {
        let mut model = Model::from_json(&case["config"].to_string()).unwrap();
        let weights: Vec<Tensor> = case["weights"].as_array().unwrap().iter().map(tensor).collect();
        model.set_weights(&weights).unwrap();
        let pictures = tensor(&case["pictures"]);
        let class = case["class"].as_u64().unwrap() as usize;
        let targets = vec![Target::Class(class); pictures.dims()[0]];
        let mut explainer = Explainer::new(&model).unwrap();
        for (name, expected) in case["maps"].as_object().unwrap() {
            let what = format!("{} class {class} {name}", model.name());
            let mut method = Method::named(name).unwrap();
            if name == "integrated-gradients" {
                let by_default = explainer.explain_batch(&pictures, &method, &targets).unwrap();
                let gaps = by_default.iter().map(|map| map.completeness.unwrap().gap());
                assert!(gaps.fold(0.0, f64::max) < 0.01, "{what}");
            }
            if let Method::IntegratedGradients(settings) = &mut method {
                // Keras was asked for 64 steps, however close they come.
                settings.max_steps = 64;
            }
            if let Method::SmoothGrad(settings) = &mut method {
                settings.samples = 2048;
            }
            let maps = explainer.explain_batch(&pictures, &method, &targets).unwrap();
            let (expected, scores) = (tensor(expected), tensor(&case["scores"]));
            let outputs = tensor(&case["outputs"]);
            for (i, map) in maps.iter().enumerate() {
                let (values, expected) = (map.values.data(), expected.rows(i, i + 1));
                if name == "smoothgrad" {
                    // Each draws noise of its own: only its mean is the same.
                    let alike = correlation(values, expected.data());
                    assert!(0.99 < alike, "{what}, picture {i}: {alike}");
                } else {
                    // Saliency and the like have kinks where a unit is nearly off.
                    let far = difference(values, expected.data());
                    assert!(far < 2e-4, "{what}, picture {i}: {far}");
                }
                assert!((map.score - f64::from(scores.data()[i])).abs() < 1e-4, "{what}");
                assert!(difference(&map.outputs, outputs.rows(i, i + 1).data()) < 1e-4, "{what}");
                compared += 1;
            }
        }
    }
    // Four cases of two pictures.
    assert_eq!(compared, 4 * 2 * Method::NAMES.len());
}
