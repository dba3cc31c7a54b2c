//! What predictions are worth.

use cornu::networks::Head;
use serde::Serialize;

use crate::error::CliError;

/// Probabilities nearer to 0 or 1 than this count as this far, as in Keras's losses.
const EPSILON: f64 = 1e-7;

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
    /// Number of samples.
    pub(crate) samples: usize,
    /// Row: true class, column: predicted class.
    pub(crate) confusion_matrix: Vec<Vec<usize>>,
    /// By class.
    pub(crate) classes: Vec<ClassScores>,
}

/// Scores of one class; a ratio of nothing is 0, as in Keras.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ClassScores {
    pub(crate) class: String,
    pub(crate) samples: usize,
    pub(crate) precision: f64,
    pub(crate) recall: f64,
    pub(crate) f1: f64,
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

impl Scores {
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
        let n_classes = class_names.len();
        let rows: Vec<Vec<f64>> =
            outputs.chunks_exact(n_outputs.max(1)).map(|row| probabilities(head, row)).collect();
        let mut confusion_matrix = vec![vec![0; n_classes]; n_classes];
        let mut loss = 0.0;
        for (row, &label) in rows.iter().zip(labels) {
            confusion_matrix[label][predicted(row)] += 1;
            loss -= row[label].clamp(EPSILON, 1.0 - EPSILON).ln();
        }
        let n = labels.len().max(1) as f64;
        let right: usize = (0..n_classes).map(|class| confusion_matrix[class][class]).sum();
        let classes = (0..n_classes).map(|class| {
            let hit = confusion_matrix[class][class];
            let samples: usize = confusion_matrix[class].iter().sum();
            let guessed: usize = confusion_matrix.iter().map(|row| row[class]).sum();
            ClassScores {
                class: class_names[class].clone(),
                samples,
                precision: ratio(hit, guessed),
                recall: ratio(hit, samples),
                f1: ratio(2 * hit, samples + guessed),
            }
        });
        Ok(Self {
            loss: loss / n,
            accuracy: right as f64 / n,
            auc: mean_auc(&rows, labels, n_classes),
            samples: labels.len(),
            classes: classes.collect(),
            confusion_matrix,
        })
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn mean_auc(rows: &[Vec<f64>], labels: &[usize], n_classes: usize) -> Option<f64> {
    let classes = if n_classes == 2 { 1..2 } else { 0..n_classes };
    let n = classes.len() as f64;
    let mut sum = 0.0;
    for class in classes {
        let scored = rows.iter().zip(labels).map(|(row, &label)| (row[class], label == class));
        sum += auc(scored.collect())?;
    }
    Some(sum / n)
}

/// Part of the pairs of a positive and a negative sample in which the positive one scores higher;
/// equal scores count half (Mann and Whitney 1947).
fn auc(mut scored: Vec<(f64, bool)>) -> Option<f64> {
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = scored.iter().filter(|(_, positive)| *positive).count() as f64;
    let negatives = scored.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let (mut below, mut pairs) = (0.0, 0.0);
    for equal in scored.chunk_by(|a, b| a.0 == b.0) {
        let here = equal.iter().filter(|(_, positive)| *positive).count() as f64;
        let others = equal.len() as f64 - here;
        pairs += here * (below + 0.5 * others);
        below += others;
    }
    Some(pairs / (positives * negatives))
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
        let scores = Scores::new(Head::Binary, &outputs, &[1, 0, 1, 0], &names(2)).unwrap();
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
    fn equal_scores_count_half_and_one_class_has_no_auc() {
        assert_eq!(auc(vec![(0.3, true), (0.3, false)]), Some(0.5));
        assert_eq!(auc(vec![(0.1, true), (0.3, true), (0.2, false)]), Some(0.5));
        assert_eq!(auc(vec![(0.1, true)]), None);
        assert_eq!(auc(Vec::new()), None);
    }

    #[test]
    fn three_classes_and_sure_mistakes() {
        let outputs = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        let scores = Scores::new(Head::Classes(3), &outputs, &[0, 1, 2], &names(3)).unwrap();
        assert_eq!(scores.confusion_matrix, [[1, 0, 0], [1, 0, 0], [0, 0, 1]]);
        assert!(scores.loss.is_finite() && 5.0 < scores.loss);
        assert_eq!(scores.auc, Some((0.75 + 0.5 + 1.0) / 3.0));
        assert_eq!(scores.classes[1].f1, 0.0);
    }

    #[test]
    fn what_is_no_probability_is_an_error() {
        for bad in [-0.1, 1.5, f32::NAN] {
            Scores::new(Head::Binary, &[bad], &[1], &names(2)).unwrap_err();
        }
    }
}
