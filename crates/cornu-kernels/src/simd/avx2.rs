//! Eight lanes: AVX2 and FMA.

use std::arch::x86_64::*;

use super::{Simd, operations};

/// Proof that the processor has AVX2 and FMA.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// The proof; only code compiled for the instruction set can ask for it.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(crate) fn new() -> Self {
        Self(())
    }
}

/// Ones for the lanes to keep, then zeros: `MASKS[8 - n..]` keeps `n` lanes.
static MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

#[inline(always)]
unsafe fn first(n: usize) -> __m256i {
    // SAFETY: the caller has AVX2; the offset is at most 8, so 8 elements follow.
    unsafe { _mm256_loadu_si256(MASKS.as_ptr().add(8 - n.min(8)).cast()) }
}

#[inline(always)]
unsafe fn power_of_two(n: __m256i) -> __m256 {
    // SAFETY: the caller has AVX2.
    unsafe {
        _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_add_epi32(n, _mm256_set1_epi32(127))))
    }
}

/// The pairs at `p + at[i]` for i from `first` on.
///
/// # Safety
/// The processor has AVX, and the pairs are readable.
#[inline(always)]
pub(super) unsafe fn four_pairs(p: *const f32, at: &[i32], first: usize) -> __m256 {
    // SAFETY: the caller's promise; `_mm_load_sd` and `_mm_loadh_pd` take any alignment.
    unsafe {
        let pair = |i: usize| p.offset(at[first + i] as isize).cast::<f64>();
        let low = _mm_loadh_pd(_mm_load_sd(pair(0)), pair(1));
        let high = _mm_loadh_pd(_mm_load_sd(pair(2)), pair(3));
        _mm256_castpd_ps(_mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(low), high))
    }
}

/// Transposes 8 x 8 numbers.
///
/// # Safety
/// The processor has AVX; 8 rows of 8 are readable at `x` and writable at `y`.
#[inline(always)]
pub(super) unsafe fn transpose8x8(y: *mut f32, y_row: usize, x: *const f32, x_row: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let row = |i: usize| {
            // Rows i and i + 4 share a register, so that no full-width shuffle is needed.
            let pair = |at: usize| {
                let low = _mm256_castps128_ps256(_mm_loadu_ps(x.add(i * x_row + at)));
                _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(x.add((i + 4) * x_row + at)))
            };
            (pair(0), pair(4))
        };
        let rows = [row(0), row(1), row(2), row(3)];
        let four = |a: __m256, b: __m256, c: __m256, d: __m256, y: *mut f32| {
            let (ab, cd) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
            let (ab_high, cd_high) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
            _mm256_storeu_ps(y, _mm256_shuffle_ps::<0x44>(ab, cd));
            _mm256_storeu_ps(y.add(y_row), _mm256_shuffle_ps::<0xee>(ab, cd));
            _mm256_storeu_ps(y.add(2 * y_row), _mm256_shuffle_ps::<0x44>(ab_high, cd_high));
            _mm256_storeu_ps(y.add(3 * y_row), _mm256_shuffle_ps::<0xee>(ab_high, cd_high));
        };
        four(rows[0].0, rows[1].0, rows[2].0, rows[3].0, y);
        four(rows[0].1, rows[1].1, rows[2].1, rows[3].1, y.add(4 * y_row));
    }
}

impl Simd for Avx2 {
    type V = __m256;
    type M = __m256;
    const LANES: usize = 8;
    const TILE: usize = 8;
    const MATMUL_ROWS: usize = 6;

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m256 {
        // SAFETY: the caller's promise.
        unsafe { _mm256_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: __m256) {
        // SAFETY: the caller's promise.
        unsafe { _mm256_storeu_ps(p, v) }
    }
    #[inline(always)]
    unsafe fn load_first(self, p: *const f32, n: usize) -> __m256 {
        // SAFETY: the caller's promise.
        unsafe { if n >= 8 { _mm256_loadu_ps(p) } else { _mm256_maskload_ps(p, first(n)) } }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, n: usize, v: __m256) {
        // Masked stores are many times slower on some processors.
        if n >= 8 {
            // SAFETY: the caller's promise.
            unsafe { _mm256_storeu_ps(p, v) }
        } else {
            // SAFETY: the caller's promise.
            unsafe { _mm256_maskstore_ps(p, first(n), v) }
        }
    }
    #[inline(always)]
    unsafe fn gather(self, p: *const f32, index: __m256) -> __m256 {
        // SAFETY: the caller's promise.
        unsafe { _mm256_i32gather_ps::<4>(p, _mm256_cvtps_epi32(index)) }
    }
    #[inline(always)]
    unsafe fn gather_pairs(self, p: *const f32, index: __m256) -> (__m256, __m256) {
        // Pairs are read as one 64-bit number; gather instructions are slower where they are
        // microcode.
        // SAFETY: the caller's promise; the array holds 8 numbers.
        unsafe {
            let mut at = [0_i32; 8];
            _mm256_storeu_si256(at.as_mut_ptr().cast(), _mm256_cvtps_epi32(index));
            self.deinterleave(four_pairs(p, &at, 0), four_pairs(p, &at, 4))
        }
    }
    #[inline(always)]
    unsafe fn transpose_tile(self, y: *mut f32, y_row: usize, x: *const f32, x_row: usize) {
        // SAFETY: the caller's promise.
        unsafe { transpose8x8(y, y_row, x, x_row) }
    }

    operations! {
        splat(x: f32) -> __m256 = _mm256_set1_ps(x);
        iota() -> __m256 = _mm256_setr_ps(0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0);
        add(a: __m256, b: __m256) -> __m256 = _mm256_add_ps(a, b);
        sub(a: __m256, b: __m256) -> __m256 = _mm256_sub_ps(a, b);
        mul(a: __m256, b: __m256) -> __m256 = _mm256_mul_ps(a, b);
        div(a: __m256, b: __m256) -> __m256 = _mm256_div_ps(a, b);
        mul_add(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fmadd_ps(a, b, c);
        fused(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fmadd_ps(a, b, c);
        max(a: __m256, b: __m256) -> __m256 = _mm256_max_ps(a, b);
        min(a: __m256, b: __m256) -> __m256 = _mm256_min_ps(a, b);
        sqrt(a: __m256) -> __m256 = _mm256_sqrt_ps(a);
        abs(a: __m256) -> __m256 = _mm256_andnot_ps(_mm256_set1_ps(-0.0), a);
        neg(a: __m256) -> __m256 = _mm256_xor_ps(_mm256_set1_ps(-0.0), a);
        copy_sign(a: __m256, sign: __m256) -> __m256 = {
            let bit = _mm256_set1_ps(-0.0);
            _mm256_or_ps(_mm256_andnot_ps(bit, a), _mm256_and_ps(bit, sign))
        };
        floor(a: __m256) -> __m256 = _mm256_floor_ps(a);
        ceil(a: __m256) -> __m256 = _mm256_ceil_ps(a);
        round(a: __m256) -> __m256 = _mm256_round_ps::<8>(a);
        scale(a: __m256, n: __m256) -> __m256 = {
            let n = _mm256_cvtps_epi32(n);
            let half = _mm256_srai_epi32::<1>(n);
            let scaled = _mm256_mul_ps(a, power_of_two(half));
            _mm256_mul_ps(scaled, power_of_two(_mm256_sub_epi32(n, half)))
        };
        split(a: __m256) -> (__m256, __m256) = {
            let bits = _mm256_castps_si256(a);
            let exponent =
                _mm256_sub_epi32(_mm256_srli_epi32::<23>(bits), _mm256_set1_epi32(127));
            let mantissa = _mm256_or_si256(
                _mm256_and_si256(bits, _mm256_set1_epi32(0x007f_ffff)),
                _mm256_set1_epi32(0x3f80_0000),
            );
            (_mm256_cvtepi32_ps(exponent), _mm256_castsi256_ps(mantissa))
        };
        lt(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_LT_OQ>(a, b);
        le(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_LE_OQ>(a, b);
        eq(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b);
        ne(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_NEQ_UQ>(a, b);
        both(a: __m256, b: __m256) -> __m256 = _mm256_and_ps(a, b);
        either(a: __m256, b: __m256) -> __m256 = _mm256_or_ps(a, b);
        any(m: __m256) -> bool = _mm256_movemask_ps(m) != 0;
        select(m: __m256, a: __m256, b: __m256) -> __m256 = _mm256_blendv_ps(b, a, m);
        deinterleave(a: __m256, b: __m256) -> (__m256, __m256) = {
            // The shuffles work per half, so quarters come out as a0 b0 a1 b1.
            let even = _mm256_castps_pd(_mm256_shuffle_ps::<0x88>(a, b));
            let odd = _mm256_castps_pd(_mm256_shuffle_ps::<0xdd>(a, b));
            (
                _mm256_castpd_ps(_mm256_permute4x64_pd::<0xd8>(even)),
                _mm256_castpd_ps(_mm256_permute4x64_pd::<0xd8>(odd)),
            )
        };
        interleave(even: __m256, odd: __m256) -> (__m256, __m256) = {
            let low = _mm256_unpacklo_ps(even, odd);
            let high = _mm256_unpackhi_ps(even, odd);
            (
                _mm256_permute2f128_ps::<0x20>(low, high),
                _mm256_permute2f128_ps::<0x31>(low, high),
            )
        };
    }
}
