//! What predictions are worth.

use cornu::networks::Head;
use cornu::stats::{
    ClassCounts, ConfusionMatrix, Interval, StatsError, average_precision, bootstrap, roc_auc,
    wilson_interval,
};
use serde::{Serialize, Serializer};

use crate::error::CliError;

/// Probabilities nearer to 0 or 1 than this count as this far, as in Keras's losses.
const EPSILON: f64 = 1e-7;

/// Seed of the resamples: intervals depend on the predictions alone.
pub(crate) const BOOTSTRAP_SEED: u64 = 0;
/// Samples that all resamples of an interval may draw together, which bounds the time.
const MOST_DRAWS: usize = 20_000_000;
/// Fewer resamples give no steady interval.
const FEWEST_RESAMPLES: usize = 200;
/// More classes than this have no intervals of their own, which would take long.
const MOST_INTERVALS: usize = 20;

/// Scores of a classifier on labelled samples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Scores {
    /// Mean cross-entropy.
    pub(crate) loss: f64,
    /// Part of the samples whose most probable class is right.
    pub(crate) accuracy: f64,
    /// Area under the ROC curve, exact; of more than two classes the mean over the classes, each
    /// against the rest. `None` if a class has no samples.
    pub(crate) auc: Option<f64>,
    /// Average precision, in the same way.
    pub(crate) average_precision: Option<f64>,
    /// 95 % intervals.
    pub(crate) intervals: Intervals,
    /// Number of samples.
    pub(crate) samples: usize,
    /// Row: true class, column: predicted class.
    pub(crate) confusion_matrix: Vec<Vec<usize>>,
    /// By class.
    pub(crate) classes: Vec<ClassScores>,
}

/// Where the scores would lie for other samples of the same kind, in 95 of 100 cases.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Intervals {
    /// Of Wilson.
    #[serde(serialize_with = "as_pair")]
    pub(crate) accuracy: Option<Interval>,
    /// Bootstrapped; of more than two classes that of the mean.
    #[serde(serialize_with = "as_pair")]
    pub(crate) auc: Option<Interval>,
    /// Bootstrapped, in the same way.
    #[serde(serialize_with = "as_pair")]
    pub(crate) average_precision: Option<Interval>,
}

/// Scores of one class; a ratio of nothing is 0, as in Keras.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ClassScores {
    pub(crate) class: String,
    pub(crate) samples: usize,
    pub(crate) precision: f64,
    pub(crate) recall: f64,
    pub(crate) f1: f64,
    /// Against the rest; `None` if one side has no samples.
    pub(crate) auc: Option<f64>,
    #[serde(serialize_with = "as_pair")]
    pub(crate) auc_interval: Option<Interval>,
    pub(crate) average_precision: Option<f64>,
    #[serde(serialize_with = "as_pair")]
    pub(crate) average_precision_interval: Option<Interval>,
}

fn as_pair<S: Serializer>(interval: &Option<Interval>, serializer: S) -> Result<S::Ok, S::Error> {
    interval.map(|Interval { low, high }| [low, high]).serialize(serializer)
}

/// Scores by class, labels, resamples and seed to an interval.
type MeanInterval = fn(&[Vec<f64>], &[usize], usize, u64) -> Result<Interval, StatsError>;

/// Predictions of labelled samples, and what they are worth.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    pub(crate) scores: Scores,
    /// For each sample the probability of each class.
    pub(crate) probabilities: Vec<Vec<f64>>,
    /// For each sample its class.
    pub(crate) labels: Vec<usize>,
}

/// The probabilities of all classes that a row of outputs stands for.
pub(crate) fn probabilities(head: Head, row: &[f32]) -> Vec<f64> {
    match head {
        Head::Binary => vec![1.0 - f64::from(row[0]), f64::from(row[0])],
        Head::Classes(_) => row.iter().map(|&p| f64::from(p)).collect(),
    }
}

/// The most probable class: of equals the first, but class 1 of two only above 1/2, as Keras's
/// binary accuracy has it.
pub(crate) fn predicted(probabilities: &[f64]) -> usize {
    let mut best = 0;
    for (class, p) in probabilities.iter().enumerate() {
        if probabilities[best] < *p {
            best = class;
        }
    }
    best
}

impl Judged {
    /// `outputs` holds a row for each label.
    ///
    /// # Errors
    ///
    /// If an output is no probability.
    pub(crate) fn new(
        head: Head,
        outputs: &[f32],
        labels: &[usize],
        class_names: &[String],
    ) -> Result<Self, CliError> {
        if let Some(bad) = outputs.iter().find(|p| !(0.0..=1.0001).contains(*p)) {
            return Err(CliError::message(format!(
                "the model's output {bad} is no probability: its last layer should be a sigmoid or \
                 softmax; give a classifier"
            )));
        }
        let n_outputs = outputs.len() / labels.len().max(1);
        let rows = outputs.chunks_exact(n_outputs.max(1));
        let probabilities: Vec<Vec<f64>> = rows.map(|row| probabilities(head, row)).collect();
        let guesses: Vec<usize> = probabilities.iter().map(|row| predicted(row)).collect();
        let matrix = ConfusionMatrix::new(labels, &guesses, class_names.len())
            .map_err(|error| CliError::message(error.to_string()))?;
        let loss: f64 = probabilities
            .iter()
            .zip(labels)
            .map(|(row, &label)| -row[label].clamp(EPSILON, 1.0 - EPSILON).ln())
            .sum();
        let of_class =
            |class| ClassScores::new(class, &matrix, &probabilities, labels, class_names);
        let mut classes: Vec<ClassScores> = (0..class_names.len()).map(of_class).collect();
        if let [first, second] = &mut classes[..] {
            // One curve turned around: the intervals would differ by the luck of the draw only.
            first.auc_interval = second.auc_interval;
        }
        // Of two classes, number 1 is the positive one.
        let judged = if classes.len() == 2 { &classes[1..] } else { &classes[..] };
        let by_class: Vec<Vec<f64>> = (0..classes.len())
            .map(|class| one_against_rest(class, &probabilities, labels).0)
            .collect();
        let resamples = resamples(labels.len() * classes.len());
        let interval =
            |of: fn(&ClassScores) -> Option<Interval>, of_mean: MeanInterval| match judged {
                [class] => of(class),
                classes if MOST_INTERVALS < classes.len() => None,
                _ => of_mean(&by_class, labels, resamples, BOOTSTRAP_SEED).ok(),
            };
        let scores = Scores {
            loss: loss / labels.len().max(1) as f64,
            accuracy: matrix.accuracy(),
            auc: mean(judged.iter().map(|class| class.auc)),
            average_precision: mean(judged.iter().map(|class| class.average_precision)),
            intervals: Intervals {
                accuracy: wilson_interval(matrix.right(), matrix.samples()).ok(),
                auc: interval(|class| class.auc_interval, bootstrap::mean_roc_auc_interval),
                average_precision: interval(
                    |class| class.average_precision_interval,
                    bootstrap::mean_average_precision_interval,
                ),
            },
            samples: labels.len(),
            confusion_matrix: matrix.counts,
            classes,
        };
        Ok(Self { scores, probabilities, labels: labels.to_vec() })
    }

    /// Scores of one class, and which samples are of it.
    pub(crate) fn one_against_rest(&self, class: usize) -> (Vec<f64>, Vec<bool>) {
        one_against_rest(class, &self.probabilities, &self.labels)
    }
}

fn one_against_rest(
    class: usize,
    probabilities: &[Vec<f64>],
    labels: &[usize],
) -> (Vec<f64>, Vec<bool>) {
    // A softmax in single precision may be a little above 1.
    let scores = probabilities.iter().map(|row| row[class].min(1.0)).collect();
    (scores, labels.iter().map(|&label| label == class).collect())
}

impl ClassScores {
    fn new(
        class: usize,
        matrix: &ConfusionMatrix,
        probabilities: &[Vec<f64>],
        labels: &[usize],
        class_names: &[String],
    ) -> Self {
        let counts: ClassCounts = matrix.class(class);
        let (scores, positive) = one_against_rest(class, probabilities, labels);
        let resamples = resamples(labels.len());
        let has_interval = class_names.len() <= MOST_INTERVALS;
        let interval = |of: fn(&[f64], &[bool], usize, u64) -> Result<Interval, _>| {
            has_interval.then(|| of(&scores, &positive, resamples, BOOTSTRAP_SEED).ok()).flatten()
        };
        Self {
            class: class_names[class].clone(),
            samples: counts.samples(),
            precision: counts.precision(),
            recall: counts.recall(),
            f1: counts.f1(),
            auc: roc_auc(&scores, &positive).ok(),
            auc_interval: interval(bootstrap::roc_auc_interval),
            average_precision: average_precision(&scores, &positive).ok(),
            average_precision_interval: interval(bootstrap::average_precision_interval),
        }
    }
}

/// How often `n` samples are drawn anew.
pub(crate) fn resamples(n: usize) -> usize {
    (MOST_DRAWS / n.max(1)).clamp(FEWEST_RESAMPLES, bootstrap::RESAMPLES)
}

/// `None` if one of the values is not there.
fn mean(values: impl ExactSizeIterator<Item = Option<f64>>) -> Option<f64> {
    let n = values.len() as f64;
    let sum: f64 = values.collect::<Option<Vec<f64>>>()?.into_iter().sum();
    Some(sum / n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("c{i}")).collect()
    }

    #[test]
    fn two_classes_by_hand() {
        let outputs = [0.9, 0.2, 0.5, 0.6];
        let scores = Judged::new(Head::Binary, &outputs, &[1, 0, 1, 0], &names(2)).unwrap().scores;
        // 0.5 is not above the threshold: class 0.
        assert_eq!(scores.confusion_matrix, [[1, 1], [1, 1]]);
        assert_eq!(scores.accuracy, 0.5);
        assert_eq!(scores.auc, Some(0.75));
        let loss = -(0.9f64.ln() + 0.8f64.ln() + 0.5f64.ln() + 0.4f64.ln()) / 4.0;
        assert!((scores.loss - loss).abs() < 1e-6);
        let one = &scores.classes[1];
        assert_eq!((one.samples, one.precision, one.recall, one.f1), (2, 0.5, 0.5, 0.5));
    }

    #[test]
    fn one_class_has_no_auc_and_intervals_are_pairs_in_json() {
        let one = Judged::new(Head::Binary, &[0.9, 0.2], &[1, 1], &names(2)).unwrap().scores;
        assert_eq!((one.auc, one.intervals.auc), (None, None));
        let both = Judged::new(Head::Binary, &[0.9, 0.2], &[1, 0], &names(2)).unwrap().scores;
        let json = serde_json::json!(both);
        assert_eq!(json["intervals"]["auc"], serde_json::json!([1.0, 1.0]));
        assert!(json["intervals"]["accuracy"][0].as_f64().unwrap() < 0.5);
        assert_eq!(json["classes"][0]["auc"], 1.0);
    }

    #[test]
    fn three_classes_and_sure_mistakes() {
        let outputs = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        let scores = Judged::new(Head::Classes(3), &outputs, &[0, 1, 2], &names(3)).unwrap().scores;
        assert_eq!(scores.confusion_matrix, [[1, 0, 0], [1, 0, 0], [0, 0, 1]]);
        assert!(scores.loss.is_finite() && 5.0 < scores.loss);
        assert_eq!(scores.auc, Some((0.75 + 0.5 + 1.0) / 3.0));
        assert_eq!(scores.classes[1].f1, 0.0);
        // A sample each: nothing else can be drawn.
        let area = scores.auc.unwrap();
        assert_eq!(scores.intervals.auc, Some(Interval { low: area, high: area }));
        assert!(scores.intervals.average_precision.is_some());
    }

    #[test]
    fn what_is_no_probability_is_an_error() {
        for bad in [-0.1, 1.5, f32::NAN] {
            Judged::new(Head::Binary, &[bad], &[1], &names(2)).unwrap_err();
        }
    }
}
