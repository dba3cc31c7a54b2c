//! The sums over the channels, at all points.

use super::POINTS;
use crate::conv::simd::{Kernel, Simd};

/// `N` filters and `R` strips.
pub(super) struct Products<const N: usize, const R: usize> {
    /// `(point, C, R)` vectors, points `v_point` elements apart.
    pub(super) v: *const f32,
    pub(super) v_point: usize,
    /// `(point, C, N)`.
    pub(super) weights: *const f32,
    pub(super) channels: usize,
    /// `(point, N, R)` vectors, points `m_point` elements apart.
    pub(super) m: *mut f32,
    pub(super) m_point: usize,
}

impl<const N: usize, const R: usize> Kernel for Products<N, R> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        // A single strip may have more filters than registers: that is merely slower.
        if const { R > 1 && N * R > S::ACCUMULATORS } {
            unreachable!("no tile is chosen beyond the limits");
        }
        let mut weights = self.weights;
        for point in 0..POINTS {
            let mut v = self.v.wrapping_add(point * self.v_point);
            let m = self.m.wrapping_add(point * self.m_point);
            let mut sums = [[s.splat(0.0); N]; R];
            // SAFETY: the maker's promise.
            unsafe {
                for _ in 0..self.channels {
                    let mut values = [s.splat(0.0); R];
                    for r in 0..R {
                        values[r] = s.load(v.wrapping_add(r * S::LANES));
                    }
                    for n in 0..N {
                        let weight = s.splat(*weights.add(n));
                        for r in 0..R {
                            sums[r][n] = s.multiply_add(values[r], weight, sums[r][n]);
                        }
                    }
                    v = v.wrapping_add(R * S::LANES);
                    weights = weights.wrapping_add(N);
                }
                for n in 0..N {
                    for r in 0..R {
                        s.store(m.wrapping_add((n * R + r) * S::LANES), sums[r][n]);
                    }
                }
            }
        }
    }
}
