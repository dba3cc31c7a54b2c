//! Metrics: results and state, batch by batch.

use cornu_nn::metrics::{
    AUC, Accuracy, BinaryAccuracy, CategoricalAccuracy, Direction, F1Score, METRICS, Mean, Metric,
    Precision, SparseTopKCategoricalAccuracy, accuracy_for_shapes, metric_for_shapes,
    metric_from_config,
};
use cornu_tensor::{Array, Tensor};
use cornu_testkit::Case;
use serde_json::{Value, json};

use crate::golden_tally::{Outcome, run_kind};

#[test]
fn accuracy_goes_by_the_shapes() {
    let class = |y_true: &[usize], y_pred: &[usize]| {
        let metric = accuracy_for_shapes(y_true, y_pred, "acc");
        assert_eq!(metric.name(), "acc");
        metric.class_name()
    };
    assert_eq!(class(&[8], &[8, 1]), "BinaryAccuracy");
    assert_eq!(class(&[8], &[8, 3]), "SparseCategoricalAccuracy");
    assert_eq!(class(&[8, 1], &[8, 3]), "SparseCategoricalAccuracy");
    assert_eq!(class(&[8, 3], &[8, 3]), "CategoricalAccuracy");
}

#[test]
fn golden() {
    run_kind("metric", run_case);
}

fn run_case(case: &Case) -> Outcome {
    let object = json!({"class_name": case.class(), "config": case.json["args"]});
    let mut metric = match metric_from_config(&object) {
        Ok(metric) => metric,
        Err(error) => return Outcome::of_error(&error),
    };
    let mut failures = check_config(case, &*metric);
    if let Err(message) = check_batches(case, &mut *metric) {
        failures.push(message);
    }
    Outcome::of(failures)
}

/// Every key that Keras writes is written, and read back.
fn check_config(case: &Case, metric: &dyn Metric) -> Vec<String> {
    let mut failures = Vec::new();
    let config = metric.config();
    for (key, expected) in case.config().as_object().unwrap() {
        let got = config.get(key);
        let equal = match (got.and_then(Value::as_f64), expected.as_f64()) {
            (Some(got), Some(expected)) => got == expected,
            _ => got == Some(expected),
        };
        // Keras numbers the names of one session; IoU counts in whole numbers.
        let ignored =
            key == "name" || key == "dtype" || (case.class() == "BinaryIoU" && got.is_none());
        if !equal && !ignored {
            failures.push(format!("configuration: {key}: expected {expected}, got {got:?}"));
        }
    }
    let object = json!({"class_name": metric.class_name(), "config": config});
    match metric_from_config(&object) {
        Ok(again) if again.config() == config => {}
        other => failures.push(format!("configuration read back: {other:?}")),
    }
    let direction = match metric.direction() {
        Some(Direction::Up) => json!("up"),
        Some(Direction::Down) => json!("down"),
        None => Value::Null,
    };
    if direction != case.json["direction"] {
        failures.push(format!("direction {direction}"));
    }
    failures
}

fn check_batches(case: &Case, metric: &mut dyn Metric) -> Result<(), String> {
    let n_batches = case.json["batches"].as_array().unwrap().len();
    let check_variables = |metric: &dyn Metric, key: &str| {
        let variables = metric.variables();
        for (j, (name, value)) in variables.iter().enumerate() {
            let expected = &case.json["variables"][j]["name"];
            if expected != name {
                return Err(format!("variable {j}: expected {expected}, got {name}"));
            }
            case.check(&format!("var.{key}.{j}"), &value.to_f32())?;
        }
        if case.has(&format!("var.{key}.{}", variables.len())) {
            return Err("a variable is missing".to_owned());
        }
        Ok(())
    };
    for b in 0..n_batches {
        let y_pred = case.f32(&format!("y_pred.{b}")).unwrap();
        let y_true = case.f32(&format!("y_true.{b}")).unwrap_or_default();
        let weight = case.f32(&format!("sw.{b}"));
        metric.update(&y_true, &y_pred, weight.as_ref()).map_err(|error| error.to_string())?;
        let result = metric.result();
        let dims = if result.len() == 1 { Vec::new() } else { vec![result.len()] };
        case.check(&format!("result.{b}.0"), &Array::from_fn(dims, |i| result[i] as f32))?;
        check_variables(metric, &b.to_string())?;
    }
    metric.reset();
    check_variables(metric, "reset")
}

fn array(dims: &[usize], data: &[f32]) -> Array<f32> {
    Array::new(dims, data.to_vec()).unwrap()
}

#[test]
fn a_tie_with_the_kth_value_is_a_hit_while_argmax_takes_the_first() {
    let scores = array(&[1, 3], &[0.4, 0.4, 0.2]);
    let mut top = SparseTopKCategoricalAccuracy::new().k(1);
    top.update(&array(&[1], &[1.0]), &scores, None).unwrap();
    assert_eq!(top.result(), [1.0]);
    let mut first = CategoricalAccuracy::new();
    first.update(&array(&[1, 3], &[0.0, 1.0, 0.0]), &scores, None).unwrap();
    assert_eq!(first.result(), [0.0]);
}

#[test]
fn nothing_yet_is_zero_not_nan() {
    let metrics: [Box<dyn Metric>; 4] = [
        Box::new(Accuracy::new()),
        Box::new(Precision::new()),
        Box::new(AUC::new()),
        Box::new(Mean::new()),
    ];
    for mut metric in metrics {
        assert_eq!(metric.result(), [0.0], "{}", metric.class_name());
        metric.update(&Array::zeros([0, 1]), &Array::zeros([0, 1]), None).unwrap();
        assert_eq!(metric.result(), [0.0], "{}", metric.class_name());
    }
    assert!(F1Score::new().result().is_empty());
}

#[test]
fn labels_of_another_shape_are_an_error() {
    let (y_true, y_pred) = (Array::zeros([4, 3]), Array::zeros([4, 2]));
    assert!(BinaryAccuracy::new().update(&y_true, &y_pred, None).is_err());
    assert!(CategoricalAccuracy::new().update(&y_true, &y_pred, None).is_err());
    assert!(Precision::new().update(&y_true, &y_pred, None).is_err());
    let weights = Array::zeros([3]);
    assert!(Accuracy::new().update(&y_true, &y_true, Some(&weights)).is_err());
}

#[test]
fn names_and_shortcuts() {
    for entry in METRICS {
        let needs_arguments = ["At", "IoU"].iter().any(|part| entry.class_name.contains(part));
        if needs_arguments && entry.class_name != "BinaryIoU" {
            assert!(metric_from_config(&json!(entry.class_name)).is_err(), "{entry:?}");
            continue;
        }
        for name in entry.names.iter().chain([&entry.class_name]) {
            assert_eq!(metric_from_config(&json!(name)).unwrap().class_name(), entry.class_name);
        }
    }
    let metric = |name: &str| metric_for_shapes(&json!(name), &[8], &[8, 3]).unwrap();
    assert_eq!(metric("acc").name(), "acc");
    assert_eq!(metric("ce").class_name(), "SparseCategoricalCrossentropy");
    assert_eq!(metric("mse").name(), "mean_squared_error");
    assert_eq!(metric("huber").class_name(), "MeanMetricWrapper");
    let error = metric_for_shapes(&json!("acuracy"), &[8], &[8, 3]).unwrap_err();
    assert!(error.to_string().contains("acuracy"));
}

#[test]
fn every_metric_goes_on_from_its_variables() {
    let labels = |seed: usize| Array::from_fn([6, 3], |i| f32::from((i + seed) % 3 == i / 3 % 3));
    let scores = |seed: usize| Array::from_fn([6, 3], |i| ((i * 7 + seed) % 11) as f32 / 11.0);
    let mut tried = 0;
    for entry in METRICS {
        let Ok(mut straight) = metric_from_config(&json!(entry.class_name)) else { continue };
        let mut resumed = metric_from_config(&json!(entry.class_name)).unwrap();
        let first = straight.update(&labels(0), &scores(0), None);
        if first.is_err() {
            continue;
        }
        let variables: Vec<Vec<f64>> =
            straight.variables().into_iter().map(|(_, values)| values.into_data()).collect();
        assert!(!resumed.restore(&[]), "{entry:?}");
        assert!(resumed.restore(&variables), "{entry:?}");
        for metric in [&mut straight, &mut resumed] {
            metric.update(&labels(1), &scores(5), None).unwrap();
        }
        let bits = |metric: &dyn Metric| -> Vec<u64> {
            metric.result().into_iter().map(f64::to_bits).collect()
        };
        assert_eq!(bits(&*straight), bits(&*resumed), "{entry:?}");
        tried += 1;
    }
    assert!(30 < tried, "{tried}");
}

/// As in Keras, whose counts are whole numbers; files say so.
#[test]
fn weights_of_intersections_are_cut_to_whole_numbers() {
    let config = json!({"num_classes": 2, "target_class_ids": [1], "dtype": "int64"});
    let mut metric = metric_from_config(&json!({"class_name": "IoU", "config": config})).unwrap();
    let tensor = |values: [f32; 3]| Tensor::new([3], values.to_vec()).unwrap();
    let (y_true, y_pred) = (tensor([1.0, 1.0, 1.0]), tensor([1.0, 0.0, 0.0]));
    metric.update(&y_true, &y_pred, Some(&tensor([1.9, 3.2, 0.9]))).unwrap();
    assert!((metric.result()[0] - 0.25).abs() < 1e-6, "{:?}", metric.result());
    let config = json!({"num_classes": 2, "dtype": "float32"});
    let error = metric_from_config(&json!({"class_name": "MeanIoU", "config": config}));
    assert!(error.unwrap_err().to_string().contains("float32"));
}

/// Keras writes a list of weights as a tensor.
#[test]
fn weights_of_labels_are_read_as_keras_writes_them() {
    let weights =
        json!({"class_name": "__tensor__", "config": {"value": [0.25, 0.5], "dtype": "float32"}});
    let config = json!({"multi_label": true, "num_labels": 2, "label_weights": weights});
    let metric = metric_from_config(&json!({"class_name": "AUC", "config": config})).unwrap();
    assert_eq!(metric.config()["label_weights"]["config"]["value"], json!([0.25, 0.5]));
}

#[test]
fn a_sample_s_weight_counts_for_all_of_its_labels() {
    let tensor = |dims: &[usize], values: &[f32]| Tensor::new(dims, values.to_vec()).unwrap();
    let y_true = tensor(&[2, 2], &[1.0, 1.0, 1.0, 0.0]);
    let y_pred = tensor(&[2, 2], &[0.9, 0.1, 0.2, 0.8]);
    let mut metric = Precision::new();
    metric.update(&y_true, &y_pred, Some(&tensor(&[2], &[3.0, 1.0]))).unwrap();
    assert!((metric.result()[0] - 0.75).abs() < 1e-6, "{:?}", metric.result());
}
