//! Golden cases of kind `random`: what a stochastic layer does to many elements in training.

use cornu_graph::Graph;
use cornu_nn::layers::CallArguments;
use cornu_nn::{Layer, LowerCx};
use cornu_tensor::{Shape, Tensor};
use cornu_testkit::{Case, Random};
use serde_json::Value;

use crate::layers::read_layer;
use crate::runtimes::Experiment;
use crate::tally::{Verdict, verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    let layer = read_layer(&case.json["object"])?;
    verdict(check_draws(case, &*layer))
}

fn check_draws(case: &Case, layer: &dyn Layer) -> Vec<String> {
    let dims: Vec<usize> = case.json["input_shape"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n.as_u64().unwrap() as usize)
        .collect();
    let mut numbers = Random::new(3);
    let input = match case.json["input"].as_str().unwrap() {
        "ones" => Tensor::full(&dims[..], 1.0),
        "zeros" => Tensor::full(&dims[..], 0.0),
        "normal" => Tensor::from_fn(&dims[..], |_| numbers.normal() as f32),
        other => return vec![format!("an input of {other}")],
    };
    let training = experiment(layer, &input, true);
    let y = training.outputs(5, 0).remove(0);
    let mut messages = Vec::new();
    if y != training.outputs(5, 0)[0] || y == training.outputs(5, 1)[0] {
        messages.push("the step decides what is drawn".to_owned());
    }
    if experiment(layer, &input, false).outputs(5, 0)[0] != input {
        messages.push("not the identity at inference".to_owned());
    }
    messages.extend(check_statistics(case, &y));
    messages.extend(check_axes(case, &y));
    messages
}

fn experiment(layer: &dyn Layer, input: &Tensor, training: bool) -> Experiment {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&input.dims()[1..])).unwrap();
    let y = layer
        .lower(
            &mut LowerCx {
                graph: &mut graph,
                training,
                trainable: true,
                weights: &[],
                weight_updates: &mut Vec::new(),
                losses: &mut Vec::new(),
                next_stream: &mut 0,
                call: &CallArguments::default(),
            },
            &[x],
        )
        .unwrap();
    graph.set_output("y", y);
    Experiment {
        graph,
        inputs: vec![("x".to_owned(), input.clone())],
        variables: Vec::new(),
        samples: input.dims()[0],
        expected: Vec::new(),
        after: Vec::new(),
        exact_to: None,
    }
}

/// Moments within a few standard errors (masks may be shared, so that fewer numbers are drawn).
fn check_statistics(case: &Case, y: &Tensor) -> Vec<String> {
    let golden = |key: &str| case.json[key].as_f64().unwrap();
    let draws: f64 =
        shared_axes(case).iter().zip(y.dims()).fold(y.len() as f64, |n, (axis, size)| {
            if axis["constant_along"] == true { n / *size as f64 } else { n }
        });
    let n = y.len() as f64;
    let mean = y.data().iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = y.data().iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
    let zeros = y.data().iter().filter(|&&x| x == 0.0).count() as f64 / n;
    let share = golden("zero_fraction");
    let mut messages = Vec::new();
    for (what, got, tolerance) in [
        ("mean", mean, 6.0 * golden("std") * (2.0 / draws).sqrt()),
        ("std", variance.sqrt(), 10.0 * golden("std") * (2.0 / draws).sqrt()),
        ("zero_fraction", zeros, 6.0 * (share * (1.0 - share) * 2.0 / draws).sqrt() + 1e-9),
    ] {
        if tolerance < (got - golden(what)).abs() {
            messages.push(format!("{what}: expected {}, got {got}", golden(what)));
        }
    }
    if let Some(values) = case.json["distinct_values"].as_array() {
        let values: Vec<f32> = values.iter().map(|v| v.as_f64().unwrap() as f32).collect();
        let known = |x: f32| values.iter().any(|v| (v - x).abs() <= 1e-6 * v.abs());
        if let Some(other) = y.data().iter().find(|&&x| !known(x)) {
            messages.push(format!("expected only {values:?}, got {other}"));
        }
    }
    messages
}

fn shared_axes(case: &Case) -> &[Value] {
    case.json["constant_axes"].as_array().map_or(&[], Vec::as_slice)
}

/// Along a shared axis all elements are alike, along any other they are not.
fn check_axes(case: &Case, y: &Tensor) -> Vec<String> {
    let strides = cornu_tensor::row_major_strides(y.dims());
    let mut messages = Vec::new();
    for axis in shared_axes(case) {
        let number = axis["axis"].as_u64().unwrap() as usize;
        let alike = (0..y.len()).all(|i| {
            let position = i / strides[number] % y.dims()[number];
            y.data()[i] == y.data()[i - position * strides[number]]
        });
        if alike != (axis["constant_along"] == true) {
            messages.push(format!("axis {number}: constant {alike}"));
        }
    }
    messages
}
