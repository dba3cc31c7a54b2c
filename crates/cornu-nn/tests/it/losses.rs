//! Losses: values and gradients for every weight and reduction.

use cornu_engine::{Options, Program, Run, Runtime, Variables};
use cornu_graph::{Graph, gradient};
use cornu_nn::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, LOSSES, Loss, MeanSquaredError, Reduction,
    SparseCategoricalCrossentropy, crossentropy_for_shapes, loss_from_config,
};
use cornu_tensor::{Array, Shape};
use serde_json::{Value, json};

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
