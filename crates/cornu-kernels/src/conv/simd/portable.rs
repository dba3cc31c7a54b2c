//! Vectors of four lanes in portable Rust, which compilers turn into SSE or NEON.

use super::Simd;

#[derive(Clone, Copy)]
pub(super) struct Portable;

const LANES: usize = 4;

impl Simd for Portable {
    const LANES: usize = LANES;
    const ACCUMULATORS: usize = 8;
    const GROUPS: usize = 1;
    type Vector = [f32; LANES];
    type Mask = [bool; LANES];

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Vector {
        [value; LANES]
    }

    #[inline(always)]
    fn mask(self, from: usize, to: usize) -> Self::Mask {
        std::array::from_fn(|i| from <= i && i < to)
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> Self::Vector {
        // SAFETY: the caller's promise.
        unsafe { from.cast::<Self::Vector>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_over(
        self,
        mut under: Self::Vector,
        from: *const f32,
        mask: Self::Mask,
    ) -> Self::Vector {
        for i in 0..LANES {
            if mask[i] {
                // SAFETY: the lane is selected, so the caller promises that it can be read.
                under[i] = unsafe { *from.wrapping_add(i) };
            }
        }
        under
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, v: Self::Vector) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<Self::Vector>().write_unaligned(v) }
    }

    #[inline(always)]
    unsafe fn store_lower(self, to: *mut f32, v: Self::Vector) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[f32; 2]>().write_unaligned([v[0], v[1]]) }
    }

    #[inline(always)]
    unsafe fn store_fours(self, to: *mut f32, _step: usize, v: Self::Vector) {
        // SAFETY: the caller's promise.
        unsafe { self.store(to, v) }
    }

    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f32, mask: Self::Mask, v: Self::Vector) {
        for i in 0..LANES {
            if mask[i] {
                // SAFETY: the lane is selected, so the caller promises that it can be written.
                unsafe { *to.wrapping_add(i) = v[i] };
            }
        }
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8, n: usize, v: Self::Vector) {
        for i in 0..n {
            // SAFETY: the caller's promise.
            unsafe { *to.add(i) = v[i] as u8 };
        }
    }

    #[inline(always)]
    unsafe fn load_bytes(self, from: *const u8, n: usize) -> Self::Vector {
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
        (a, b): (Self::Vector, Self::Vector),
        (whole, wholes): (Self::Vector, *mut u32),
        (value, values): (Self::Vector, *mut f32),
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
    unsafe fn sums(self, from: *const f32) -> Self::Vector {
        // SAFETY: the caller's promise.
        let rows = unsafe { from.cast::<[[f32; LANES]; LANES]>().read_unaligned() };
        rows.map(|row| row.iter().sum())
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        std::array::from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn subtract(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        std::array::from_fn(|i| a[i] - b[i])
    }

    #[inline(always)]
    fn multiply_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        // Not `mul_add`: without an instruction for it that is a slow library call.
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }

    #[inline(always)]
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        std::array::from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn if_greater(
        self,
        a: Self::Vector,
        b: Self::Vector,
        yes: Self::Vector,
        no: Self::Vector,
    ) -> Self::Vector {
        std::array::from_fn(|i| if a[i] > b[i] { yes[i] } else { no[i] })
    }

    #[inline(always)]
    fn if_equal(self, a: Self::Vector, b: Self::Vector, yes: Self::Vector) -> Self::Vector {
        std::array::from_fn(|i| if a[i] == b[i] { yes[i] } else { 0.0 })
    }

    #[inline(always)]
    fn unzip(self, a: Self::Vector, b: Self::Vector) -> (Self::Vector, Self::Vector) {
        ([a[0], a[2], b[0], b[2]], [a[1], a[3], b[1], b[3]])
    }

    #[inline(always)]
    fn zip(self, a: Self::Vector, b: Self::Vector) -> (Self::Vector, Self::Vector) {
        ([a[0], b[0], a[1], b[1]], [a[2], b[2], a[3], b[3]])
    }

    #[inline(always)]
    fn upper(self, v: Self::Vector) -> Self::Vector {
        [v[2], v[3], v[2], v[3]]
    }

    #[inline(always)]
    fn next_lanes<const G: usize, const FIRST: usize>(
        self,
        v: Self::Vector,
        then: Self::Vector,
    ) -> Self::Vector {
        let lanes = const { super::next_lanes::<LANES>(G, FIRST) };
        lanes.map(|lane| [v, then][lane as usize / LANES][lane as usize % LANES])
    }
}
