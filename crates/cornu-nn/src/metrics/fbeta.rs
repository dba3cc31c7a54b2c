//! F scores. Source: Keras 3, `keras/src/metrics/f_score_metrics.py`.

use cornu_tensor::{Array, Tensor};
use serde_json::{Map, Value};

use super::common::named;
use super::values::{common_dims, wrong_shape};
use super::{Direction, Metric};
use crate::{ConfigWriter, LayerError};

const EPSILON: f64 = 1e-7;

/// How the scores of several classes become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Average {
    /// All classes are counted together.
    Micro,
    /// The mean of all classes.
    Macro,
    /// The mean weighted by how often a class occurs.
    Weighted,
}

impl Average {
    pub(super) const ALL: [(Self, &'static str); 3] =
        [(Self::Micro, "micro"), (Self::Macro, "macro"), (Self::Weighted, "weighted")];

    fn keras_name(self) -> &'static str {
        Self::ALL.iter().find(|(average, _)| *average == self).map_or("", |(_, name)| name)
    }
}

/// Counts per class, all from 0.
#[derive(Debug, Clone, Default, PartialEq)]
struct Counts {
    true_positives: Vec<f64>,
    false_positives: Vec<f64>,
    false_negatives: Vec<f64>,
    labels: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq)]
struct Score {
    average: Option<Average>,
    beta: f64,
    threshold: Option<f64>,
    counts: Counts,
}

impl Score {
    fn new() -> Self {
        Self { average: None, beta: 1.0, threshold: None, counts: Counts::default() }
    }

    fn add(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<(), LayerError> {
        let dims = common_dims(y_true, y_pred)?;
        let &[n_samples, n_classes] = dims.as_slice() else {
            return Err(wrong_shape("predictions of shape (samples, classes)", &dims));
        };
        if let Some(weights) = sample_weight.filter(|weights| weights.len() != n_samples) {
            return Err(wrong_shape(format!("{n_samples} sample weights"), weights.dims()));
        }
        let n_counts = if self.average == Some(Average::Micro) { 1 } else { n_classes };
        let counts = &mut self.counts;
        for values in [
            &mut counts.true_positives,
            &mut counts.false_positives,
            &mut counts.false_negatives,
            &mut counts.labels,
        ] {
            values.resize(n_counts, 0.0);
        }
        for sample in 0..n_samples {
            let row = sample * n_classes..(sample + 1) * n_classes;
            let (labels, scores) = (&y_true.data()[row.clone()], &y_pred.data()[row]);
            let weight = sample_weight.map_or(1.0, |weights| f64::from(weights.data()[sample]));
            let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for class in 0..n_classes {
                let score = scores[class];
                let says_yes = match self.threshold {
                    None => highest <= score && 1e-9 < score.abs(),
                    Some(threshold) => (threshold as f32) < score,
                };
                let (yes, label) = (if says_yes { 1.0 } else { 0.0 }, f64::from(labels[class]));
                let to = class.min(n_counts - 1);
                counts.true_positives[to] += weight * yes * label;
                counts.false_positives[to] += weight * yes * (1.0 - label);
                counts.false_negatives[to] += weight * (1.0 - yes) * label;
                counts.labels[to] += weight * label;
            }
        }
        Ok(())
    }

    fn result(&self) -> Vec<f64> {
        let counts = &self.counts;
        let n = counts.labels.len();
        let scores: Vec<f64> = (0..n)
            .map(|class| {
                let right = counts.true_positives[class];
                let precision = right / (right + counts.false_positives[class] + EPSILON);
                let recall = right / (right + counts.false_negatives[class] + EPSILON);
                let square = self.beta * self.beta;
                let both = square * precision + recall;
                precision * recall * (1.0 + square) / (both + EPSILON)
            })
            .collect();
        match self.average {
            None => scores,
            Some(Average::Weighted) => {
                let total = counts.labels.iter().sum::<f64>() + EPSILON;
                let weighted =
                    scores.iter().zip(&counts.labels).map(|(score, n)| score * n / total);
                vec![weighted.sum()]
            }
            Some(_) if n == 0 => vec![0.0],
            Some(_) => vec![scores.iter().sum::<f64>() / n as f64],
        }
    }

    fn variables(&self) -> Vec<(&'static str, Array<f64>)> {
        let dims = |values: &[f64]| match self.average {
            Some(Average::Micro) => Vec::new(),
            _ => vec![values.len()],
        };
        let shaped = |values: &[f64]| match values {
            [] => Array::zeros(dims(values).iter().map(|_| 0).collect::<Vec<usize>>()),
            _ => Array::from_fn(dims(values), |i| values[i]),
        };
        let counts = &self.counts;
        vec![
            ("true_positives", shaped(&counts.true_positives)),
            ("false_positives", shaped(&counts.false_positives)),
            ("false_negatives", shaped(&counts.false_negatives)),
            ("intermediate_weights", shaped(&counts.labels)),
        ]
    }

    fn restore(&mut self, variables: &[Vec<f64>]) -> bool {
        let [counts @ .., labels] = variables else { return false };
        if counts.len() != 3 {
            return false;
        }
        if counts.iter().any(|values| values.len() != labels.len()) {
            return false;
        }
        self.counts = Counts {
            true_positives: counts[0].clone(),
            false_positives: counts[1].clone(),
            false_negatives: counts[2].clone(),
            labels: labels.clone(),
        };
        true
    }

    /// The number of classes is kept: it is known from the first batch on.
    fn reset(&mut self) {
        let n = self.counts.labels.len();
        let zeros = || vec![0.0; n];
        self.counts = Counts {
            true_positives: zeros(),
            false_positives: zeros(),
            false_negatives: zeros(),
            labels: zeros(),
        };
    }
}

macro_rules! score_metric {
    ($(#[$doc:meta])* $class:ident, $name:literal, [$($beta:ident)?]) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $class {
            name: String,
            score: Score,
        }

        impl $class {
            /// One score per class; the highest prediction is the answer.
            pub fn new() -> Self {
                Self { name: $name.to_owned(), score: Score::new() }
            }

            /// How the classes become one number. Default: they do not.
            pub fn average(mut self, average: impl Into<Option<Average>>) -> Self {
                self.score.average = average.into();
                self
            }

            /// Predictions above it are answers "yes". Default: the highest of each sample is.
            pub fn threshold(mut self, threshold: impl Into<Option<f64>>) -> Self {
                self.score.threshold = threshold.into();
                self
            }

            $(
                /// How much more recall counts than precision. Default 1.
                pub fn $beta(mut self, beta: f64) -> Self {
                    self.score.beta = beta;
                    self
                }
            )?
        }

        impl Default for $class {
            fn default() -> Self {
                Self::new()
            }
        }

        impl Metric for $class {
            named!($class, Some(Direction::Up));

            fn own_config(&self) -> Map<String, Value> {
                let average = self.score.average.map(Average::keras_name);
                let config = ConfigWriter::new().set("average", average);
                $(let config = config.set(stringify!($beta), self.score.beta);)?
                config.set("threshold", self.score.threshold).finish()
            }

            fn update(
                &mut self,
                y_true: &Tensor,
                y_pred: &Tensor,
                sample_weight: Option<&Tensor>,
            ) -> Result<(), LayerError> {
                self.score.add(y_true, y_pred, sample_weight)
            }

            fn result(&self) -> Vec<f64> {
                self.score.result()
            }

            fn reset(&mut self) {
                self.score.reset();
            }

            fn variables(&self) -> Vec<(&'static str, Array<f64>)> {
                self.score.variables()
            }

            fn restore(&mut self, variables: &[Vec<f64>]) -> bool {
                self.score.restore(variables)
            }
        }
    };
}

score_metric! {
    /// `2 precision recall / (precision + recall)` of each class.
    F1Score, "f1_score", []
}
score_metric! {
    /// `(1 + beta^2) precision recall / (beta^2 precision + recall)` of each class.
    FBetaScore, "fbeta_score", [beta]
}
