use crate::StatsError;

/// Where a value lies if the samples had been others of the same kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// 97.5 % of a normal distribution lies below so many standard deviations.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % interval of a proportion (Wilson 1927), which is right for small numbers and for
/// proportions of 0 and 1, too, where resampling finds no spread.
///
/// ```text
/// (p + z²/2n ± z sqrt(p (1 - p) / n + z²/4n²)) / (1 + z²/n),  p = successes / n,  z = 1.96
/// ```
///
/// # Errors
///
/// [`StatsError::Zero`] for `n` of 0.
pub fn wilson_interval(successes: usize, n: usize) -> Result<Interval, StatsError> {
    if n == 0 {
        return Err(StatsError::Zero { name: "n" });
    }
    let (p, n) = (successes.min(n) as f64 / n as f64, n as f64);
    let middle = p + Z * Z / (2.0 * n);
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    let bound = |x: f64| (x / scale).clamp(0.0, 1.0);
    Ok(Interval { low: bound(middle - half), high: bound(middle + half) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values() {
        // Newcombe 1998, table I, method 3.
        let near = |interval: Interval, low: f64, high: f64| {
            (interval.low - low).abs() < 5e-5 && (interval.high - high).abs() < 5e-5
        };
        assert!(near(wilson_interval(81, 263).unwrap(), 0.2553, 0.3662));
        assert!(near(wilson_interval(15, 148).unwrap(), 0.0624, 0.1605));
        assert!(near(wilson_interval(0, 20).unwrap(), 0.0, 0.1611));
        assert!(near(wilson_interval(29, 29).unwrap(), 0.8830, 1.0));
        wilson_interval(0, 0).unwrap_err();
    }
}
