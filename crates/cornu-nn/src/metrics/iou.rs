//! Intersection over union of classes. Source: Keras 3, `keras/src/metrics/iou_metrics.py`.

use cornu_tensor::{Array, Tensor};
use serde_json::{Map, Value};

use super::common::named;
use super::values::{argmax, wrong_shape};
use super::{Direction, Metric};
use crate::{ConfigWriter, LayerError};

/// How often each class was predicted where each class was true.
#[derive(Debug, Clone, PartialEq)]
struct ConfusionMatrix {
    n_classes: usize,
    counts: Vec<f64>,
    ignore_class: Option<i64>,
}

impl ConfusionMatrix {
    fn new(n_classes: usize) -> Self {
        Self { n_classes, counts: vec![0.0; n_classes * n_classes], ignore_class: None }
    }

    fn add(
        &mut self,
        labels: &[i64],
        predicted: &[i64],
        sample_weight: Option<&Tensor>,
    ) -> Result<(), LayerError> {
        if labels.len() != predicted.len() {
            return Err(wrong_shape(format!("{} labels", predicted.len()), &[labels.len()]));
        }
        if let Some(weights) = sample_weight.filter(|weights| weights.len() != labels.len()) {
            return Err(wrong_shape(format!("{} sample weights", labels.len()), weights.dims()));
        }
        let n = self.n_classes as i64;
        for (i, (&label, &guess)) in labels.iter().zip(predicted).enumerate() {
            if self.ignore_class == Some(label) {
                continue;
            }
            if !(0..n).contains(&label) || !(0..n).contains(&guess) {
                let got = format!("label {label} and prediction {guess}");
                return Err(LayerError::config("num_classes", format!("classes below {n}"), got));
            }
            // Keras counts in whole numbers and cuts the fractions of weights off.
            let weight = sample_weight.map_or(1.0, |weights| f64::from(weights.data()[i].trunc()));
            self.counts[(label * n + guess) as usize] += weight;
        }
        Ok(())
    }

    /// Mean over the given classes, those that never occur left out.
    fn mean_iou(&self, classes: &[usize]) -> f64 {
        let n = self.n_classes;
        let at = |row: usize, column: usize| self.counts[row * n + column];
        let (mut sum, mut n_valid) = (0.0, 0.0);
        for &class in classes {
            let both = at(class, class);
            let labels: f64 = (0..n).map(|other| at(class, other)).sum();
            let guesses: f64 = (0..n).map(|other| at(other, class)).sum();
            let any = labels + guesses - both;
            if 1e-9 < any {
                n_valid += 1.0;
                sum += both / (any + 1e-7);
            }
        }
        sum / n_valid
    }

    fn variables(&self) -> Vec<(&'static str, Array<f64>)> {
        let n = self.n_classes;
        vec![("total_confusion_matrix", Array::from_fn([n, n], |i| self.counts[i]))]
    }

    fn restore(&mut self, variables: &[Vec<f64>]) -> bool {
        match variables {
            [counts] if counts.len() == self.counts.len() => self.counts.clone_from(counts),
            _ => return false,
        }
        true
    }
}

/// Class numbers, or the position of the largest element along the last axis.
fn classes(values: &Tensor, is_sparse: bool) -> Vec<i64> {
    match values.dims().last() {
        Some(&n) if !is_sparse && 0 < n => {
            values.data().chunks(n).map(|row| argmax(row) as i64).collect()
        }
        _ => values.data().iter().map(|&value| value as i64).collect(),
    }
}

macro_rules! iou_metric {
    (
        $(#[$doc:meta])* $class:ident, $name:literal,
        target: $has_target:literal, sparse_y_true: $sparse_true:literal,
        sparse_y_pred: $sparse_pred:literal, new($($argument:ident: $ty:ty),*)
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $class {
            name: String,
            targets: Vec<usize>,
            sparse_y_true: bool,
            sparse_y_pred: bool,
            matrix: ConfusionMatrix,
        }

        impl $class {
            /// For so many classes.
            pub fn new($($argument: $ty),*) -> Self {
                let (num_classes, targets) = iou_metric!(@targets $($argument),*);
                Self {
                    name: $name.to_owned(),
                    targets,
                    sparse_y_true: $sparse_true,
                    sparse_y_pred: $sparse_pred,
                    matrix: ConfusionMatrix::new(num_classes),
                }
            }

            /// A label that counts for nothing. Default none.
            pub fn ignore_class(mut self, class: impl Into<Option<i64>>) -> Self {
                self.matrix.ignore_class = class.into();
                self
            }

            /// Whether labels are class numbers, not one-hot.
            pub fn sparse_y_true(mut self, sparse: bool) -> Self {
                self.sparse_y_true = sparse;
                self
            }

            /// Whether predictions are class numbers, not scores.
            pub fn sparse_y_pred(mut self, sparse: bool) -> Self {
                self.sparse_y_pred = sparse;
                self
            }
        }

        impl Metric for $class {
            named!($class, Some(Direction::Up));

            fn dtype(&self) -> &'static str {
                "int64"
            }

            fn own_config(&self) -> Map<String, Value> {
                let mut config = ConfigWriter::new().set("num_classes", self.matrix.n_classes);
                if $has_target {
                    config = config.set("target_class_ids", self.targets.clone());
                }
                config = config.set("ignore_class", self.matrix.ignore_class);
                if $sparse_true {
                    config = config.set("sparse_y_true", self.sparse_y_true);
                }
                config.set("sparse_y_pred", self.sparse_y_pred).set("axis", -1).finish()
            }

            fn update(
                &mut self,
                y_true: &Tensor,
                y_pred: &Tensor,
                sample_weight: Option<&Tensor>,
            ) -> Result<(), LayerError> {
                let labels = classes(y_true, self.sparse_y_true);
                let predicted = classes(y_pred, self.sparse_y_pred);
                self.matrix.add(&labels, &predicted, sample_weight)
            }

            fn result(&self) -> Vec<f64> {
                vec![self.matrix.mean_iou(&self.targets)]
            }

            fn reset(&mut self) {
                self.matrix.counts.fill(0.0);
            }

            fn variables(&self) -> Vec<(&'static str, Array<f64>)> {
                self.matrix.variables()
            }

            fn restore(&mut self, variables: &[Vec<f64>]) -> bool {
                self.matrix.restore(variables)
            }
        }
    };
    (@targets $n:ident) => { ($n, (0..$n).collect()) };
    (@targets $n:ident, $targets:ident) => { ($n, $targets.to_vec()) };
}

iou_metric! {
    /// Mean over some classes of intersection / union; class numbers.
    IoU, "io_u", target: true, sparse_y_true: true, sparse_y_pred: true,
    new(num_classes: usize, target_class_ids: &[usize])
}
iou_metric! {
    /// Mean over all classes that occur of intersection / union; class numbers.
    MeanIoU, "mean_io_u", target: false, sparse_y_true: true, sparse_y_pred: true,
    new(num_classes: usize)
}
iou_metric! {
    /// Mean over some classes of intersection / union; one-hot labels, scores.
    OneHotIoU, "one_hot_io_u", target: true, sparse_y_true: false, sparse_y_pred: false,
    new(num_classes: usize, target_class_ids: &[usize])
}
iou_metric! {
    /// Mean over all classes that occur of intersection / union; one-hot labels, scores.
    OneHotMeanIoU, "one_hot_mean_io_u", target: false, sparse_y_true: false, sparse_y_pred: false,
    new(num_classes: usize)
}

/// Mean over class 0, class 1 or both of intersection / union; predictions from a threshold on are
/// class 1.
#[derive(Debug, Clone, PartialEq)]
pub struct BinaryIoU {
    name: String,
    targets: Vec<usize>,
    threshold: f64,
    matrix: ConfusionMatrix,
}

impl BinaryIoU {
    /// Of both classes, at threshold 0.5.
    pub fn new() -> Self {
        Self {
            name: "binary_io_u".to_owned(),
            targets: vec![0, 1],
            threshold: 0.5,
            matrix: ConfusionMatrix::new(2),
        }
    }

    /// Which of the classes 0 and 1 count. Default both.
    pub fn target_class_ids(mut self, classes: &[usize]) -> Self {
        self.targets = classes.iter().copied().filter(|&class| class < 2).collect();
        self
    }

    /// Default 0.5.
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }
}

impl Default for BinaryIoU {
    fn default() -> Self {
        Self::new()
    }
}

impl Metric for BinaryIoU {
    named!(BinaryIoU, Some(Direction::Up));

    fn dtype(&self) -> &'static str {
        "int64"
    }

    fn own_config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("target_class_ids", self.targets.clone())
            .set("threshold", self.threshold)
            .finish()
    }

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<(), LayerError> {
        let labels = classes(y_true, true);
        let threshold = self.threshold as f32;
        let predicted: Vec<i64> =
            y_pred.data().iter().map(|&score| i64::from(threshold <= score)).collect();
        self.matrix.add(&labels, &predicted, sample_weight)
    }

    fn result(&self) -> Vec<f64> {
        vec![self.matrix.mean_iou(&self.targets)]
    }

    fn reset(&mut self) {
        self.matrix.counts.fill(0.0);
    }

    fn variables(&self) -> Vec<(&'static str, Array<f64>)> {
        self.matrix.variables()
    }

    fn restore(&mut self, variables: &[Vec<f64>]) -> bool {
        self.matrix.restore(variables)
    }
}
