//! How often predictions are right. Source: Keras 3, `keras/src/metrics/accuracy_metrics.py`.

use cornu_tensor::{Array, Tensor};
use serde_json::{Map, Value};

use super::mean::MeanState;
use super::values::{argmax, check_labels, class_rows, common_dims};
use super::{Direction, Metric};
use crate::losses::Labels;
use crate::{ConfigWriter, LayerError};

/// A running mean of what `matches` gives, with the usual constructor.
macro_rules! mean_of_matches {
    ($(#[$doc:meta])* $class:ident, $name:literal, { $($field:ident: $ty:ty = $default:expr),* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $class {
            name: String,
            state: MeanState,
            $($field: $ty,)*
        }

        impl $class {
            /// With Keras's defaults.
            pub fn new() -> Self {
                Self { name: $name.to_owned(), state: MeanState::default(), $($field: $default,)* }
            }
        }

        impl Default for $class {
            fn default() -> Self {
                Self::new()
            }
        }

        impl Metric for $class {
            fn class_name(&self) -> &'static str {
                stringify!($class)
            }

            fn name(&self) -> &str {
                &self.name
            }

            fn set_name(&mut self, name: &str) {
                self.name = name.to_owned();
            }

            fn heeds_mask(&self) -> bool {
                true
            }

            fn own_config(&self) -> Map<String, Value> {
                ConfigWriter::new()$(.set(stringify!($field), self.$field))*.finish()
            }

            fn update(
                &mut self,
                y_true: &Tensor,
                y_pred: &Tensor,
                sample_weight: Option<&Tensor>,
            ) -> Result<(), LayerError> {
                let matches = self.matches(y_true, y_pred)?;
                self.state.add(&matches, sample_weight)
            }

            fn result(&self) -> Vec<f64> {
                vec![self.state.result()]
            }

            fn reset(&mut self) {
                self.state = MeanState::default();
            }

            fn variables(&self) -> Vec<(&'static str, Array<f64>)> {
                self.state.variables()
            }

            fn restore(&mut self, variables: &[Vec<f64>]) -> bool {
                self.state.restore(variables)
            }

            fn direction(&self) -> Option<Direction> {
                Some(Direction::Up)
            }
        }
    };
}

mean_of_matches! {
    /// How often predictions equal labels exactly.
    Accuracy, "accuracy", {}
}

impl Accuracy {
    fn matches(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Array<f64>, LayerError> {
        let dims = common_dims(y_true, y_pred)?;
        Ok(Array::from_fn(dims, |i| truth(y_true.data()[i] == y_pred.data()[i])))
    }
}

mean_of_matches! {
    /// How often predictions are on the same side of a threshold as labels: above it means 1.
    BinaryAccuracy, "binary_accuracy", { threshold: f64 = 0.5 }
}

impl BinaryAccuracy {
    /// Predictions above it count as 1. Default 0.5.
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }

    fn matches(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Array<f64>, LayerError> {
        let dims = common_dims(y_true, y_pred)?;
        // Keras compares with the threshold as a 32-bit float.
        let threshold = self.threshold as f32;
        Ok(Array::from_fn(dims, |i| {
            let predicted = if threshold < y_pred.data()[i] { 1.0 } else { 0.0 };
            truth(y_true.data()[i] == predicted)
        }))
    }
}

mean_of_matches! {
    /// How often the largest prediction is where the largest label is. Of equal ones the first counts.
    CategoricalAccuracy, "categorical_accuracy", {}
}

impl CategoricalAccuracy {
    fn matches(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Array<f64>, LayerError> {
        common_dims(y_true, y_pred)?;
        let (rows, n) = class_rows(y_pred)?;
        let row = |tensor: &Tensor, i: usize| argmax(&tensor.data()[i * n..(i + 1) * n]);
        Ok(Array::from_fn(rows, |i| truth(row(y_true, i) == row(y_pred, i))))
    }
}

mean_of_matches! {
    /// How often the largest prediction is where the label, a whole number, says.
    SparseCategoricalAccuracy, "sparse_categorical_accuracy", {}
}

impl SparseCategoricalAccuracy {
    fn matches(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Array<f64>, LayerError> {
        let (rows, n) = class_rows(y_pred)?;
        check_labels(y_true, &rows)?;
        Ok(Array::from_fn(rows, |i| {
            let best = argmax(&y_pred.data()[i * n..(i + 1) * n]);
            truth(y_true.data()[i] == best as f32)
        }))
    }
}

mean_of_matches! {
    /// How often the largest label's prediction is among the `k` largest. One that equals the k-th
    /// counts.
    TopKCategoricalAccuracy, "top_k_categorical_accuracy", { k: usize = 5 }
}

impl TopKCategoricalAccuracy {
    /// How many predictions may be tried. Default 5.
    pub fn k(mut self, k: usize) -> Self {
        self.k = k;
        self
    }

    fn matches(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Array<f64>, LayerError> {
        common_dims(y_true, y_pred)?;
        let (rows, n) = class_rows(y_pred)?;
        Ok(Array::from_fn(rows, |i| {
            let row = i * n..(i + 1) * n;
            let label = argmax(&y_true.data()[row.clone()]);
            truth(in_top_k(&y_pred.data()[row], label as f32, self.k))
        }))
    }
}

mean_of_matches! {
    /// How often the prediction at the label, a whole number, is among the `k` largest. One that equals
    /// the k-th counts.
    SparseTopKCategoricalAccuracy, "sparse_top_k_categorical_accuracy",
    { k: usize = 5, from_sorted_ids: bool = false }
}

impl SparseTopKCategoricalAccuracy {
    /// How many predictions may be tried. Default 5.
    pub fn k(mut self, k: usize) -> Self {
        self.k = k;
        self
    }

    /// Whether predictions are class numbers, the likeliest first, not scores. Default false.
    pub fn from_sorted_ids(mut self, from_sorted_ids: bool) -> Self {
        self.from_sorted_ids = from_sorted_ids;
        self
    }

    fn matches(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Array<f64>, LayerError> {
        let (rows, n) = class_rows(y_pred)?;
        check_labels(y_true, &rows)?;
        Ok(Array::from_fn(rows, |i| {
            let (label, row) = (y_true.data()[i], &y_pred.data()[i * n..(i + 1) * n]);
            truth(if self.from_sorted_ids {
                row.iter().take(self.k).any(|&id| id == label)
            } else {
                in_top_k(row, label, self.k)
            })
        }))
    }
}

/// Whether fewer than `k` scores are larger than the label's.
fn in_top_k(row: &[f32], label: f32, k: usize) -> bool {
    if label < 0.0 || row.len() as f32 <= label || label.fract() != 0.0 {
        return false;
    }
    let score = row[label as usize];
    score.is_finite() && row.iter().filter(|&&other| score < other).count() < k
}

fn truth(is: bool) -> f64 {
    if is { 1.0 } else { 0.0 }
}

/// What `"accuracy"` stands for, given the shapes of labels and predictions with the samples' axis;
/// its name in logs is `accuracy` (or `acc`), as it was asked for.
pub fn accuracy_for_shapes(y_true: &[usize], y_pred: &[usize], name: &str) -> Box<dyn Metric> {
    let mut metric: Box<dyn Metric> = match Labels::of_shapes(y_true, y_pred) {
        Labels::Binary => Box::new(BinaryAccuracy::new()),
        Labels::Sparse => Box::new(SparseCategoricalAccuracy::new()),
        Labels::Categorical => Box::new(CategoricalAccuracy::new()),
    };
    metric.set_name(name);
    metric
}
