//! How much arithmetic a processor does at most: what kernels are measured against.

use std::hint::black_box;
use std::time::Instant;

use crate::Isa;
use crate::simd::simd_fn;

/// Independent sums: enough to hide the latency of a multiply-add on two units.
const CHAINS: usize = 12;
/// Rounds per measurement.
const ROUNDS: usize = 20_000;

simd_fn! {
    /// Multiplies and adds; returns how many multiplications and additions that were.
    fn multiply_adds(s, start: f32) -> f64 {
        // Numbers that stay near 1, and that the compiler does not know.
        let factor = s.splat(0.999_999 * start);
        let term = s.splat(1e-6 * start);
        let mut sums = [s.splat(start); CHAINS];
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = s.mul_add(*sum, factor, term);
            }
        }
        for sum in sums {
            black_box(s.sum(sum));
        }
        2.0 * (S::LANES * CHAINS * ROUNDS) as f64
    }
}

/// Multiplications and additions per second of one thread with nothing to load or store: the best of
/// a few measurements, a few milliseconds in all.
pub fn peak_flops(isa: Isa) -> f64 {
    let measure = |_| {
        let start = Instant::now();
        let flops = multiply_adds(isa, black_box(1.0));
        flops / start.elapsed().as_secs_f64()
    };
    (0..8).map(measure).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_is_counted() {
        for isa in Isa::available() {
            assert_eq!(multiply_adds(isa, 1.0), (2 * isa.lanes() * CHAINS * ROUNDS) as f64);
            assert!(0.0 < peak_flops(isa));
        }
    }
}
