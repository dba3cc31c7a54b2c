//! Metrics: results and state, batch by batch.

use cornu_nn::metrics::{Metric, accuracy_for_shapes};

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
