//! Vectors of `f32`, one type per instruction set, so that a kernel is written once.
//!
//! A kernel is generic over [`Simd`]. Its `s: S` parameter is a proof that the processor has the
//! instruction set: only [`simd_fn!`](simd_fn) makes one, inside a function compiled for that set,
//! after an [`Isa`](crate::Isa) was shown. Everything generic must be `#[inline(always)]`: the
//! instructions are only known where the code is inlined.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) use neon::Neon;
pub(crate) use portable::Portable;

/// The most lanes a vector has.
pub(crate) const MAX_LANES: usize = 16;

/// Register operations without memory: each is one expression of intrinsics.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! operations {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty = $value:expr;)*) => {
        $(#[inline(always)]
        fn $name(self, $($arg: $ty),*) -> $ret {
            // SAFETY: `self` proves that the processor has these instructions.
            unsafe { $value }
        })*
    };
}
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use operations;

/// The multipliers of Philox4x32.
const PHILOX_FACTORS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];

/// The key of the next round: adds the golden ratio and sqrt(3) - 1.
#[inline(always)]
fn next_philox_key(key: [u32; 2]) -> [u32; 2] {
    [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)]
}

/// Operations on vectors of [`Self::LANES`] numbers.
pub(crate) trait Simd: Copy {
    /// A vector of `f32`.
    type V: Copy;
    /// One truth value per lane.
    type M: Copy;
    /// Numbers per vector.
    const LANES: usize;
    /// Side of the square that [`Self::transpose_tile`] transposes.
    const TILE: usize;
    /// Rows of the matrix product's register tile.
    const MATMUL_ROWS: usize;

    /// The same number in every lane.
    fn splat(self, x: f32) -> Self::V;
    /// 0, 1, 2, ...
    fn iota(self) -> Self::V;

    /// Reads a vector.
    ///
    /// # Safety
    /// `LANES` numbers from `p` on are readable.
    unsafe fn load(self, p: *const f32) -> Self::V;
    /// Writes a vector.
    ///
    /// # Safety
    /// `LANES` numbers from `p` on are writable.
    unsafe fn store(self, p: *mut f32, v: Self::V);
    /// Reads the first `n` lanes; the others are zero. `n >= LANES` reads all.
    ///
    /// # Safety
    /// `min(n, LANES)` numbers from `p` on are readable.
    unsafe fn load_first(self, p: *const f32, n: usize) -> Self::V;
    /// Writes the first `n` lanes. `n >= LANES` writes all.
    ///
    /// # Safety
    /// `min(n, LANES)` numbers from `p` on are writable.
    unsafe fn store_first(self, p: *mut f32, n: usize, v: Self::V);
    /// Reads `p[index]` for each lane; the indices are whole numbers.
    ///
    /// # Safety
    /// Every index lies within the numbers readable from `p` on and below `2^24`.
    unsafe fn gather(self, p: *const f32, index: Self::V) -> Self::V;
    /// Ten rounds of Philox4x32 on 16 counters; see [`random`](crate::random).
    #[inline(always)]
    fn philox(self, c: &mut [[u32; 16]; 4], mut key: [u32; 2]) {
        for _ in 0..10 {
            for i in 0..16 {
                let a = u64::from(c[0][i]) * u64::from(PHILOX_FACTORS[0]);
                let b = u64::from(c[2][i]) * u64::from(PHILOX_FACTORS[1]);
                c[0][i] = (b >> 32) as u32 ^ c[1][i] ^ key[0];
                c[2][i] = (a >> 32) as u32 ^ c[3][i] ^ key[1];
                c[1][i] = b as u32;
                c[3][i] = a as u32;
            }
            key = next_philox_key(key);
        }
    }
    /// Reads `p[index]` and `p[index + 1]` for each lane.
    ///
    /// # Safety
    /// As [`Self::gather`], for both.
    #[inline(always)]
    unsafe fn gather_pairs(self, p: *const f32, index: Self::V) -> (Self::V, Self::V) {
        // SAFETY: the caller's promise.
        unsafe { (self.gather(p, index), self.gather(p.add(1), index)) }
    }
    /// `y[j * y_row + i] = x[i * x_row + j]` for `i, j < TILE`.
    ///
    /// # Safety
    /// All these elements are readable and writable, and `x` and `y` do not overlap.
    unsafe fn transpose_tile(self, y: *mut f32, y_row: usize, x: *const f32, x_row: usize);

    /// `a + b`.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`.
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`.
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a / b`.
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, rounded once or twice, whichever is fast.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a * b + c` with an exact product.
    fn fused(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a > b ? a : b`: `b` where either is NaN.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a < b ? a : b`: `b` where either is NaN.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// Square root.
    fn sqrt(self, a: Self::V) -> Self::V;
    /// Clears the sign.
    fn abs(self, a: Self::V) -> Self::V;
    /// Flips the sign.
    fn neg(self, a: Self::V) -> Self::V;
    /// `|a|` with the sign of `sign`.
    fn copy_sign(self, a: Self::V, sign: Self::V) -> Self::V;
    /// The next whole number below.
    fn floor(self, a: Self::V) -> Self::V;
    /// The next whole number above.
    fn ceil(self, a: Self::V) -> Self::V;
    /// The nearest whole number, halves to even.
    fn round(self, a: Self::V) -> Self::V;
    /// `a * 2^n` for whole `n` in `-250..=250`.
    fn scale(self, a: Self::V, n: Self::V) -> Self::V;
    /// `(e, m)` with `a = m * 2^e` and `1 <= m < 2`, for positive normal `a`.
    fn split(self, a: Self::V) -> (Self::V, Self::V);

    /// `a < b`.
    fn lt(self, a: Self::V, b: Self::V) -> Self::M;
    /// `a <= b`.
    fn le(self, a: Self::V, b: Self::V) -> Self::M;
    /// `a == b`.
    fn eq(self, a: Self::V, b: Self::V) -> Self::M;
    /// `a != b`, true for NaN.
    fn ne(self, a: Self::V, b: Self::V) -> Self::M;
    /// Both.
    fn both(self, a: Self::M, b: Self::M) -> Self::M;
    /// Either.
    fn either(self, a: Self::M, b: Self::M) -> Self::M;
    /// Whether any lane is true.
    fn any(self, m: Self::M) -> bool;
    /// `m ? a : b`.
    fn select(self, m: Self::M, a: Self::V, b: Self::V) -> Self::V;

    /// The even and the odd elements of `a` followed by `b`.
    fn deinterleave(self, a: Self::V, b: Self::V) -> (Self::V, Self::V);
    /// The inverse of [`Self::deinterleave`].
    fn interleave(self, even: Self::V, odd: Self::V) -> (Self::V, Self::V);

    /// As [`Self::load_first`], with `fill` in the other lanes.
    ///
    /// # Safety
    /// `min(n, LANES)` numbers from `p` on are readable.
    #[inline(always)]
    unsafe fn load_first_or(self, p: *const f32, n: usize, fill: Self::V) -> Self::V {
        // SAFETY: the caller's promise.
        let v = unsafe { self.load_first(p, n) };
        let inside = self.lt(self.iota(), self.splat(n.min(Self::LANES) as f32));
        self.select(inside, v, fill)
    }

    /// The sum of all lanes, in a fixed order.
    #[inline(always)]
    fn sum(self, v: Self::V) -> f32 {
        let mut lanes = self.lanes(v);
        let mut n = Self::LANES;
        while n > 1 {
            n /= 2;
            for i in 0..n {
                lanes[i] += lanes[i + n];
            }
        }
        lanes[0]
    }

    /// The largest lane; unspecified if one is NaN.
    #[inline(always)]
    fn largest(self, v: Self::V) -> f32 {
        self.lanes(v)[..Self::LANES].iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b))
    }

    /// The lanes as an array; those beyond `LANES` are zero.
    #[inline(always)]
    fn lanes(self, v: Self::V) -> [f32; MAX_LANES] {
        let mut lanes = [0.0; MAX_LANES];
        // SAFETY: the array has at least `LANES` elements.
        unsafe { self.store(lanes.as_mut_ptr(), v) };
        lanes
    }

    /// `f` of each lane.
    #[inline(always)]
    fn map(self, a: Self::V, f: fn(f32) -> f32) -> Self::V {
        let lanes = self.lanes(a).map(f);
        // SAFETY: the array has at least `LANES` elements.
        unsafe { self.load(lanes.as_ptr()) }
    }

    /// 1 where true, 0 where not.
    #[inline(always)]
    fn truth(self, m: Self::M) -> Self::V {
        self.select(m, self.splat(1.0), self.splat(0.0))
    }

    /// The larger of both, NaN if either is NaN.
    #[inline(always)]
    fn max_nan(self, a: Self::V, b: Self::V) -> Self::V {
        self.select(self.ne(a, a), a, self.max(a, b))
    }

    /// The smaller of both, NaN if either is NaN.
    #[inline(always)]
    fn min_nan(self, a: Self::V, b: Self::V) -> Self::V {
        self.select(self.ne(a, a), a, self.min(a, b))
    }

    /// `c0 + c1 x + c2 x^2 + ...` for coefficients given from the highest to `c0`.
    #[inline(always)]
    fn polynomial<const N: usize>(self, x: Self::V, coefficients: [f32; N]) -> Self::V {
        let mut y = self.splat(coefficients[0]);
        for i in 1..N {
            y = self.mul_add(y, x, self.splat(coefficients[i]));
        }
        y
    }
}

/// Defines a kernel once and compiles it for each instruction set.
///
/// `simd_fn! { fn name(s, x: &[f32]) { body } }` defines `fn name(isa: Isa, x: &[f32])`; `s` is the
/// [`Simd`] of the set that `isa` stands for.
macro_rules! simd_fn {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($s:ident $(, $arg:ident: $ty:ty)* $(,)?)
        $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        $vis fn $name(isa: $crate::Isa $(, $arg: $ty)*) $(-> $ret)? {
            #[inline(always)]
            fn generic<S: $crate::simd::Simd>($s: S $(, $arg: $ty)*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            fn avx512($($arg: $ty),*) $(-> $ret)? {
                generic($crate::simd::Avx512::new() $(, $arg)*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($arg: $ty),*) $(-> $ret)? {
                generic($crate::simd::Avx2::new() $(, $arg)*)
            }

            #[cfg(target_arch = "aarch64")]
            #[target_feature(enable = "neon")]
            fn neon($($arg: $ty),*) $(-> $ret)? {
                generic($crate::simd::Neon::new() $(, $arg)*)
            }

            match isa.level() {
                // SAFETY: `isa` proves that the processor has the instruction set.
                #[cfg(target_arch = "x86_64")]
                $crate::isa::Level::Avx512 => unsafe { avx512($($arg),*) },
                // SAFETY: `isa` proves that the processor has the instruction set.
                #[cfg(target_arch = "x86_64")]
                $crate::isa::Level::Avx2 => unsafe { avx2($($arg),*) },
                // SAFETY: `isa` proves that the processor has the instruction set.
                #[cfg(target_arch = "aarch64")]
                $crate::isa::Level::Neon => unsafe { neon($($arg),*) },
                _ => generic($crate::simd::Portable $(, $arg)*),
            }
        }
    };
}
pub(crate) use simd_fn;

#[cfg(test)]
mod tests {
    use crate::Isa;

    simd_fn! {
        fn shuffles(s, x: &[f32], y: &mut [f32]) -> usize {
            let n = S::LANES;
            // SAFETY: both slices hold 64 numbers, at least four vectors.
            unsafe {
                let (a, b) = (s.load(x.as_ptr()), s.load(x[n..].as_ptr()));
                let (even, odd) = s.deinterleave(a, b);
                s.store(y.as_mut_ptr(), even);
                s.store(y[n..].as_mut_ptr(), odd);
                let (a, b) = s.interleave(even, odd);
                s.store(y[2 * n..].as_mut_ptr(), a);
                s.store(y[3 * n..].as_mut_ptr(), b);
            }
            n
        }
    }

    simd_fn! {
        fn transposes(s, x: &[f32], y: &mut [f32]) -> usize {
            // SAFETY: both slices hold 20 rows of 20.
            unsafe { s.transpose_tile(y.as_mut_ptr(), 20, x.as_ptr(), 20) };
            S::TILE
        }
    }

    simd_fn! {
        fn partial(s, x: &[f32], y: &mut [f32], n: usize) {
            // SAFETY: both slices hold n numbers.
            unsafe {
                let v = s.load_first(x.as_ptr(), n);
                s.store_first(y.as_mut_ptr(), n, v);
            }
        }
    }

    simd_fn! {
        fn parts(s, x: f32) -> [f32; 4] {
            let v = s.splat(x);
            let (e, m) = s.split(v);
            [s.lanes(e)[0], s.lanes(m)[0], s.lanes(s.scale(m, e))[0], s.sum(v)]
        }
    }

    #[test]
    fn shuffles_agree_with_their_definition() {
        let x: Vec<f32> = (0..400).map(|i| i as f32).collect();
        for isa in Isa::available() {
            let mut y = vec![0.0; 64];
            let n = shuffles(isa, &x, &mut y);
            for i in 0..n {
                assert_eq!((y[i], y[n + i]), ((2 * i) as f32, (2 * i + 1) as f32), "{isa}");
            }
            assert_eq!(y[2 * n..4 * n], x[..2 * n]);
            let mut y = vec![0.0; 400];
            let tile = transposes(isa, &x, &mut y);
            for i in 0..tile {
                for j in 0..tile {
                    assert_eq!(y[j * 20 + i], x[i * 20 + j]);
                }
            }
            for n in 0..=isa.lanes() {
                let mut y = vec![-1.0; 17];
                partial(isa, &x, &mut y, n);
                assert_eq!(y[..n], x[..n]);
                assert!(y[n..].iter().all(|&v| v == -1.0));
            }
            for x in [1.0, 1.5, 0.75, 3.0e38, 1.2e-38] {
                let [e, m, back, sum] = parts(isa, x);
                assert!((1.0..2.0).contains(&m) && e == x.log2().floor() && back == x);
                assert!((sum - x * isa.lanes() as f32).abs() < 1e-6 * x || sum.is_infinite());
            }
        }
    }
}
