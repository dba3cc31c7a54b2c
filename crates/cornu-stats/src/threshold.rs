use crate::confusion::ClassCounts;
use crate::ranked::check;
use crate::{RocCurve, StatsError};

/// What taking for positive whatever scores at least `threshold` gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThresholdScores {
    /// The lowest score that counts as positive.
    pub threshold: f64,
    /// Of the positive class. Sensitivity is its recall, the positive predictive value its precision.
    pub counts: ClassCounts,
}

impl ThresholdScores {
    /// Counts what `threshold` makes of `scores`.
    ///
    /// # Errors
    ///
    /// [`StatsError`] if lengths differ or a score is not finite.
    pub fn new(scores: &[f64], positive: &[bool], threshold: f64) -> Result<Self, StatsError> {
        check(scores, positive)?;
        let mut counts = ClassCounts {
            true_positives: 0,
            false_positives: 0,
            true_negatives: 0,
            false_negatives: 0,
        };
        for (&score, &positive) in scores.iter().zip(positive) {
            let place = match (threshold <= score, positive) {
                (true, true) => &mut counts.true_positives,
                (true, false) => &mut counts.false_positives,
                (false, true) => &mut counts.false_negatives,
                (false, false) => &mut counts.true_negatives,
            };
            *place += 1;
        }
        Ok(Self { threshold, counts })
    }

    /// Youden's J: `sensitivity + specificity - 1`; 1 is perfect, 0 is chance.
    pub fn youden(&self) -> f64 {
        self.counts.recall() + self.counts.specificity() - 1.0
    }
}

/// The threshold with the highest J (Youden 1950); of equals the highest threshold. Chosen on the
/// samples that it is judged on, J is a little too good.
///
/// # Errors
///
/// [`StatsError`] if lengths differ, a score is not finite, or one of both kinds is missing.
pub fn best_by_youden(scores: &[f64], positive: &[bool]) -> Result<ThresholdScores, StatsError> {
    let curve = RocCurve::new(scores, positive)?;
    let youden = |i: usize| curve.true_positive_rate[i] - curve.false_positive_rate[i];
    // The first point takes nothing for positive, which no score is the threshold of.
    let best = (1..curve.thresholds.len())
        .reduce(|best, i| if youden(best) < youden(i) { i } else { best })
        .unwrap_or(0);
    ThresholdScores::new(scores, positive, curve.thresholds[best])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_by_hand() {
        let (scores, positive) = ([0.1, 0.4, 0.35, 0.8], [false, false, true, true]);
        let at = ThresholdScores::new(&scores, &positive, 0.4).unwrap();
        assert_eq!((at.counts.recall(), at.counts.specificity(), at.youden()), (0.5, 0.5, 0.0));
        let best = best_by_youden(&scores, &positive).unwrap();
        // 0.35 is as good, but 0.8 is the higher one.
        assert_eq!((best.threshold, best.youden()), (0.8, 0.5));
        best_by_youden(&[0.1], &[true]).unwrap_err();
    }
}
