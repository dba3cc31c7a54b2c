//! The sums over the channels, at all points.

use super::POINTS;
use crate::conv::simd::{ConvSimd, Kernel};

/// One strip, `N` filters.
pub(super) struct Products<const N: usize> {
    /// `(point, C)` vectors, points `v_point` elements apart.
    pub(super) v: *const f32,
    pub(super) v_point: usize,
    /// `(point, C, N)`.
    pub(super) weights: *const f32,
    pub(super) channels: usize,
    /// `(point, N)` vectors, points `m_point` elements apart.
    pub(super) m: *mut f32,
    pub(super) m_point: usize,
}

impl<const N: usize> Kernel for Products<N> {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        let mut weights = self.weights;
        for point in 0..POINTS {
            let v = self.v.wrapping_add(point * self.v_point);
            let m = self.m.wrapping_add(point * self.m_point);
            let mut sums = [s.splat(0.0); N];
            // SAFETY: the maker's promise.
            unsafe {
                for c in 0..self.channels {
                    let value = s.load(v.wrapping_add(c * S::LANES));
                    for n in 0..N {
                        sums[n] = s.mul_add(value, s.splat(*weights.add(n)), sums[n]);
                    }
                    weights = weights.wrapping_add(N);
                }
                for n in 0..N {
                    s.store(m.wrapping_add(n * S::LANES), sums[n]);
                }
            }
        }
    }
}
