//! Losses: values and gradients for every weight and reduction.

use cornu_engine::{Options, Program, Run, Runtime, Variables};
use cornu_graph::{Graph, gradient};
use cornu_nn::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, LOSSES, Loss, MeanSquaredError, Reduction,
    SparseCategoricalCrossentropy, crossentropy_for_shapes, loss_from_config,
};
use cornu_tensor::{Array, Shape, Tensor};
use cornu_testkit::Case;
use serde_json::{Value, json};

use crate::golden_tally::{Outcome, run_kind};

#[test]
fn golden() {
    run_kind("loss", run_case);
}

fn run_case(case: &Case) -> Outcome {
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
            let loss = match loss_from_config(&object) {
                Ok(loss) => loss,
                Err(error) => return Outcome::of_error(&error),
            };
            let key = format!("{weight}.{reduction}");
            let result = check_combination(case, &*loss, &weight, &key);
            // Keras spreads weights (n) over losses (n, T) along T if T happens to be n; here that is an
            // error as for any other T.
            let spread = weight == "B" && case.id == "loss/cosinesimilarity-axis1";
            match (result, spread || skipped.contains(&key)) {
                (Ok(()), false) | (Err(_), true) => {}
                (Err(message), false) => failures.push(message),
                (Ok(()), true) => failures.push(format!("{key}: Keras refuses this")),
            }
        }
    }
    Outcome::of(failures)
}

fn check_combination(case: &Case, loss: &dyn Loss, weight: &str, key: &str) -> Result<(), String> {
    let y_true = case.f32("y_true").unwrap();
    let y_pred = case.f32("y_pred").unwrap();
    let sample_weight = case.f32(&format!("sw.{weight}"));
    let with_gradient = case.has(&format!("grad.{key}"));
    let graph = loss_graph(loss, &y_true, &y_pred, sample_weight.as_ref(), with_gradient)
        .map_err(|error| error.to_string())?;
    let mut inputs = vec![("y_true", y_true.data()), ("y_pred", y_pred.data())];
    if let Some(sample_weight) = &sample_weight {
        inputs.push(("sample_weight", sample_weight.data()));
    }
    let names = [format!("val.{key}"), format!("grad.{key}")];
    let options = Options::from_environment().unwrap();
    let run = |runtime: Runtime| -> Result<(), String> {
        let mut program = Program::compile(graph.clone(), &options.clone().runtime(runtime))
            .map_err(|error| error.to_string())?;
        let mut variables = Variables::new();
        let mut run = Run {
            inputs: &inputs,
            variables: &mut variables,
            binding: &[],
            samples: y_pred.dims()[0],
            seed: 0,
            step: 0,
        };
        if runtime == Runtime::Reference {
            let outputs = program.run_exact(&mut run).map_err(|error| error.to_string())?;
            names.iter().zip(&outputs).try_for_each(|(name, got)| case.check_f64(name, got))
        } else {
            let outputs = program.run(&mut run).map_err(|error| error.to_string())?;
            names.iter().zip(&outputs).try_for_each(|(name, got)| case.check(name, got))
        }
    };
    run(Runtime::Reference)?;
    run(Runtime::Fused)
}

fn loss_graph(
    loss: &dyn Loss,
    y_true: &Tensor,
    y_pred: &Tensor,
    sample_weight: Option<&Tensor>,
    with_gradient: bool,
) -> Result<Graph, cornu_nn::LayerError> {
    let mut graph = Graph::new();
    let batched = |tensor: &Tensor| Shape::batched(&tensor.dims()[1..]);
    let truth = graph.input("y_true", batched(y_true))?;
    let pred = graph.input("y_pred", batched(y_pred))?;
    let weight = match sample_weight {
        Some(weight) => Some(graph.input("sample_weight", batched(weight))?),
        None => None,
    };
    let value = loss.lower(&mut graph, truth, pred, weight)?;
    graph.set_output("loss", value);
    if with_gradient {
        let d_pred = gradient(&mut graph, value, &[pred])?[0].unwrap();
        graph.set_output("gradient", d_pred);
    }
    Ok(graph)
}

#[test]
fn every_loss_is_read_back_from_its_configuration() {
    for entry in LOSSES {
        let loss = loss_from_config(&json!(entry.class_name)).unwrap();
        assert_eq!(loss.class_name(), entry.class_name);
        let object = json!({"class_name": loss.class_name(), "config": loss.config()});
        let again = loss_from_config(&object).unwrap();
        assert_eq!(again.config(), loss.config());
        for name in entry.names {
            assert_eq!(loss_from_config(&json!(name)).unwrap().class_name(), entry.class_name);
        }
    }
}

#[test]
fn unknown_names_and_settings_are_errors() {
    let error = |value: Value| loss_from_config(&value).unwrap_err().to_string();
    assert!(error(json!("mean_squared_errror")).contains("mean_squared_errror"));
    assert!(error(json!({"class_name": "Huber", "config": {"detla": 1.0}})).contains("detla"));
    let config = json!({"label_smoothing": 2.0});
    let object = json!({"class_name": "BinaryCrossentropy", "config": config});
    assert!(error(object).contains("label_smoothing"));
    for policy in ["float64", "float16", "mixed_bfloat16"] {
        let object = json!({"class_name": "Huber", "config": {"dtype": policy}});
        assert!(error(object.clone()).contains(policy));
        let metric = json!({"class_name": "AUC", "config": {"dtype": policy}});
        let refused = cornu_nn::metrics::metric_from_config(&metric).unwrap_err().to_string();
        assert!(refused.contains(policy), "{refused}");
    }
    let object = json!({"class_name": "Hinge", "config": {"reduction": "average"}});
    assert!(error(object).contains("average"));
}

#[test]
fn null_means_no_reduction() {
    let object = json!({"class_name": "MeanSquaredError", "config": {"reduction": null}});
    assert_eq!(loss_from_config(&object).unwrap().reduction(), Reduction::None);
}

#[test]
fn crossentropy_goes_by_the_shapes() {
    let class =
        |y_true: &[usize], y_pred: &[usize]| crossentropy_for_shapes(y_true, y_pred).class_name();
    assert_eq!(class(&[8], &[8, 1]), "BinaryCrossentropy");
    assert_eq!(class(&[8, 1], &[8, 3]), "SparseCategoricalCrossentropy");
    assert_eq!(class(&[8], &[8, 3]), "SparseCategoricalCrossentropy");
    assert_eq!(class(&[8, 3], &[8, 3]), "CategoricalCrossentropy");
}

/// A saturated sigmoid's cross-entropy: from the probability it would be cut off at `-log(1e-7)` with
/// gradient 0.
#[test]
fn probabilities_straight_from_a_sigmoid_are_taken_back_to_logits() {
    let mut graph = Graph::new();
    let y_true = graph.input("y_true", Shape::batched([1])).unwrap();
    let logits = graph.input("logits", Shape::batched([1])).unwrap();
    let y_pred = graph.sigmoid(logits).unwrap();
    let loss = BinaryCrossentropy::new().lower(&mut graph, y_true, y_pred, None).unwrap();
    let d_logits = gradient(&mut graph, loss, &[logits]).unwrap()[0].unwrap();
    graph.set_output("loss", loss);
    graph.set_output("gradient", d_logits);
    let outputs = run_exact(graph, &[("y_true", &[1.0]), ("logits", &[-40.0])], 1);
    assert!((outputs[0].data()[0] - 40.0).abs() < 1e-9, "{outputs:?}");
    assert!((outputs[1].data()[0] + 1.0).abs() < 1e-9, "{outputs:?}");
}

/// As above, for a softmax: the gradient is `p - y` although `p` is 0 to 17 digits.
#[test]
fn probabilities_straight_from_a_softmax_are_taken_back_to_logits() {
    for sparse in [false, true] {
        let mut graph = Graph::new();
        let sizes: &[usize] = if sparse { &[] } else { &[2] };
        let y_true = graph.input("y_true", Shape::batched(sizes)).unwrap();
        let logits = graph.input("logits", Shape::batched([2])).unwrap();
        let y_pred = graph.softmax(logits, 1).unwrap();
        let loss: Box<dyn Loss> = if sparse {
            Box::new(SparseCategoricalCrossentropy::new())
        } else {
            Box::new(CategoricalCrossentropy::new())
        };
        let value = loss.lower(&mut graph, y_true, y_pred, None).unwrap();
        let d_logits = gradient(&mut graph, value, &[logits]).unwrap()[0].unwrap();
        graph.set_output("loss", value);
        graph.set_output("gradient", d_logits);
        let labels: &[f32] = if sparse { &[0.0] } else { &[1.0, 0.0] };
        let outputs = run_exact(graph, &[("y_true", labels), ("logits", &[-40.0, 0.0])], 1);
        assert!((outputs[0].data()[0] - 40.0).abs() < 1e-9, "{outputs:?}");
        assert!((outputs[1].data()[0] + 1.0).abs() < 1e-9, "{outputs:?}");
    }
}

/// As in Keras labels are smoothed by the size of the last axis, whichever the classes' axis is.
#[test]
fn labels_are_smoothed_by_the_last_axis() {
    let mut graph = Graph::new();
    let y_true = graph.input("y_true", Shape::batched([3, 2])).unwrap();
    let y_pred = graph.input("y_pred", Shape::batched([3, 2])).unwrap();
    let loss = CategoricalCrossentropy::new().axis(1).label_smoothing(0.2);
    let value = loss.lower(&mut graph, y_true, y_pred, None).unwrap();
    graph.set_output("loss", value);
    let inputs: &[(&str, &[f32])] =
        &[("y_true", &[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]), ("y_pred", &[0.5; 6])];
    let loss = run_exact(graph, inputs, 1)[0].data()[0];
    assert!((loss - (0.8 + 3.0 * 0.1) * 3f64.ln()).abs() < 1e-9, "{loss}");
}

#[test]
fn labels_are_not_broadcast_to_classes() {
    let mut graph = Graph::new();
    let y_true = graph.input("y_true", Shape::batched([1])).unwrap();
    let y_pred = graph.input("y_pred", Shape::batched([3])).unwrap();
    let error = CategoricalCrossentropy::new().lower(&mut graph, y_true, y_pred, None).unwrap_err();
    assert!(error.to_string().contains("(None, 3)"), "{error}");
}

#[test]
fn weights_that_are_all_zero_give_zero_not_nan() {
    let mut graph = Graph::new();
    let y_true = graph.input("y_true", Shape::batched([2])).unwrap();
    let y_pred = graph.input("y_pred", Shape::batched([2])).unwrap();
    let weight = graph.input("weight", Shape::batched([])).unwrap();
    let loss = MeanSquaredError::new().reduction(Reduction::MeanWithSampleWeight);
    let value = loss.lower(&mut graph, y_true, y_pred, Some(weight)).unwrap();
    graph.set_output("loss", value);
    let inputs: &[(&str, &[f32])] =
        &[("y_true", &[1.0, 2.0]), ("y_pred", &[0.0, 5.0]), ("weight", &[0.0])];
    assert_eq!(run_exact(graph, inputs, 1)[0].data(), [0.0]);
}

fn run_exact(graph: Graph, inputs: &[(&str, &[f32])], samples: usize) -> Vec<Array<f64>> {
    let options = Options::from_environment().unwrap().runtime(Runtime::Reference);
    let program = Program::compile(graph, &options).unwrap();
    let mut variables = Variables::new();
    let mut run =
        Run { inputs, variables: &mut variables, binding: &[], samples, seed: 0, step: 0 };
    program.run_exact(&mut run).unwrap()
}
