//! Counts of right and wrong yes-or-no answers at thresholds. Source: Keras 3,
//! `keras/src/metrics/metrics_utils.py`.

use cornu_tensor::{Array, Tensor};

use super::values::{broadcast, common_dims, equalize_dims, wrong_shape};
use crate::LayerError;

/// What "no answer" scores where only the best `k` may count: below any threshold.
const NEVER: f32 = -1e10;

/// Weighted counts per threshold, and per label if labels are kept apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Confusion {
    pub(super) thresholds: Thresholds,
    /// Number of labels that are counted apart; 1 if all are counted together.
    pub(super) n_labels: usize,
    pub(super) true_positives: Vec<f64>,
    pub(super) false_positives: Vec<f64>,
    pub(super) true_negatives: Vec<f64>,
    pub(super) false_negatives: Vec<f64>,
}

/// Scores above a threshold are answers "yes".
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Thresholds {
    /// These, in any order.
    Given(Vec<f32>),
    /// So many from 0 to 1 at even distances, the first one below every score and the last one above.
    Even(usize),
}

/// What is left of the scores before they are compared.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Selection {
    /// Only the `k` largest of the last axis count.
    pub(super) top_k: Option<usize>,
    /// Only this position of the last axis counts.
    pub(super) class_id: Option<usize>,
}

impl Thresholds {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Given(thresholds) => thresholds.len(),
            Self::Even(n) => *n,
        }
    }

    /// How many thresholds a score is above, if they are even: then it is above the first ones.
    fn even_rank(n: usize, score: f32) -> usize {
        let score = score.clamp(0.0, 1.0);
        let position = (score * (n - 1) as f32).ceil() as usize;
        position.clamp(1, n)
    }
}

impl Confusion {
    pub(super) fn new(thresholds: Thresholds) -> Self {
        let mut confusion = Self {
            thresholds,
            n_labels: 1,
            true_positives: Vec::new(),
            false_positives: Vec::new(),
            true_negatives: Vec::new(),
            false_negatives: Vec::new(),
        };
        confusion.reset();
        confusion
    }

    /// All counts 0.
    pub(super) fn reset(&mut self) {
        let n = self.thresholds.len() * self.n_labels;
        for counts in [
            &mut self.true_positives,
            &mut self.false_positives,
            &mut self.true_negatives,
            &mut self.false_negatives,
        ] {
            *counts = vec![0.0; n];
        }
    }

    pub(super) fn add(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
        selection: Selection,
    ) -> Result<(), LayerError> {
        let mut dims = common_dims(y_true, y_pred)?;
        let mut labels = y_true.data().to_vec();
        let mut scores = y_pred.data().to_vec();
        let n_last = dims.last().copied().unwrap_or(1);
        if let Some(k) = selection.top_k {
            scores.chunks_mut(n_last.max(1)).for_each(|row| keep_largest(row, k));
        }
        if let Some(class) = selection.class_id {
            if dims.is_empty() || n_last <= class {
                return Err(wrong_shape(format!("predictions with a class {class}"), &dims));
            }
            labels = labels.into_iter().skip(class).step_by(n_last).collect();
            scores = scores.into_iter().skip(class).step_by(n_last).collect();
            dims.pop();
        }
        if self.n_labels != 1 && dims.last() != Some(&self.n_labels) {
            return Err(wrong_shape(format!("predictions of {} labels", self.n_labels), &dims));
        }
        let weights = match sample_weight {
            None => None,
            Some(weights) => {
                let (_, mut weight_dims) = equalize_dims(&dims, weights.dims());
                // One weight for all labels of a sample.
                if weight_dims.len() + 1 == dims.len() {
                    weight_dims.push(1);
                }
                let weights = Array::from_fn(weight_dims, |i| f64::from(weights.data()[i]));
                let fits = weights.rank() <= dims.len();
                let weights = if fits { broadcast(&weights, &dims)? } else { weights };
                if weights.len() != scores.len() {
                    return Err(wrong_shape(format!("sample weights of {dims:?}"), weights.dims()));
                }
                Some(weights.into_data())
            }
        };
        for (i, (&label, &score)) in labels.iter().zip(&scores).enumerate() {
            let weight = weights.as_ref().map_or(1.0, |weights| weights[i]);
            self.count(i % self.n_labels, label != 0.0, score, weight);
        }
        Ok(())
    }

    fn count(&mut self, label: usize, is_true: bool, score: f32, weight: f64) {
        let (yes, no) = if is_true {
            (&mut self.true_positives, &mut self.false_negatives)
        } else {
            (&mut self.false_positives, &mut self.true_negatives)
        };
        let above = match &self.thresholds {
            Thresholds::Even(n) => Thresholds::even_rank(*n, score),
            Thresholds::Given(_) => 0,
        };
        for threshold in 0..self.thresholds.len() {
            let is_above = match &self.thresholds {
                Thresholds::Even(_) => threshold < above,
                Thresholds::Given(thresholds) => thresholds[threshold] < score,
            };
            let counts = if is_above { &mut *yes } else { &mut *no };
            counts[threshold * self.n_labels + label] += weight;
        }
    }

    /// One of the counts as Keras shapes it.
    pub(super) fn shaped(&self, counts: &[f64]) -> Array<f64> {
        let n = self.thresholds.len();
        let dims = if self.n_labels == 1 { vec![n] } else { vec![n, self.n_labels] };
        Array::from_fn(dims, |i| counts[i])
    }

    /// All four counts under Keras's names.
    pub(super) fn variables(&self) -> Vec<(&'static str, Array<f64>)> {
        vec![
            ("true_positives", self.shaped(&self.true_positives)),
            ("false_positives", self.shaped(&self.false_positives)),
            ("true_negatives", self.shaped(&self.true_negatives)),
            ("false_negatives", self.shaped(&self.false_negatives)),
        ]
    }

    /// Goes on from what `variables` gave. Answers whether it fits.
    pub(super) fn restore(&mut self, variables: &[Vec<f64>]) -> bool {
        let n = self.thresholds.len();
        let [yes, wrong_yes, no, wrong_no] = variables else { return false };
        let fits = !yes.is_empty() && yes.len().is_multiple_of(n.max(1));
        if !fits || variables.iter().any(|counts| counts.len() != yes.len()) {
            return false;
        }
        self.n_labels = yes.len() / n.max(1);
        self.true_positives.clone_from(yes);
        self.false_positives.clone_from(wrong_yes);
        self.true_negatives.clone_from(no);
        self.false_negatives.clone_from(wrong_no);
        true
    }
}

/// All but the `k` largest become "no answer"; of equal ones the first stay.
fn keep_largest(row: &mut [f32], k: usize) {
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
    for &position in order.iter().skip(k) {
        row[position] = NEVER;
    }
}

/// The thresholds that were asked for, or the default.
pub(super) fn given(thresholds: Option<&[f64]>, top_k: Option<usize>) -> Thresholds {
    match (thresholds, top_k) {
        (Some(thresholds), _) => Thresholds::Given(thresholds.iter().map(|&t| t as f32).collect()),
        (None, Some(_)) => Thresholds::Given(vec![NEVER]),
        (None, None) => Thresholds::Given(vec![0.5]),
    }
}
