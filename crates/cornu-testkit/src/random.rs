//! Numbers for tests.

use cornu_tensor::Array;

/// A small pseudo-random generator (SplitMix64): the same seed gives the same numbers everywhere.
///
/// For tests only: what users see is drawn by the generators of the crates above.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// A generator that starts from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        // The high half of the product: the bias of at most end / 2^64 does not matter to a test.
        ((u128::from(self.next_u64()) * end as u128) >> 64) as usize
    }

    /// Uniform in `low..high`.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        let unit = (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        low + unit * (high - low)
    }

    /// Normal with mean 0 and standard deviation 1 (Box-Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform(0.0, 1.0)).ln()).sqrt();
        radius * self.uniform(0.0, std::f64::consts::TAU).cos()
    }

    /// An array of normal numbers.
    pub fn array(&mut self, dims: impl Into<Vec<usize>>) -> Array<f32> {
        Array::from_fn(dims, |_| self.normal() as f32)
    }

    /// An array of normal numbers in double precision.
    pub fn array_f64(&mut self, dims: impl Into<Vec<usize>>) -> Array<f64> {
        Array::from_fn(dims, |_| self.normal())
    }

    /// An array of numbers uniform in `low..high`.
    pub fn uniform_array(
        &mut self,
        dims: impl Into<Vec<usize>>,
        low: f32,
        high: f32,
    ) -> Array<f32> {
        Array::from_fn(dims, |_| self.uniform(f64::from(low), f64::from(high)) as f32)
    }

    /// An array of whole numbers in `0..end`, such as class indices.
    pub fn indices(&mut self, dims: impl Into<Vec<usize>>, end: usize) -> Array<i64> {
        Array::from_fn(dims, |_| self.below(end) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_are_those_of_splitmix64() {
        let mut random = Random::new(0);
        assert_eq!(random.next_u64(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(random.next_u64(), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn moments_are_about_right() {
        let mut random = Random::new(1);
        let n = 20_000;
        let normal: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let mean = normal.iter().sum::<f64>() / f64::from(n);
        let variance = normal.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }

    #[test]
    fn values_stay_in_their_range() {
        let mut random = Random::new(2);
        let uniform = random.uniform_array([500], -3.0, 2.0);
        assert!(uniform.data().iter().all(|&x| (-3.0..=2.0).contains(&x)));
        let indices = random.indices([500], 7);
        assert!((0..7).all(|class| indices.data().contains(&class)));
        assert!(indices.data().iter().all(|i| (0..7).contains(i)));
        assert_eq!(random.below(0), 0);
    }
}
