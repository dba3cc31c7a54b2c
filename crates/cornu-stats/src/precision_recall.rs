use crate::StatsError;
use crate::ranked::Ranked;

/// Precision against recall for every threshold: how many of those taken for positive are, against
/// how many of the positives are found.
///
/// Point `i` takes for positive what scores at least `thresholds[i]`; thresholds rise, and behind
/// the last one stands the point of recall 0 and precision 1. As scikit-learn's
/// `precision_recall_curve`.
#[derive(Debug, Clone, PartialEq)]
pub struct PrecisionRecallCurve {
    /// Each score that occurs, rising.
    pub thresholds: Vec<f64>,
    /// One more than thresholds.
    pub precision: Vec<f64>,
    /// One more than thresholds, falling from 1 to 0.
    pub recall: Vec<f64>,
}

impl PrecisionRecallCurve {
    /// The curve of `scores`, higher ones meaning positive.
    ///
    /// # Errors
    ///
    /// [`StatsError`] if lengths differ, a score is not finite, or one of both kinds is missing.
    pub fn new(scores: &[f64], positive: &[bool]) -> Result<Self, StatsError> {
        let ranked = Ranked::new(scores, positive)?;
        let (mut thresholds, mut precision, mut recall) = (Vec::new(), vec![1.0], vec![0.0]);
        let (mut found, mut taken) = (0, 0);
        for run in ranked.runs() {
            found += run.iter().filter(|&&i| positive[i]).count();
            taken += run.len();
            thresholds.push(scores[run[0]]);
            precision.push(found as f64 / taken as f64);
            recall.push(found as f64 / ranked.positives as f64);
        }
        thresholds.reverse();
        precision.reverse();
        recall.reverse();
        Ok(Self { thresholds, precision, recall })
    }

    /// `sum((recall[i] - recall[i + 1]) * precision[i])`: steps, not trapezoids, which would promise
    /// too much.
    pub fn average_precision(&self) -> f64 {
        let steps = self.recall.windows(2).zip(&self.precision);
        steps.map(|(recall, precision)| (recall[0] - recall[1]) * precision).sum()
    }
}

/// Average precision, as scikit-learn's `average_precision_score`.
///
/// # Errors
///
/// [`StatsError`] if lengths differ, a score is not finite, or one of both kinds is missing.
pub fn average_precision(scores: &[f64], positive: &[bool]) -> Result<f64, StatsError> {
    let ranked = Ranked::new(scores, positive)?;
    Ok(weighted_average_precision(&ranked, positive, |_| 1.0))
}

/// The same where sample `i` counts `weight(i)` times.
pub(crate) fn weighted_average_precision(
    ranked: &Ranked,
    positive: &[bool],
    weight: impl Fn(usize) -> f64,
) -> f64 {
    let (mut sum, mut found, mut taken) = (0.0, 0.0, 0.0);
    for run in ranked.runs() {
        let mut hits = 0.0;
        for &i in run {
            let weight = weight(i);
            taken += weight;
            hits += if positive[i] { weight } else { 0.0 };
        }
        found += hits;
        if 0.0 < hits {
            sum += hits * found / taken;
        }
    }
    sum / found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_by_hand() {
        let curve = PrecisionRecallCurve::new(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]);
        let curve = curve.unwrap();
        assert_eq!(curve.thresholds, [0.1, 0.35, 0.4, 0.8]);
        assert_eq!(curve.precision, [0.5, 2.0 / 3.0, 0.5, 1.0, 1.0]);
        assert_eq!(curve.recall, [1.0, 1.0, 0.5, 0.5, 0.0]);
        let area = average_precision(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]).unwrap();
        assert!(
            (area - 5.0 / 6.0).abs() < 1e-15 && (curve.average_precision() - area).abs() < 1e-15
        );
    }
}
