//! Areas under curves. Source: Keras 3, `keras/src/metrics/confusion_metrics.py`.

use cornu_tensor::{Array, Tensor};
use serde_json::{Map, Value, json};

use super::common::{divide_no_nan, named};
use super::confusion::{Confusion, Selection, Thresholds};
use super::{Direction, Metric};
use crate::{ConfigWriter, LayerError};

/// Which curve an [`AUC`] measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// True positive rate over false positive rate.
    Roc,
    /// Precision over recall.
    PrecisionRecall,
}

/// How the area between two points of the curve is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Summation {
    /// Trapezoids; for precision over recall the interpolation of Davis and Goadrich (2006).
    Interpolation,
    /// The lower of both heights.
    Minoring,
    /// The higher of both heights.
    Majoring,
}

/// Area under the ROC or precision-recall curve, from counts at thresholds.
#[derive(Debug, Clone, PartialEq)]
pub struct AUC {
    name: String,
    curve: Curve,
    summation: Summation,
    thresholds: Option<Vec<f64>>,
    multi_label: bool,
    num_labels: Option<usize>,
    label_weights: Option<Vec<f64>>,
    from_logits: bool,
    counts: Confusion,
}

impl AUC {
    /// With Keras's defaults: ROC, 200 thresholds, all labels together.
    pub fn new() -> Self {
        Self {
            name: "auc".to_owned(),
            curve: Curve::Roc,
            summation: Summation::Interpolation,
            thresholds: None,
            multi_label: false,
            num_labels: None,
            label_weights: None,
            from_logits: false,
            counts: Confusion::new(Thresholds::Even(200)),
        }
    }

    /// At least 2, at even distances. Default 200.
    pub fn num_thresholds(mut self, n: usize) -> Self {
        self.thresholds = None;
        self.counts = Confusion::new(Thresholds::Even(n.max(2)));
        self
    }

    /// Thresholds between 0 and 1; one below and one above are added.
    pub fn thresholds(mut self, thresholds: &[f64]) -> Self {
        let mut sorted = thresholds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let inner = sorted.iter().map(|&threshold| threshold as f32);
        let all = std::iter::once(-1e-7).chain(inner).chain(std::iter::once(1.0 + 1e-7)).collect();
        self.thresholds = Some(sorted);
        self.counts = Confusion::new(Thresholds::Given(all));
        self
    }

    /// Default [`Curve::Roc`].
    pub fn curve(mut self, curve: Curve) -> Self {
        self.curve = curve;
        self
    }

    /// Default [`Summation::Interpolation`].
    pub fn summation(mut self, summation: Summation) -> Self {
        self.summation = summation;
        self
    }

    /// Whether each label has a curve of its own and the areas are averaged. Default false.
    pub fn multi_label(mut self, multi_label: bool) -> Self {
        self.multi_label = multi_label;
        self
    }

    /// Number of labels, if it is not to be taken from the first batch.
    pub fn num_labels(mut self, n: usize) -> Self {
        self.num_labels = Some(n);
        self
    }

    /// Weights of the labels' areas; for `multi_label` only.
    pub fn label_weights(mut self, weights: &[f64]) -> Self {
        self.label_weights = Some(weights.to_vec());
        self
    }

    /// Whether predictions are logits. Default false.
    pub fn from_logits(mut self, from_logits: bool) -> Self {
        self.from_logits = from_logits;
        self
    }

    /// The area for one label.
    fn area(&self, label: usize) -> f64 {
        let counts = &self.counts;
        let at = |values: &[f64], i: usize| values[i * counts.n_labels + label];
        let tp = |i: usize| at(&counts.true_positives, i);
        let fp = |i: usize| at(&counts.false_positives, i);
        let tn = |i: usize| at(&counts.true_negatives, i);
        let fns = |i: usize| at(&counts.false_negatives, i);
        let n = counts.thresholds.len();
        if (self.curve, self.summation) == (Curve::PrecisionRecall, Summation::Interpolation) {
            return (1..n)
                .map(|i| {
                    let positives = |i: usize| tp(i) + fp(i);
                    let d_true = tp(i - 1) - tp(i);
                    let d_all = positives(i - 1) - positives(i);
                    let slope = divide_no_nan(d_true, d_all.max(0.0));
                    let intercept = tp(i) - slope * positives(i);
                    let ratio = if 0.0 < positives(i - 1) && 0.0 < positives(i) {
                        positives(i - 1) / positives(i)
                    } else {
                        1.0
                    };
                    let increment = slope * (d_true + intercept * ratio.ln());
                    divide_no_nan(increment, (tp(i) + fns(i)).max(0.0))
                })
                .sum();
        }
        let point = |i: usize| {
            let recall = divide_no_nan(tp(i), tp(i) + fns(i));
            match self.curve {
                Curve::Roc => (divide_no_nan(fp(i), fp(i) + tn(i)), recall),
                Curve::PrecisionRecall => (recall, divide_no_nan(tp(i), tp(i) + fp(i))),
            }
        };
        (1..n)
            .map(|i| {
                let ((x_0, y_0), (x_1, y_1)) = (point(i - 1), point(i));
                let height = match self.summation {
                    Summation::Interpolation => (y_0 + y_1) / 2.0,
                    Summation::Minoring => y_0.min(y_1),
                    Summation::Majoring => y_0.max(y_1),
                };
                (x_0 - x_1) * height
            })
            .sum()
    }
}

impl Default for AUC {
    fn default() -> Self {
        Self::new()
    }
}

/// Keras writes these numbers as a tensor.
fn as_tensor(numbers: &[f64]) -> Value {
    let value: Vec<f64> = numbers.iter().map(|&number| f64::from(number as f32)).collect();
    json!({"class_name": "__tensor__", "config": {"value": value, "dtype": "float32"}})
}

impl Metric for AUC {
    named!(AUC, Some(Direction::Up));

    fn own_config(&self) -> Map<String, Value> {
        let curve = match self.curve {
            Curve::Roc => "ROC",
            Curve::PrecisionRecall => "PR",
        };
        let summation = match self.summation {
            Summation::Interpolation => "interpolation",
            Summation::Minoring => "minoring",
            Summation::Majoring => "majoring",
        };
        let mut config = ConfigWriter::new()
            .set("num_thresholds", self.counts.thresholds.len())
            .set("curve", curve)
            .set("summation_method", summation)
            .set("multi_label", self.multi_label)
            .set("num_labels", self.num_labels)
            .set("label_weights", self.label_weights.as_deref().map(as_tensor))
            .set("from_logits", self.from_logits)
            .finish();
        if let Some(thresholds) = &self.thresholds {
            config.insert("thresholds".to_owned(), thresholds.clone().into());
        }
        config
    }

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<(), LayerError> {
        let n_labels = match (self.multi_label, self.num_labels) {
            (false, _) => 1,
            (true, Some(n)) => n,
            (true, None) => y_pred.dims().last().copied().unwrap_or(1),
        };
        if self.counts.n_labels != n_labels {
            self.counts.n_labels = n_labels;
            self.counts.reset();
        }
        let selection = Selection::default();
        if !self.from_logits {
            return self.counts.add(y_true, y_pred, sample_weight, selection);
        }
        let y_pred = y_pred.map(|x| 1.0 / (1.0 + (-x).exp()));
        self.counts.add(y_true, &y_pred, sample_weight, selection)
    }

    fn result(&self) -> Vec<f64> {
        let areas = (0..self.counts.n_labels).map(|label| self.area(label));
        let weight =
            |label: usize| self.label_weights.as_ref().map_or(1.0, |weights| weights[label]);
        let sum: f64 = areas.enumerate().map(|(label, area)| area * weight(label)).sum();
        let weights: f64 = (0..self.counts.n_labels).map(weight).sum();
        vec![divide_no_nan(sum, weights)]
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
