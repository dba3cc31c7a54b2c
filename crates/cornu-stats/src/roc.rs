use crate::StatsError;
use crate::ranked::Ranked;

/// Receiver operating characteristic: what part of the positives is found at the price of what part
/// of the negatives, for every threshold.
///
/// Point `i` takes for positive what scores at least `thresholds[i]`; the first one takes nothing.
/// As scikit-learn's `roc_curve` with `drop_intermediate=False`.
#[derive(Debug, Clone, PartialEq)]
pub struct RocCurve {
    /// From infinity down, then each score that occurs.
    pub thresholds: Vec<f64>,
    /// Negatives taken for positive, of all negatives: `1 - specificity`, rising from 0 to 1.
    pub false_positive_rate: Vec<f64>,
    /// Positives found, of all positives: sensitivity, rising from 0 to 1.
    pub true_positive_rate: Vec<f64>,
}

impl RocCurve {
    /// The curve of `scores`, higher ones meaning positive.
    ///
    /// # Errors
    ///
    /// [`StatsError`] if lengths differ, a score is not finite, or one of both kinds is missing.
    pub fn new(scores: &[f64], positive: &[bool]) -> Result<Self, StatsError> {
        let ranked = Ranked::new(scores, positive)?;
        let mut curve = Self {
            thresholds: vec![f64::INFINITY],
            false_positive_rate: vec![0.0],
            true_positive_rate: vec![0.0],
        };
        let (mut found, mut false_alarms) = (0, 0);
        for run in ranked.runs() {
            let hits = run.iter().filter(|&&i| positive[i]).count();
            found += hits;
            false_alarms += run.len() - hits;
            curve.thresholds.push(scores[run[0]]);
            curve.false_positive_rate.push(false_alarms as f64 / ranked.negatives as f64);
            curve.true_positive_rate.push(found as f64 / ranked.positives as f64);
        }
        Ok(curve)
    }

    /// Area under the curve by the trapezoidal rule, which for a ROC curve is exact.
    pub fn area(&self) -> f64 {
        let points = self.false_positive_rate.windows(2).zip(self.true_positive_rate.windows(2));
        points.map(|(x, y)| (x[1] - x[0]) * (y[0] + y[1]) / 2.0).sum()
    }

    /// The points where the curve turns, for drawing: `(false positive rate, true positive rate)`.
    pub fn corners(&self) -> Vec<(f64, f64)> {
        let point = |i: usize| (self.false_positive_rate[i], self.true_positive_rate[i]);
        let n = self.thresholds.len();
        let turns = |i: usize| {
            if i == 0 || i + 1 == n {
                return true;
            }
            let ((ax, ay), (bx, by), (cx, cy)) = (point(i - 1), point(i), point(i + 1));
            // Differences of counts divided by one number: on a line the products are equal.
            ((bx - ax) * (cy - by) - (by - ay) * (cx - bx)).abs() > 1e-12
        };
        (0..n).filter(|&i| turns(i)).map(point).collect()
    }

    /// The true positive rate that the curve reaches at a false positive rate: the highest one where
    /// the curve rises straight up.
    pub fn at(&self, false_positive_rate: f64) -> f64 {
        let x = &self.false_positive_rate;
        let next = x.partition_point(|&x| x <= false_positive_rate);
        let y = &self.true_positive_rate;
        match (next, x.get(next)) {
            (0, _) => 0.0,
            (_, None) => 1.0,
            (next, Some(&after)) => {
                let (x0, y0) = (x[next - 1], y[next - 1]);
                y0 + (y[next] - y0) * (false_positive_rate - x0) / (after - x0)
            }
        }
    }
}

/// Area under the ROC curve: the part of all pairs of a positive and a negative sample in which the
/// positive one scores higher, where equal scores count half (Mann and Whitney 1947).
///
/// As scikit-learn's `roc_auc_score`.
///
/// # Errors
///
/// [`StatsError`] if lengths differ, a score is not finite, or one of both kinds is missing.
pub fn roc_auc(scores: &[f64], positive: &[bool]) -> Result<f64, StatsError> {
    let ranked = Ranked::new(scores, positive)?;
    Ok(weighted_auc(&ranked, positive, |_| 1.0))
}

/// The same where sample `i` counts `weight(i)` times. Pairs are counted, so that whole weights give
/// an exact sum.
pub(crate) fn weighted_auc(
    ranked: &Ranked,
    positive: &[bool],
    weight: impl Fn(usize) -> f64,
) -> f64 {
    let (mut pairs, mut above, mut negatives) = (0.0, 0.0, 0.0);
    for run in ranked.runs() {
        let (mut hits, mut others) = (0.0, 0.0);
        for &i in run {
            if positive[i] {
                hits += weight(i);
            } else {
                others += weight(i);
            }
        }
        pairs += others * (above + 0.5 * hits);
        above += hits;
        negatives += others;
    }
    pairs / (above * negatives)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_count_half_and_one_class_is_an_error() {
        assert_eq!(roc_auc(&[0.3, 0.3], &[true, false]), Ok(0.5));
        assert_eq!(roc_auc(&[0.1, 0.3, 0.2], &[true, true, false]), Ok(0.5));
        let error = roc_auc(&[0.1], &[true]).unwrap_err().to_string();
        assert!(error.contains("got 1 and 0"), "{error}");
        assert!(roc_auc(&[], &[]).is_err() && roc_auc(&[0.5], &[true, false]).is_err());
        assert!(roc_auc(&[f64::NAN, 0.5], &[true, false]).is_err());
    }

    #[test]
    fn corners_are_the_curve_and_it_can_be_read_anywhere() {
        let scores = [0.9, 0.8, 0.7, 0.6, 0.5];
        let curve = RocCurve::new(&scores, &[true, true, false, false, true]).unwrap();
        let third = 1.0 / 3.0;
        assert_eq!(
            curve.corners(),
            [(0.0, 0.0), (0.0, 2.0 * third), (1.0, 2.0 * third), (1.0, 1.0)]
        );
        assert_eq!((curve.at(0.0), curve.at(0.25), curve.at(1.0)), (2.0 * third, 2.0 * third, 1.0));
        let tied = RocCurve::new(&[0.5, 0.5], &[true, false]).unwrap();
        assert_eq!((tied.area(), tied.at(0.25)), (0.5, 0.25));
    }
}
