//! Counts of right and wrong answers, precision and recall. Source: Keras 3,
//! `keras/src/metrics/confusion_metrics.py`.

use cornu_tensor::{Array, Tensor};
use serde_json::{Map, Value};

use super::common::{divide_no_nan, named};
use super::confusion::{Confusion, Selection, given};
use super::{Direction, Metric};
use crate::{ConfigWriter, LayerError};

/// The thresholds as Keras writes them: null, a number or a list.
fn thresholds_config(thresholds: Option<&[f64]>) -> Value {
    match thresholds {
        None => Value::Null,
        Some([single]) => (*single).into(),
        Some(several) => several.to_vec().into(),
    }
}

macro_rules! count_metric {
    ($(#[$doc:meta])* $class:ident, $name:literal, $counts:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $class {
            name: String,
            thresholds: Option<Vec<f64>>,
            counts: Confusion,
        }

        impl $class {
            /// At threshold 0.5.
            pub fn new() -> Self {
                Self {
                    name: $name.to_owned(),
                    thresholds: None,
                    counts: Confusion::new(given(None, None)),
                }
            }

            /// Scores above a threshold are answers "yes"; one result per threshold. Default 0.5.
            pub fn thresholds(mut self, thresholds: &[f64]) -> Self {
                self.thresholds = Some(thresholds.to_vec());
                self.counts = Confusion::new(given(Some(thresholds), None));
                self
            }
        }

        impl Default for $class {
            fn default() -> Self {
                Self::new()
            }
        }

        impl Metric for $class {
            named!($class, None);

            fn own_config(&self) -> Map<String, Value> {
                let thresholds = thresholds_config(self.thresholds.as_deref());
                ConfigWriter::new().set("thresholds", thresholds).finish()
            }

            fn update(
                &mut self,
                y_true: &Tensor,
                y_pred: &Tensor,
                sample_weight: Option<&Tensor>,
            ) -> Result<(), LayerError> {
                self.counts.add(y_true, y_pred, sample_weight, Selection::default())
            }

            fn result(&self) -> Vec<f64> {
                self.counts.$counts.clone()
            }

            fn reset(&mut self) {
                self.counts.reset();
            }

            fn variables(&self) -> Vec<(&'static str, Array<f64>)> {
                vec![("accumulator", self.counts.shaped(&self.counts.$counts))]
            }

            fn restore(&mut self, variables: &[Vec<f64>]) -> bool {
                let own = &mut self.counts.$counts;
                match variables {
                    [counts] if counts.len() == own.len() => own.clone_from(counts),
                    _ => return false,
                }
                true
            }
        }
    };
}

count_metric! {
    /// How many scores are above the threshold where the label is 1.
    TruePositives, "true_positives", true_positives
}
count_metric! {
    /// How many scores are above the threshold where the label is 0.
    FalsePositives, "false_positives", false_positives
}
count_metric! {
    /// How many scores are not above the threshold where the label is 0.
    TrueNegatives, "true_negatives", true_negatives
}
count_metric! {
    /// How many scores are not above the threshold where the label is 1.
    FalseNegatives, "false_negatives", false_negatives
}

macro_rules! rate_metric {
    ($(#[$doc:meta])* $class:ident, $name:literal, $wrong:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $class {
            name: String,
            thresholds: Option<Vec<f64>>,
            selection: Selection,
            counts: Confusion,
        }

        impl $class {
            /// At threshold 0.5, all classes.
            pub fn new() -> Self {
                Self {
                    name: $name.to_owned(),
                    thresholds: None,
                    selection: Selection::default(),
                    counts: Confusion::new(given(None, None)),
                }
            }

            /// Scores above a threshold are answers "yes"; one result per threshold. Default 0.5.
            pub fn thresholds(mut self, thresholds: &[f64]) -> Self {
                self.thresholds = Some(thresholds.to_vec());
                self.restart()
            }

            /// Only the `k` largest scores of a sample are answers. Default: all.
            pub fn top_k(mut self, k: usize) -> Self {
                self.selection.top_k = Some(k);
                self.restart()
            }

            /// Only this class counts. Default: all.
            pub fn class_id(mut self, class: usize) -> Self {
                self.selection.class_id = Some(class);
                self
            }

            fn restart(mut self) -> Self {
                let thresholds = given(self.thresholds.as_deref(), self.selection.top_k);
                self.counts = Confusion::new(thresholds);
                self
            }
        }

        impl Default for $class {
            fn default() -> Self {
                Self::new()
            }
        }

        impl Metric for $class {
            named!($class, Some(Direction::Up));

            fn own_config(&self) -> Map<String, Value> {
                ConfigWriter::new()
                    .set("thresholds", thresholds_config(self.thresholds.as_deref()))
                    .set("top_k", self.selection.top_k)
                    .set("class_id", self.selection.class_id)
                    .finish()
            }

            fn update(
                &mut self,
                y_true: &Tensor,
                y_pred: &Tensor,
                sample_weight: Option<&Tensor>,
            ) -> Result<(), LayerError> {
                self.counts.add(y_true, y_pred, sample_weight, self.selection)
            }

            fn result(&self) -> Vec<f64> {
                let counts = self.counts.true_positives.iter().zip(&self.counts.$wrong);
                counts.map(|(right, wrong)| divide_no_nan(*right, right + wrong)).collect()
            }

            fn reset(&mut self) {
                self.counts.reset();
            }

            fn variables(&self) -> Vec<(&'static str, Array<f64>)> {
                vec![
                    ("true_positives", self.counts.shaped(&self.counts.true_positives)),
                    (stringify!($wrong), self.counts.shaped(&self.counts.$wrong)),
                ]
            }

            fn restore(&mut self, variables: &[Vec<f64>]) -> bool {
                let n = self.counts.true_positives.len();
                match variables {
                    [right, wrong] if right.len() == n && wrong.len() == n => {
                        self.counts.true_positives.clone_from(right);
                        self.counts.$wrong.clone_from(wrong);
                    }
                    _ => return false,
                }
                true
            }
        }
    };
}

rate_metric! {
    /// Which part of the answers "yes" is right; 0 if there are none.
    Precision, "precision", false_positives
}
rate_metric! {
    /// Which part of the labels 1 is found; 0 if there are none.
    Recall, "recall", false_negatives
}
