//! Metrics: results and state, batch by batch.

use cornu_nn::losses::BinaryCrossentropy;
use cornu_nn::metrics::{
    AUC, Accuracy, BinaryAccuracy, CategoricalAccuracy, F1Score, LossMetric, METRICS, Mean, Metric,
    Precision, SparseTopKCategoricalAccuracy, accuracy_for_shapes, metric_for_shapes,
    metric_from_config,
};
use cornu_tensor::{Array, Tensor};
use serde_json::json;

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

#[test]
fn every_mean_of_a_binary_cross_entropy_cuts_probabilities_alike() {
    let (y_true, y_pred) = (array(&[1, 1], &[0.0]), array(&[1, 1], &[1.0]));
    let result = |mut metric: Box<dyn Metric>| {
        metric.update(&y_true, &y_pred, None).unwrap();
        metric.result()[0]
    };
    let own = metric_from_config(&json!("binary_crossentropy")).unwrap();
    let of_loss = LossMetric::new(Box::new(BinaryCrossentropy::new()), "mean");
    // The logarithm of 1 - p for the largest p below 1 that f32 has: 2^-23 below it.
    let expected = 23.0 * 2.0_f64.ln();
    assert!((result(own) - expected).abs() < 1e-6);
    assert!((result(Box::new(of_loss)) - expected).abs() < 1e-6);
    let logits = BinaryCrossentropy::new().from_logits(true);
    let of_logits = result(Box::new(LossMetric::new(Box::new(logits), "mean")));
    assert!((of_logits - 1.0_f64.exp().ln_1p()).abs() < 1e-12);
}

#[test]
fn metrics_know_what_they_count_in() {
    for name in ["MeanIoU", "mean_io_u"] {
        let object = |dtype: &str| {
            let config = json!({"num_classes": 2, "dtype": dtype});
            metric_from_config(&json!({"class_name": name, "config": config}))
        };
        assert_eq!(object("int64").unwrap().config()["dtype"], "int64");
        assert!(object("float32").is_err(), "{name}");
    }
    let binary = metric_from_config(&json!("BinaryIoU")).unwrap();
    assert_eq!(binary.config()["dtype"], "int64");
    let plain = json!({"class_name": "Mean", "config": {"dtype": "int64"}});
    assert!(metric_from_config(&plain).is_err());
}
