//! Portable Rust: 4 lanes.

use super::ConvSimd;
use crate::simd::{Portable, Simd};

const LANES: usize = 4;

impl ConvSimd for Portable {
    const ACCUMULATORS: usize = 8;
    const GROUPS: usize = 1;
    type Mask = [bool; LANES];

    #[inline(always)]
    fn mask(self, from: usize, to: usize) -> Self::Mask {
        std::array::from_fn(|i| from <= i && i < to)
    }

    #[inline(always)]
    unsafe fn load_over(self, mut under: Self::V, from: *const f32, mask: Self::Mask) -> Self::V {
        for i in 0..LANES {
            if mask[i] {
                // SAFETY: the lane is selected, so the caller promises that it can be read.
                under[i] = unsafe { *from.wrapping_add(i) };
            }
        }
        under
    }

    #[inline(always)]
    unsafe fn store_lower(self, to: *mut f32, v: Self::V) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[f32; 2]>().write_unaligned([v[0], v[1]]) }
    }

    #[inline(always)]
    unsafe fn store_fours(self, to: *mut f32, _step: usize, v: Self::V) {
        // SAFETY: the caller's promise.
        unsafe { self.store(to, v) }
    }

    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f32, mask: Self::Mask, v: Self::V) {
        for i in 0..LANES {
            if mask[i] {
                // SAFETY: the lane is selected, so the caller promises that it can be written.
                unsafe { *to.wrapping_add(i) = v[i] };
            }
        }
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8, n: usize, v: Self::V) {
        for i in 0..n {
            // SAFETY: the caller's promise.
            unsafe { *to.add(i) = v[i] as u8 };
        }
    }

    #[inline(always)]
    unsafe fn load_bytes(self, from: *const u8, n: usize) -> Self::V {
        let mut v = [0.0; LANES];
        for i in 0..n {
            // SAFETY: the caller's promise.
            v[i] = f32::from(unsafe { *from.add(i) });
        }
        v
    }

    #[inline(always)]
    unsafe fn pack_less(
        self,
        n: usize,
        (a, b): (Self::V, Self::V),
        (whole, wholes): (Self::V, *mut u32),
        (value, values): (Self::V, *mut f32),
    ) -> usize {
        let mut count = 0;
        for i in 0..n {
            // SAFETY: the caller's promise.
            unsafe {
                *wholes.add(count) = whole[i] as u32;
                *values.add(count) = value[i];
            }
            count += usize::from(a[i] < b[i]);
        }
        count
    }

    #[inline(always)]
    unsafe fn sums(self, from: *const f32) -> Self::V {
        // SAFETY: the caller's promise.
        let rows = unsafe { from.cast::<[[f32; LANES]; LANES]>().read_unaligned() };
        rows.map(|row| row.iter().sum())
    }

    #[inline(always)]
    fn if_equal(self, a: Self::V, b: Self::V, yes: Self::V) -> Self::V {
        std::array::from_fn(|i| if a[i] == b[i] { yes[i] } else { 0.0 })
    }

    #[inline(always)]
    fn upper(self, v: Self::V) -> Self::V {
        [v[2], v[3], v[2], v[3]]
    }

    #[inline(always)]
    fn next_lanes<const G: usize, const FIRST: usize>(self, v: Self::V, then: Self::V) -> Self::V {
        let lanes = const { super::next_lanes::<LANES>(G, FIRST) };
        lanes.map(|lane| [v, then][lane as usize / LANES][lane as usize % LANES])
    }
}
