use crate::StatsError;

/// How often each class was taken for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    /// Row: true class; column: predicted class. Square.
    pub counts: Vec<Vec<usize>>,
}

/// One class against the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassCounts {
    /// Of the class, and taken for it.
    pub true_positives: usize,
    /// Of another class, but taken for it.
    pub false_positives: usize,
    /// Of another class, and not taken for it.
    pub true_negatives: usize,
    /// Of the class, but taken for another.
    pub false_negatives: usize,
}

impl ConfusionMatrix {
    /// Counts the pairs of labels and predictions.
    ///
    /// # Errors
    ///
    /// [`StatsError::Lengths`], or [`StatsError::Class`] for an index of `n_classes` or more.
    pub fn new(
        labels: &[usize],
        predicted: &[usize],
        n_classes: usize,
    ) -> Result<Self, StatsError> {
        if labels.len() != predicted.len() {
            return Err(StatsError::Lengths { scores: predicted.len(), labels: labels.len() });
        }
        let mut counts = vec![vec![0; n_classes]; n_classes];
        for (index, (&label, &guess)) in labels.iter().zip(predicted).enumerate() {
            if let Some(&class) = [label, guess].iter().find(|&&class| n_classes <= class) {
                return Err(StatsError::Class { index, class, n_classes });
            }
            counts[label][guess] += 1;
        }
        Ok(Self { counts })
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.counts.iter().flatten().sum()
    }

    /// Samples on the diagonal.
    pub fn right(&self) -> usize {
        (0..self.counts.len()).map(|class| self.counts[class][class]).sum()
    }

    /// Part of the samples whose class is predicted; 0 of none.
    pub fn accuracy(&self) -> f64 {
        ratio(self.right(), self.samples())
    }

    /// Mean recall of the classes that there are samples of; 0 if there are none.
    pub fn balanced_accuracy(&self) -> f64 {
        let present: Vec<f64> = (0..self.counts.len())
            .map(|class| self.class(class))
            .filter(|class| 0 < class.samples())
            .map(|class| class.recall())
            .collect();
        present.iter().sum::<f64>() / present.len().max(1) as f64
    }

    /// Matthews's correlation of labels and predictions for any number of classes (Gorodkin 2004):
    /// 1 is perfect, 0 is chance. 0 where all labels or all predictions are one class.
    pub fn matthews(&self) -> f64 {
        let n = self.samples() as f64;
        let classes = (0..self.counts.len()).map(|class| {
            let counts = self.class(class);
            (counts.samples() as f64, (counts.true_positives + counts.false_positives) as f64)
        });
        let (mut both, mut labels, mut guesses) = (0.0, 0.0, 0.0);
        for (is, taken) in classes {
            both += is * taken;
            labels += is * is;
            guesses += taken * taken;
        }
        let size = (n * n - labels) * (n * n - guesses);
        if size <= 0.0 { 0.0 } else { (n * self.right() as f64 - both) / size.sqrt() }
    }

    /// One class against the rest.
    ///
    /// # Panics
    ///
    /// If there is no such class.
    pub fn class(&self, class: usize) -> ClassCounts {
        let row: usize = self.counts[class].iter().sum();
        let column: usize = self.counts.iter().map(|row| row[class]).sum();
        let hits = self.counts[class][class];
        ClassCounts {
            true_positives: hits,
            false_positives: column - hits,
            true_negatives: self.samples() + hits - row - column,
            false_negatives: row - hits,
        }
    }
}

impl ClassCounts {
    /// Samples of the class.
    pub fn samples(&self) -> usize {
        self.true_positives + self.false_negatives
    }

    /// `TP / (TP + FP)`, also called positive predictive value; 0 of none.
    pub fn precision(&self) -> f64 {
        ratio(self.true_positives, self.true_positives + self.false_positives)
    }

    /// `TP / (TP + FN)`, also called sensitivity; 0 of none.
    pub fn recall(&self) -> f64 {
        ratio(self.true_positives, self.samples())
    }

    /// `TN / (TN + FP)`; 0 of none.
    pub fn specificity(&self) -> f64 {
        ratio(self.true_negatives, self.true_negatives + self.false_positives)
    }

    /// `TN / (TN + FN)`; 0 of none.
    pub fn negative_predictive_value(&self) -> f64 {
        ratio(self.true_negatives, self.true_negatives + self.false_negatives)
    }

    /// `2 TP / (2 TP + FP + FN)`; 0 of none.
    pub fn f1(&self) -> f64 {
        let hits = 2 * self.true_positives;
        ratio(hits, hits + self.false_positives + self.false_negatives)
    }
}

/// A ratio of nothing is 0, as in Keras.
pub(crate) fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_by_hand_and_labels_that_are_none() {
        let matrix = ConfusionMatrix::new(&[0, 0, 1, 2, 2], &[0, 1, 1, 2, 0], 3).unwrap();
        assert_eq!(matrix.counts, [[1, 1, 0], [0, 1, 0], [1, 0, 1]]);
        let first = matrix.class(0);
        assert_eq!(
            (
                first.true_positives,
                first.false_positives,
                first.true_negatives,
                first.false_negatives
            ),
            (1, 1, 2, 1)
        );
        assert_eq!((first.specificity(), matrix.accuracy()), (2.0 / 3.0, 0.6));
        let error = ConfusionMatrix::new(&[0, 3], &[0, 0], 3).unwrap_err().to_string();
        assert!(error.contains("label 1 is class 3"), "{error}");
    }

    #[test]
    fn nothing_gives_zeros() {
        let matrix = ConfusionMatrix::new(&[], &[], 2).unwrap();
        assert_eq!(
            (matrix.accuracy(), matrix.balanced_accuracy(), matrix.matthews()),
            (0.0, 0.0, 0.0)
        );
        assert_eq!(matrix.class(1).f1(), 0.0);
    }
}
