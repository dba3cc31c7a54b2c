//! What convolutions need of vectors beyond [`Simd`], and how their tiles are compiled for each
//! instruction set.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

use crate::Isa;
use crate::isa::Level;
#[cfg(target_arch = "aarch64")]
use crate::simd::Neon;
#[cfg(target_arch = "x86_64")]
use crate::simd::{Avx2, Avx512};
use crate::simd::{Portable, Simd};

/// The operations of convolutions. Arithmetic is safe, as in [`Simd`]; only memory access is not.
pub(super) trait ConvSimd: Simd {
    /// Largest number of accumulators a tile should keep in registers.
    const ACCUMULATORS: usize;
    /// Into how many groups of lanes a vector may be split, each for another row of pixels.
    const GROUPS: usize;
    /// A selection of lanes.
    type Mask: Copy;

    /// Lanes `from..to`.
    fn mask(self, from: usize, to: usize) -> Self::Mask;
    /// `under` with the selected lanes replaced by what lies at `from + lane`.
    /// # Safety
    /// The selected elements are readable.
    unsafe fn load_over(self, under: Self::V, from: *const f32, mask: Self::Mask) -> Self::V;
    /// Lane `i` is the element at `from + index[i]`, one of the selected.
    /// # Safety
    /// The selected elements are readable, and so are `LANES` indices, all of them of selected
    /// elements or 0.
    #[inline(always)]
    unsafe fn pick(self, from: *const f32, _mask: Self::Mask, index: *const i32) -> Self::V {
        let mut picked = [0.0; 16];
        for i in 0..Self::LANES {
            // SAFETY: the caller's promise.
            picked[i] = unsafe { *from.offset(*index.add(i) as isize) };
        }
        // SAFETY: no vector is longer than the array.
        unsafe { self.load(picked.as_ptr()) }
    }
    /// Writes the lower half of the lanes.
    /// # Safety
    /// `LANES / 2` elements are writable at `to`.
    unsafe fn store_lower(self, to: *mut f32, v: Self::V);
    /// Writes lanes `4 i..4 i + 4` to `to + i * step`, for every `i`.
    /// # Safety
    /// Four elements are writable at each of these places.
    unsafe fn store_fours(self, to: *mut f32, step: usize, v: Self::V);
    /// Writes the selected lanes to `to + lane`.
    /// # Safety
    /// The selected elements are writable.
    unsafe fn store_masked(self, to: *mut f32, mask: Self::Mask, v: Self::V);
    /// Lanes `0..n`, which hold whole numbers in `0..=255`, as bytes.
    /// # Safety
    /// `n <= LANES` bytes are writable at `to`.
    unsafe fn store_bytes(self, to: *mut u8, n: usize, v: Self::V);
    /// `n` bytes as numbers; the other lanes are 0.
    /// # Safety
    /// `n <= LANES` bytes are readable at `from`.
    unsafe fn load_bytes(self, from: *const u8, n: usize) -> Self::V;
    /// Of lanes `0..n`, packs those where `less.0 < less.1`: their `whole.0`, whole numbers from 0
    /// to 2^24, one after the other at `whole.1`, their `value.0` at `value.1`. Returns how many
    /// they are.
    /// # Safety
    /// `LANES` elements are writable at both; those beyond the result hold anything afterwards.
    unsafe fn pack_less(
        self,
        n: usize,
        less: (Self::V, Self::V),
        whole: (Self::V, *mut u32),
        value: (Self::V, *mut f32),
    ) -> usize;
    /// Adds up the lanes of `LANES` vectors that lie one after the other at `from`: lane `i` of
    /// the result is the sum of vector `i`.
    /// # Safety
    /// `LANES * LANES` elements are readable at `from`.
    unsafe fn sums(self, from: *const f32) -> Self::V;

    /// `yes` where `a == b`, else 0.
    fn if_equal(self, a: Self::V, b: Self::V, yes: Self::V) -> Self::V;
    /// The upper half of the lanes, in the lower half.
    fn upper(self, v: Self::V) -> Self::V;
    /// In each of `G` groups of lanes of `v` the next lane, and in the last lane of group `g` lane
    /// `FIRST + g` of `then`.
    fn next_lanes<const G: usize, const FIRST: usize>(self, v: Self::V, then: Self::V) -> Self::V;

    /// `yes` where `a > b`, else `no`.
    #[inline(always)]
    fn if_greater(self, a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V {
        self.select(self.lt(b, a), yes, no)
    }

    /// Spreads each lane over a 2x2 square: the result is two rows of two vectors, zero but for
    /// the place in the square, in row-major order, that the lane's byte names. A byte above 3
    /// names none.
    /// # Safety
    /// `n` bytes are readable at `places`; lanes from `n` on are zero.
    #[inline(always)]
    unsafe fn spread(self, v: Self::V, places: *const u8, n: usize) -> [[Self::V; 2]; 2] {
        // SAFETY: the caller's promise.
        let place = unsafe { self.load_bytes(places, n) };
        // No closures here: they would not become part of the function that has the instructions.
        let (top_left, top_right) =
            (self.if_equal(place, self.splat(0.0), v), self.if_equal(place, self.splat(1.0), v));
        let (left, right) =
            (self.if_equal(place, self.splat(2.0), v), self.if_equal(place, self.splat(3.0), v));
        let (top, bottom) = (self.interleave(top_left, top_right), self.interleave(left, right));
        [[top.0, top.1], [bottom.0, bottom.1]]
    }
}

/// For [`Simd::next_lanes`]: the lane to take, of `v` or, `N` higher, of `then`.
const fn next_lanes<const N: usize>(groups: usize, first: usize) -> [i32; N] {
    let (mut lanes, mut i) = ([0; N], 0);
    while i < N {
        let per_group = N / groups;
        let last = i % per_group == per_group - 1;
        lanes[i] = if last { N + first + i / per_group } else { i + 1 } as i32;
        i += 1;
    }
    lanes
}

/// Work that is compiled once per instruction set.
///
/// `run` and everything it calls must be `#[inline(always)]`, and nothing may be a closure: only
/// then does the code become part of a function for which the instruction set is enabled.
pub(super) trait Kernel {
    /// # Safety
    /// The implementor says which memory must be accessible.
    unsafe fn run<S: ConvSimd>(self, simd: S);
}

/// Runs `kernel` with the instructions of `isa`.
///
/// # Safety
/// As [`Kernel::run`].
pub(super) unsafe fn dispatch<K: Kernel>(isa: Isa, kernel: K) {
    match isa.level() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: an `Isa` of this level exists only where the processor has these instructions;
        // the kernel's own demands are the caller's.
        Level::Avx512 => unsafe { avx512::run(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Level::Avx2 => unsafe { avx2::run(kernel) },
        #[cfg(target_arch = "aarch64")]
        // SAFETY: as above.
        Level::Neon => unsafe { neon::run(kernel) },
        // SAFETY: the kernel's own demands are the caller's.
        _ => unsafe { kernel.run(Portable) },
    }
}

/// The constants of an instruction set, for code that plans tiles outside of it.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) lanes: usize,
    pub(super) accumulators: usize,
    pub(super) groups: usize,
}

impl Limits {
    fn of<S: ConvSimd>() -> Self {
        Self { lanes: S::LANES, accumulators: S::ACCUMULATORS, groups: S::GROUPS }
    }
}

/// The limits of `isa`.
pub(super) fn limits(isa: Isa) -> Limits {
    match isa.level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => Limits::of::<Avx512>(),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => Limits::of::<Avx2>(),
        #[cfg(target_arch = "aarch64")]
        Level::Neon => Limits::of::<Neon>(),
        _ => Limits::of::<Portable>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Check;

    impl Kernel for Check {
        #[inline(always)]
        unsafe fn run<S: ConvSimd>(self, s: S) {
            let n = S::LANES;
            let a: Vec<f32> = (0..n * n).map(|i| i as f32).collect();
            let b: Vec<f32> = (0..n).map(|i| 100.0 - i as f32).collect();
            // SAFETY: all slices hold at least `n` elements, `a` holds `n * n`.
            unsafe {
                let get = |v| {
                    let mut out = vec![0.0; n];
                    s.store(out.as_mut_ptr(), v);
                    out
                };
                let (va, vb) = (s.load(a.as_ptr()), s.load(b.as_ptr()));
                let both: Vec<f32> = a[..n].iter().chain(&b).copied().collect();
                let (even, odd) = s.deinterleave(va, vb);
                assert_eq!(get(even), both.iter().step_by(2).copied().collect::<Vec<_>>());
                assert_eq!(get(odd), both.iter().skip(1).step_by(2).copied().collect::<Vec<_>>());
                let (low, high) = s.interleave(even, odd);
                assert_eq!((get(low), get(high)), (get(va), get(vb)));
                assert_eq!(get(s.upper(va))[..n / 2], a[n / 2..n]);
                let one = [&a[1..n], &b[2..3]].concat();
                assert_eq!(get(s.next_lanes::<1, 2>(va, vb)), one);
                let two = [&a[1..n / 2], &b[1..2], &a[n / 2 + 1..n], &b[2..3]].concat();
                assert_eq!(get(s.next_lanes::<2, 1>(va, vb)), two);
                let sums: Vec<f32> = a.chunks(n).map(|row| row.iter().sum()).collect();
                assert_eq!(get(s.sums(a.as_ptr())), sums);
                for from in 0..=n {
                    for to in from..=n {
                        let mask = s.mask(from, to);
                        let over = get(s.load_over(s.splat(-1.0), b.as_ptr(), mask));
                        let mut stored = vec![-1.0; n];
                        s.store_masked(stored.as_mut_ptr(), mask, vb);
                        for i in 0..n {
                            let inside = (from..to).contains(&i);
                            assert_eq!(over[i], if inside { b[i] } else { -1.0 });
                            assert_eq!(stored[i], over[i]);
                        }
                    }
                    let mut bytes = vec![77; n];
                    s.store_bytes(bytes.as_mut_ptr(), from, va);
                    let want: Vec<u8> =
                        (0..n).map(|i| if i < from { i as u8 } else { 77 }).collect();
                    assert_eq!(bytes, want);
                    let want: Vec<f32> =
                        (0..n).map(|i| if i < from { i as f32 } else { 0.0 }).collect();
                    assert_eq!(get(s.load_bytes(bytes.as_ptr(), from)), want);
                }
                let places: Vec<u8> = (0..n).map(|i| (i * 7 % 5) as u8).collect();
                for count in 0..=n {
                    let v = s.load_over(s.splat(0.0), b.as_ptr(), s.mask(0, count));
                    let rows = s.spread(v, places.as_ptr(), count);
                    for (y, row) in rows.into_iter().enumerate() {
                        let row = [get(row[0]), get(row[1])].concat();
                        for (x, &value) in row.iter().enumerate() {
                            let here = usize::from(places[x / 2]) == 2 * y + x % 2;
                            let lit = here && x / 2 < count;
                            assert_eq!(value, if lit { b[x / 2] } else { 0.0 });
                        }
                    }
                }
                let index: Vec<i32> = (0..n).map(|i| (i * 3 % (n - 1)) as i32).collect();
                let picked = get(s.pick(b.as_ptr(), s.mask(0, n - 1), index.as_ptr()));
                assert!((0..n).all(|i| picked[i] == b[index[i] as usize]));
                let half = s.splat(n as f32 / 2.0);
                let mut lower = vec![-1.0; n];
                s.store_lower(lower.as_mut_ptr(), va);
                for i in 0..n {
                    assert_eq!(lower[i], if i < n / 2 { a[i] } else { -1.0 });
                }
                let mut fours = vec![-1.0; 2 * n];
                s.store_fours(fours.as_mut_ptr(), 5, va);
                for i in 0..n {
                    assert_eq!(fours[i / 4 * 5 + i % 4], a[i]);
                }
                for lanes in 0..=n {
                    let (mut wholes, mut values) = (vec![0; n], vec![0.0; n]);
                    let (whole, value) = ((va, wholes.as_mut_ptr()), (vb, values.as_mut_ptr()));
                    // 3 < i, for lanes 0..lanes.
                    let count = s.pack_less(lanes, (s.splat(2.0), va), whole, value);
                    let kept: Vec<usize> = (3..lanes.max(3)).collect();
                    assert_eq!(count, kept.len());
                    for (at, &lane) in kept.iter().enumerate() {
                        assert_eq!((wholes[at], values[at]), (lane as u32, b[lane]));
                    }
                }
                let greater = get(s.if_greater(va, half, s.splat(1.0), s.splat(2.0)));
                let equal = get(s.if_equal(va, half, s.splat(3.0)));
                for i in 0..n {
                    assert_eq!(greater[i], if 2 * i > n { 1.0 } else { 2.0 });
                    assert_eq!(equal[i], if 2 * i == n { 3.0 } else { 0.0 });
                }
                let fused = get(s.mul_add(va, vb, s.add(va, half)));
                let larger = get(s.max(va, half));
                let less = get(s.sub(va, vb));
                for i in 0..n {
                    assert_eq!(fused[i], a[i] * b[i] + a[i] + n as f32 / 2.0);
                    assert_eq!(larger[i], a[i].max(n as f32 / 2.0));
                    assert_eq!(less[i], a[i] - b[i]);
                }
                assert!(get(s.max(va, s.splat(f32::NAN))).iter().all(|v| v.is_nan()));
            }
        }
    }

    #[test]
    fn vector_operations_do_what_their_names_say() {
        for isa in Isa::available() {
            // SAFETY: the check owns all memory it touches.
            unsafe { dispatch(isa, Check) };
        }
    }
}
