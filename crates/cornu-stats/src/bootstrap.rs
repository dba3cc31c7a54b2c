//! Intervals by resampling (Efron 1979): the statistic is computed again for samples drawn with
//! replacement, of each class as many as there are, so that no resample lacks one; the 95 % interval holds the middle of the results (percentile method).
//!
//! Draws follow from the seed alone.

use crate::calibration::quantile;
use crate::precision_recall::weighted_average_precision;
use crate::ranked::Ranked;
use crate::roc::weighted_auc;
use crate::{Interval, StatsError};

/// Resamples that give two steady digits.
pub const RESAMPLES: usize = 2000;

/// Parts of the results below and above the interval.
const TAIL: f64 = 0.025;

/// The 95 % interval of [`crate::roc_auc`].
///
/// # Errors
///
/// Those of [`crate::roc_auc`], and [`StatsError::Zero`] for no resamples.
pub fn roc_auc_interval(
    scores: &[f64],
    positive: &[bool],
    resamples: usize,
    seed: u64,
) -> Result<Interval, StatsError> {
    let ranked = Ranked::new(scores, positive)?;
    interval_of(positive, resamples, seed, |counts| {
        weighted_auc(&ranked, positive, |i| f64::from(counts[i]))
    })
}

/// The 95 % interval of [`crate::average_precision`].
///
/// # Errors
///
/// Those of [`crate::average_precision`], and [`StatsError::Zero`] for no resamples.
pub fn average_precision_interval(
    scores: &[f64],
    positive: &[bool],
    resamples: usize,
    seed: u64,
) -> Result<Interval, StatsError> {
    let ranked = Ranked::new(scores, positive)?;
    interval_of(positive, resamples, seed, |counts| {
        weighted_average_precision(&ranked, positive, |i| f64::from(counts[i]))
    })
}

/// The 95 % interval of the mean of [`crate::roc_auc`] over the classes, each against the rest.
/// `scores` holds a list for each class, `labels` the class of each sample.
///
/// # Errors
///
/// Those of [`crate::roc_auc`] for any class (one without samples, say), and [`StatsError::Zero`] for
/// no resamples.
pub fn mean_roc_auc_interval(
    scores: &[Vec<f64>],
    labels: &[usize],
    resamples: usize,
    seed: u64,
) -> Result<Interval, StatsError> {
    mean_interval_of(scores, labels, resamples, seed, |ranked, positive, counts| {
        weighted_auc(ranked, positive, |i| f64::from(counts[i]))
    })
}

/// The same of the mean of [`crate::average_precision`].
///
/// # Errors
///
/// As for [`mean_roc_auc_interval`].
pub fn mean_average_precision_interval(
    scores: &[Vec<f64>],
    labels: &[usize],
    resamples: usize,
    seed: u64,
) -> Result<Interval, StatsError> {
    mean_interval_of(scores, labels, resamples, seed, |ranked, positive, counts| {
        weighted_average_precision(ranked, positive, |i| f64::from(counts[i]))
    })
}

fn mean_interval_of(
    scores: &[Vec<f64>],
    labels: &[usize],
    resamples: usize,
    seed: u64,
    statistic: impl Fn(&Ranked, &[bool], &[u32]) -> f64,
) -> Result<Interval, StatsError> {
    let mut classes = Vec::with_capacity(scores.len());
    for (class, scores) in scores.iter().enumerate() {
        let positive: Vec<bool> = labels.iter().map(|&label| label == class).collect();
        classes.push((Ranked::new(scores, &positive)?, positive));
    }
    let strata: Vec<Vec<usize>> = (0..scores.len()).map(|class| of_kind(labels, &class)).collect();
    let mut results = Vec::with_capacity(resamples);
    each_resample(&strata, labels.len(), resamples, seed, |counts| {
        let sum: f64 =
            classes.iter().map(|(ranked, positive)| statistic(ranked, positive, counts)).sum();
        results.push(sum / classes.len() as f64);
    })?;
    Ok(middle(results))
}

/// The 95 % interval of the ROC curve's true positive rate at each of the false positive rates
/// `at`, which must rise: a band to draw around the curve.
///
/// # Errors
///
/// Those of [`crate::RocCurve::new`], and [`StatsError::Zero`] for no resamples.
pub fn roc_band(
    scores: &[f64],
    positive: &[bool],
    at: &[f64],
    resamples: usize,
    seed: u64,
) -> Result<Vec<Interval>, StatsError> {
    let ranked = Ranked::new(scores, positive)?;
    let mut results: Vec<Vec<f64>> = vec![Vec::with_capacity(resamples); at.len()];
    each_resample(&both(positive), positive.len(), resamples, seed, |counts| {
        let mut rates = curve_at(&ranked, positive, counts, at).into_iter();
        for results in &mut results {
            results.extend(rates.next());
        }
    })?;
    Ok(results.into_iter().map(middle).collect())
}

/// The resampled curve at each of `at`, interpolated along runs of equal scores.
fn curve_at(ranked: &Ranked, positive: &[bool], counts: &[u32], at: &[f64]) -> Vec<f64> {
    let (positives, negatives) = (ranked.positives as f64, ranked.negatives as f64);
    let (mut x, mut y) = (0.0, 0.0);
    let mut rates = Vec::with_capacity(at.len());
    for run in ranked.runs() {
        let (x0, y0) = (x, y);
        for &i in run {
            if positive[i] {
                y += f64::from(counts[i]) / positives;
            } else {
                x += f64::from(counts[i]) / negatives;
            }
        }
        while let Some(&at) = at.get(rates.len()).filter(|&&at| at < x - 1e-12) {
            rates.push(y0 + (y - y0) * (at - x0).max(0.0) / (x - x0));
        }
    }
    rates.resize(at.len(), 1.0);
    rates
}

fn interval_of(
    positive: &[bool],
    resamples: usize,
    seed: u64,
    mut statistic: impl FnMut(&[u32]) -> f64,
) -> Result<Interval, StatsError> {
    let mut results = Vec::with_capacity(resamples);
    each_resample(&both(positive), positive.len(), resamples, seed, |counts| {
        results.push(statistic(counts));
    })?;
    Ok(middle(results))
}

fn middle(mut results: Vec<f64>) -> Interval {
    results.sort_by(f64::total_cmp);
    Interval { low: quantile(&results, TAIL), high: quantile(&results, 1.0 - TAIL) }
}

/// Where the samples of a kind are.
fn of_kind<T: PartialEq>(samples: &[T], kind: &T) -> Vec<usize> {
    (0..samples.len()).filter(|&i| samples[i] == *kind).collect()
}

fn both(positive: &[bool]) -> [Vec<usize>; 2] {
    [true, false].map(|kind| of_kind(positive, &kind))
}

/// Calls `use_counts` with how often each of `n` samples is in each resample, which has as many of
/// each of the `strata` as there are.
fn each_resample(
    strata: &[Vec<usize>],
    n: usize,
    resamples: usize,
    seed: u64,
    mut use_counts: impl FnMut(&[u32]),
) -> Result<(), StatsError> {
    if resamples == 0 {
        return Err(StatsError::Zero { name: "resamples" });
    }
    let mut random = SplitMix64(seed);
    let mut counts = vec![0u32; n];
    for _ in 0..resamples {
        counts.fill(0);
        for samples in strata {
            for _ in samples {
                counts[samples[random.below(samples.len())]] += 1;
            }
        }
        use_counts(&counts);
    }
    Ok(())
}

/// The generator of Steele, Lea and Flood 2014.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number below `n`; its bias, `n / 2^64`, is beyond measure.
    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RocCurve, roc_auc};

    /// Scores of two normal-like heaps, one apart from the other.
    fn heaps(n: usize) -> (Vec<f64>, Vec<bool>) {
        let mut random = SplitMix64(1);
        let mut uniform = || random.next() as f64 / u64::MAX as f64;
        let positive: Vec<bool> = (0..n).map(|i| i % 3 == 0).collect();
        let score = |&positive: &bool| {
            let heap: f64 = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
            heap + f64::from(u8::from(positive))
        };
        (positive.iter().map(score).collect(), positive)
    }

    #[test]
    fn the_interval_has_the_width_of_delong() {
        let (scores, positive) = heaps(300);
        let area = roc_auc(&scores, &positive).unwrap();
        let interval = roc_auc_interval(&scores, &positive, RESAMPLES, 7).unwrap();
        assert!(interval.low < area && area < interval.high);
        // DeLong, DeLong and Clarke-Pearson 1988: the spread of each sample's own part of the area.
        let of = |kind: bool| (0..300).filter(|&i| positive[i] == kind).collect::<Vec<_>>();
        let (hits, others) = (of(true), of(false));
        let variance = |samples: &[usize], rest: &[usize], sign: f64| {
            let part = |&i: &usize| {
                let wins = rest.iter().filter(|&&j| 0.0 < sign * (scores[i] - scores[j])).count();
                wins as f64 / rest.len() as f64
            };
            let spread = samples.iter().map(|i| (part(i) - area).powi(2)).sum::<f64>();
            spread / (samples.len() as f64 - 1.0) / samples.len() as f64
        };
        let deviation = (variance(&hits, &others, 1.0) + variance(&others, &hits, -1.0)).sqrt();
        let ratio = (interval.high - interval.low) / (2.0 * 1.96 * deviation);
        assert!((0.93..1.07).contains(&ratio), "{ratio}");
    }

    #[test]
    fn the_seed_decides_and_nothing_else() {
        let (scores, positive) = heaps(60);
        let of = |seed| average_precision_interval(&scores, &positive, 200, seed).unwrap();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        roc_auc_interval(&scores, &positive, 0, 1).unwrap_err();
    }

    #[test]
    fn the_band_holds_the_curve() {
        let (scores, positive) = heaps(200);
        let curve = RocCurve::new(&scores, &positive).unwrap();
        let at: Vec<f64> = (0..=20).map(|i| f64::from(i) / 20.0).collect();
        let band = roc_band(&scores, &positive, &at, 500, 3).unwrap();
        for (x, interval) in at.iter().zip(&band) {
            let y = curve.at(*x);
            assert!(interval.low <= y && y <= interval.high, "{x}: {interval:?} {y}");
        }
        assert_eq!(band[20], Interval { low: 1.0, high: 1.0 });
    }

    #[test]
    fn the_mean_over_classes_is_steadier_than_a_class() {
        let (first, positive) = heaps(240);
        let labels: Vec<usize> =
            (0..240).map(|i| if positive[i] { 0 } else { 1 + (i / 3) % 2 }).collect();
        let mut random = SplitMix64(5);
        let mut of_class = |class| -> Vec<f64> {
            let noise = |_: &usize| random.next() as f64 / u64::MAX as f64;
            let of =
                |(&label, noise): (&usize, f64)| f64::from(u8::from(label == class)) + 2.0 * noise;
            let noise: Vec<f64> = labels.iter().map(noise).collect();
            labels.iter().zip(noise).map(of).collect()
        };
        let scores = [first, of_class(1), of_class(2)];
        let areas: Vec<f64> = scores
            .iter()
            .enumerate()
            .map(|(class, scores)| {
                let positive: Vec<bool> = labels.iter().map(|&label| label == class).collect();
                roc_auc(scores, &positive).unwrap()
            })
            .collect();
        let mean = areas.iter().sum::<f64>() / 3.0;
        let interval = mean_roc_auc_interval(&scores, &labels, RESAMPLES, 1).unwrap();
        assert!(interval.low < mean && mean < interval.high, "{interval:?} {mean}");
        let alone = roc_auc_interval(&scores[0], &positive, RESAMPLES, 1).unwrap();
        assert!(interval.high - interval.low < alone.high - alone.low);
        let precision = mean_average_precision_interval(&scores, &labels, 500, 1).unwrap();
        assert!(precision.low < precision.high);
        // Of two classes whose scores are each other's mirror it is the area of one.
        let two: Vec<usize> = positive.iter().map(|&positive| usize::from(!positive)).collect();
        let mirrored = [scores[0].clone(), scores[0].iter().map(|x| -x).collect()];
        let both = mean_roc_auc_interval(&mirrored, &two, RESAMPLES, 1).unwrap();
        assert!((both.low - alone.low).abs() < 1e-9 && (both.high - alone.high).abs() < 1e-9);
        // A class that nobody is of has no area.
        mean_roc_auc_interval(&scores, &two, RESAMPLES, 1).unwrap_err();
    }

    #[test]
    fn perfect_scores_have_no_spread() {
        let (scores, positive) = ([0.1, 0.2, 0.8, 0.9], [false, false, true, true]);
        let interval = roc_auc_interval(&scores, &positive, 100, 1).unwrap();
        assert_eq!(interval, Interval { low: 1.0, high: 1.0 });
    }
}
