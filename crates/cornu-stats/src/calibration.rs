use crate::StatsError;
use crate::ranked::check_probabilities;

/// How probabilities are sorted into bins. Bin `i` holds `edge[i] < p <= edge[i + 1]`, the first one
/// 0 as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bins {
    /// So many of one width.
    Uniform(usize),
    /// So many with about one number of samples each; edges are percentiles, interpolated.
    Quantile(usize),
}

/// The samples of one bin. Bins without samples are left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationBin {
    /// Mean of the probabilities.
    pub mean_predicted: f64,
    /// Part of the samples that are positive.
    pub fraction_positive: f64,
    /// Number of samples.
    pub samples: usize,
    /// How many of them are positive.
    pub positives: usize,
}

/// How often what was predicted came true, by bins of the probability.
///
/// As scikit-learn's `calibration_curve` with `strategy` "uniform" and "quantile".
///
/// # Errors
///
/// [`StatsError`] if lengths differ, a number is no probability, or there is no bin.
pub fn calibration_curve(
    probabilities: &[f64],
    positive: &[bool],
    bins: Bins,
) -> Result<Vec<CalibrationBin>, StatsError> {
    check_probabilities(probabilities, positive)?;
    let (Bins::Uniform(n) | Bins::Quantile(n)) = bins;
    if n == 0 {
        return Err(StatsError::Zero { name: "bins" });
    }
    let inner = 1..n;
    let edges: Vec<f64> = match bins {
        Bins::Uniform(n) => inner.map(|i| i as f64 * (1.0 / n as f64)).collect(),
        Bins::Quantile(n) => {
            let mut sorted = probabilities.to_vec();
            sorted.sort_by(f64::total_cmp);
            inner.map(|i| quantile(&sorted, i as f64 / n as f64)).collect()
        }
    };
    let mut sums = vec![(0.0, 0, 0); n];
    for (&p, &positive) in probabilities.iter().zip(positive) {
        let (sum, samples, positives) = &mut sums[edges.partition_point(|&edge| edge < p)];
        *sum += p;
        *samples += 1;
        *positives += usize::from(positive);
    }
    let filled = sums.into_iter().filter(|&(_, samples, _)| 0 < samples);
    Ok(filled
        .map(|(sum, samples, positives)| CalibrationBin {
            mean_predicted: sum / samples as f64,
            fraction_positive: positives as f64 / samples as f64,
            samples,
            positives,
        })
        .collect())
}

/// Expected calibration error: the mean distance of predicted and true fraction, weighted by the
/// samples of each bin (Naeini et al. 2015). 0 of no bins.
pub fn calibration_error(bins: &[CalibrationBin]) -> f64 {
    let n: usize = bins.iter().map(|bin| bin.samples).sum();
    let distance = |bin: &CalibrationBin| {
        bin.samples as f64 * (bin.mean_predicted - bin.fraction_positive).abs()
    };
    bins.iter().map(distance).sum::<f64>() / n.max(1) as f64
}

/// Mean squared distance of the probability from 1 (positive) or 0: 0 is perfect, 0.25 what always
/// saying 1/2 gets. As scikit-learn's `brier_score_loss`.
///
/// # Errors
///
/// [`StatsError`] if lengths differ, a number is no probability, or there are no samples.
pub fn brier_score(probabilities: &[f64], positive: &[bool]) -> Result<f64, StatsError> {
    check_probabilities(probabilities, positive)?;
    if probabilities.is_empty() {
        return Err(StatsError::Zero { name: "samples" });
    }
    let square = |(p, &positive): (&f64, &bool)| (p - f64::from(u8::from(positive))).powi(2);
    Ok(probabilities.iter().zip(positive).map(square).sum::<f64>() / probabilities.len() as f64)
}

/// The value below which a part `q` of `sorted` lies, interpolated as NumPy does by default. NaN of
/// nothing.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = q * last as f64;
    let below = (at.floor() as usize).min(last);
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    low + (high - low) * (at - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_by_hand() {
        let p = [0.0, 0.5, 0.5, 0.9];
        let bins = calibration_curve(&p, &[false, true, false, true], Bins::Uniform(2)).unwrap();
        assert_eq!((bins[0].samples, bins[0].positives, bins[1].samples), (3, 1, 1));
        assert!((calibration_error(&bins) - 0.025).abs() < 1e-12);
        assert_eq!(calibration_error(&[]), 0.0);
        calibration_curve(&p, &[false; 4], Bins::Uniform(0)).unwrap_err();
        calibration_curve(&[1.5], &[true], Bins::Uniform(3)).unwrap_err();
        brier_score(&[], &[]).unwrap_err();
    }
}
