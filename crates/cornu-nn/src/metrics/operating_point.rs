//! The best of one rate where another is high enough. Source: Keras 3,
//! `keras/src/metrics/confusion_metrics.py`.

use cornu_tensor::{Array, Tensor};
use serde_json::{Map, Value};

use super::common::{divide_no_nan, named};
use super::confusion::{Confusion, Selection, Thresholds};
use super::{Direction, Metric};
use crate::{ConfigWriter, LayerError};

fn even_thresholds(n: usize) -> Thresholds {
    if n == 1 {
        return Thresholds::Given(vec![0.5]);
    }
    Thresholds::Given((0..n).map(|i| i as f32 / (n - 1) as f32).collect())
}

type Rate = fn(&Confusion, usize) -> f64;

const SENSITIVITY: Rate = |counts, i| {
    divide_no_nan(counts.true_positives[i], counts.true_positives[i] + counts.false_negatives[i])
};
const SPECIFICITY: Rate = |counts, i| {
    divide_no_nan(counts.true_negatives[i], counts.true_negatives[i] + counts.false_positives[i])
};
const PRECISION: Rate = |counts, i| {
    divide_no_nan(counts.true_positives[i], counts.true_positives[i] + counts.false_positives[i])
};

macro_rules! operating_point {
    ($(#[$doc:meta])* $class:ident, $name:literal, $wanted:expr, $key:ident, $bound:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $class {
            name: String,
            $key: f64,
            class_id: Option<usize>,
            counts: Confusion,
        }

        impl $class {
            /// With the least value of the other rate, 0 to 1, at 200 thresholds.
            pub fn new($key: f64) -> Self {
                Self {
                    name: $name.to_owned(),
                    $key,
                    class_id: None,
                    counts: Confusion::new(even_thresholds(200)),
                }
            }

            /// How many thresholds from 0 to 1 are tried. Default 200.
            pub fn num_thresholds(mut self, n: usize) -> Self {
                self.counts = Confusion::new(even_thresholds(n.max(1)));
                self
            }

            /// Only this class counts. Default: all.
            pub fn class_id(mut self, class: usize) -> Self {
                self.class_id = Some(class);
                self
            }
        }

        impl Metric for $class {
            named!($class, Some(Direction::Up));

            fn own_config(&self) -> Map<String, Value> {
                ConfigWriter::new()
                    .set("class_id", self.class_id)
                    .set("num_thresholds", self.counts.thresholds.len())
                    .set(stringify!($key), self.$key)
                    .finish()
            }

            fn update(
                &mut self,
                y_true: &Tensor,
                y_pred: &Tensor,
                sample_weight: Option<&Tensor>,
            ) -> Result<(), LayerError> {
                let selection = Selection { class_id: self.class_id, top_k: None };
                self.counts.add(y_true, y_pred, sample_weight, selection)
            }

            /// 0 if no threshold is good enough.
            fn result(&self) -> Vec<f64> {
                let (wanted, bound): (Rate, Rate) = ($wanted, $bound);
                let best = (0..self.counts.thresholds.len())
                    .filter(|&i| self.$key <= bound(&self.counts, i))
                    .map(|i| wanted(&self.counts, i))
                    .fold(0.0, f64::max);
                vec![best]
            }

            fn reset(&mut self) {
                self.counts.reset();
            }

            fn variables(&self) -> Vec<(&'static str, Array<f64>)> {
                self.counts.variables()
            }

            fn restore(&mut self, variables: &[Vec<f64>]) -> bool {
                self.counts.restore(variables)
            }
        }
    };
}

operating_point! {
    /// The highest recall at a threshold whose specificity is at least the given one.
    SensitivityAtSpecificity, "sensitivity_at_specificity", SENSITIVITY, specificity, SPECIFICITY
}
operating_point! {
    /// The highest specificity at a threshold whose recall is at least the given one.
    SpecificityAtSensitivity, "specificity_at_sensitivity", SPECIFICITY, sensitivity, SENSITIVITY
}
operating_point! {
    /// The highest precision at a threshold whose recall is at least the given one.
    PrecisionAtRecall, "precision_at_recall", PRECISION, recall, SENSITIVITY
}
operating_point! {
    /// The highest recall at a threshold whose precision is at least the given one.
    RecallAtPrecision, "recall_at_precision", SENSITIVITY, precision, PRECISION
}
