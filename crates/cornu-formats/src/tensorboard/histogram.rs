//! Histograms as TensorBoard takes them.

/// TensorBoard's default number of buckets.
const BUCKETS: usize = 30;

/// Buckets of equal width from the smallest to the largest value: left edge, right edge, number of
/// values. The right edge belongs to the last bucket only. Values that are not finite do not count;
/// without any there are no buckets, and equal ones all lie in the last.
pub fn buckets(values: &[f32]) -> Vec<[f64; 3]> {
    let finite = || values.iter().map(|&value| f64::from(value)).filter(|value| value.is_finite());
    let (min, max) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| {
        (min.min(value), max.max(value))
    });
    if max < min {
        return Vec::new();
    }
    let width = (max - min) / BUCKETS as f64;
    let edge = |i: usize| if i == BUCKETS { max } else { min + i as f64 * width };
    let mut buckets: Vec<[f64; 3]> = (0..BUCKETS).map(|i| [edge(i), edge(i + 1), 0.0]).collect();
    for value in finite() {
        let bucket = if width == 0.0 {
            BUCKETS - 1
        } else {
            (((value - min) / width) as usize).min(BUCKETS - 1)
        };
        buckets[bucket][2] += 1.0;
    }
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_one_bucket() {
        let values: Vec<f32> = (0..=60).map(|i| i as f32 / 2.0).collect();
        let buckets = buckets(&values);
        assert_eq!(buckets.len(), 30);
        assert_eq!((buckets[0], buckets[29]), ([0.0, 1.0, 2.0], [29.0, 30.0, 3.0]));
        assert_eq!(buckets.iter().map(|bucket| bucket[2]).sum::<f64>(), 61.0);
    }

    #[test]
    fn equal_values_and_none_at_all() {
        assert_eq!(buckets(&[2.0; 5])[29], [2.0, 2.0, 5.0]);
        assert!(buckets(&[f32::NAN, f32::INFINITY]).is_empty());
    }
}
