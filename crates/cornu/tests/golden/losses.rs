//! Golden cases of kind `loss`: values and gradients for every weight and reduction.

use cornu_graph::{Graph, gradient};
use cornu_nn::LayerError;
use cornu_nn::losses::{Loss, loss_from_config};
use cornu_tensor::{Shape, Tensor};
use cornu_testkit::Case;
use serde_json::{Value, json};

use crate::runtimes::Experiment;
use crate::tally::{Verdict, verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    let mut failures = Vec::new();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let names = |key: &str| case.json[key].as_array().unwrap().iter().map(text).collect::<Vec<_>>();
    let skipped: Vec<String> =
        case.json["skipped"].as_array().unwrap().iter().map(|pair| text(&pair[0])).collect();
    for weight in names("sample_weights") {
        for reduction in names("reductions") {
            let mut config = case.json["args"].clone();
            config["reduction"] = reduction.clone().into();
            let object = json!({"class_name": case.class(), "config": config});
            let loss = loss_from_config(&object)?;
            let key = format!("{weight}.{reduction}");
            let keras_refuses = skipped.contains(&key) || is_spread(case, &weight);
            match (experiment(case, &*loss, &weight, &key), keras_refuses) {
                (Ok(experiment), false) => failures.extend(experiment.check(case)),
                (Err(_), true) => {}
                (Err(error), false) => failures.push(format!("{key}: {error}")),
                (Ok(_), true) => failures.push(format!("{key}: Keras refuses this")),
            }
        }
    }
    verdict(failures)
}

/// Keras spreads weights (n) over losses (n, T) along T if T happens to be n; here that is an error as
/// for any other T.
fn is_spread(case: &Case, weight: &str) -> bool {
    let Some(losses) = case.f32("val.none.none") else { return false };
    case.f32(&format!("sw.{weight}")).is_some_and(|weight| {
        weight.dims().len() == 1 && losses.dims() == [weight.len(), weight.len()]
    })
}

fn experiment(
    case: &Case,
    loss: &dyn Loss,
    weight: &str,
    key: &str,
) -> Result<Experiment, LayerError> {
    let mut graph = Graph::new();
    let mut inputs = Vec::new();
    let mut input = |graph: &mut Graph, name: &str, tensor: Tensor| {
        let shape = Shape::batched(&tensor.dims()[1..]);
        inputs.push((name.to_owned(), tensor));
        graph.input(name, shape)
    };
    let y_true = input(&mut graph, "y_true", case.f32("y_true").unwrap())?;
    let y_pred = case.f32("y_pred").unwrap();
    let samples = y_pred.dims()[0];
    let y_pred = input(&mut graph, "y_pred", y_pred)?;
    let weight = match case.f32(&format!("sw.{weight}")) {
        Some(weight) => Some(input(&mut graph, "sample_weight", weight)?),
        None => None,
    };
    let value = loss.lower(&mut graph, y_true, y_pred, weight)?;
    graph.set_output("loss", value);
    let mut expected = vec![format!("val.{key}")];
    let name = format!("grad.{key}");
    if case.has(&name) {
        let d_pred = gradient(&mut graph, value, &[y_pred])?[0].unwrap();
        graph.set_output("gradient", d_pred);
        expected.push(name);
    }
    // Keras rounds the smoothing to `f32`, and TensorFlow's gradient of cross-entropy takes labels to
    // sum to 1, which rounded shares do not quite.
    let is_rounded = case.json["args"]["label_smoothing"].is_number()
        || inputs[0].1.data().iter().any(|label| label.fract() != 0.0);
    Ok(Experiment {
        graph,
        inputs,
        variables: Vec::new(),
        samples,
        expected,
        after: Vec::new(),
        exact_to: is_rounded.then_some(2e-7),
    })
}
