//! Sixteen lanes: AVX-512 F, BW, DQ and VL.

use std::arch::x86_64::*;

use super::avx2::{four_pairs, transpose8x8};
use super::{PHILOX_FACTORS, Simd, next_philox_key, operations};

/// Proof that the processor has AVX-512 F, BW, DQ and VL.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// The proof; only code compiled for the instruction set can ask for it.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub(crate) fn new() -> Self {
        Self(())
    }
}

#[inline(always)]
fn first(n: usize) -> __mmask16 {
    if n >= 16 { u16::MAX } else { (1 << n) - 1 }
}

#[inline(always)]
unsafe fn indices(table: &[i32; 16]) -> __m512i {
    // SAFETY: the caller has AVX-512; the table holds 16 numbers.
    unsafe { _mm512_loadu_si512(table.as_ptr().cast()) }
}

/// The upper and the lower half of the 64-bit products `x * factor`.
#[inline(always)]
unsafe fn wide_product(x: __m512i, factor: u32) -> (__m512i, __m512i) {
    // SAFETY: the caller has AVX-512.
    unsafe {
        let lower = _mm512_mullo_epi32(x, _mm512_set1_epi32(factor.cast_signed()));
        let factor = _mm512_set1_epi64(i64::from(factor));
        // Products of the even lanes, and of the odd ones.
        let even = _mm512_mul_epu32(x, factor);
        let odd = _mm512_mul_epu32(_mm512_srli_epi64::<32>(x), factor);
        (_mm512_mask_mov_epi32(_mm512_srli_epi64::<32>(even), 0xaaaa, odd), lower)
    }
}

static EVEN: [i32; 16] = [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30];
static ODD: [i32; 16] = [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31];
static LOW: [i32; 16] = [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23];
static HIGH: [i32; 16] = [8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31];
static IOTA: [f32; 16] =
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];

impl Simd for Avx512 {
    type V = __m512;
    type M = __mmask16;
    const LANES: usize = 16;
    const TILE: usize = 8;
    const MATMUL_ROWS: usize = 14;

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m512 {
        // SAFETY: the caller's promise.
        unsafe { _mm512_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: __m512) {
        // SAFETY: the caller's promise.
        unsafe { _mm512_storeu_ps(p, v) }
    }
    #[inline(always)]
    unsafe fn load_first(self, p: *const f32, n: usize) -> __m512 {
        // SAFETY: the caller's promise.
        unsafe { _mm512_maskz_loadu_ps(first(n), p) }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, n: usize, v: __m512) {
        // SAFETY: the caller's promise.
        unsafe { _mm512_mask_storeu_ps(p, first(n), v) }
    }
    #[inline(always)]
    unsafe fn gather(self, p: *const f32, index: __m512) -> __m512 {
        // SAFETY: the caller's promise.
        unsafe { _mm512_i32gather_ps::<4>(_mm512_cvtps_epi32(index), p) }
    }
    #[inline(always)]
    fn sum(self, v: __m512) -> f32 {
        // SAFETY: `self` proves that the processor has these instructions.
        unsafe { _mm512_reduce_add_ps(v) }
    }
    #[inline(always)]
    fn largest(self, v: __m512) -> f32 {
        // SAFETY: `self` proves that the processor has these instructions.
        unsafe { _mm512_reduce_max_ps(v) }
    }
    #[inline(always)]
    fn philox(self, c: &mut [[u32; 16]; 4], mut key: [u32; 2]) {
        // SAFETY: `self` proves that the processor has these instructions; each array holds 16
        // numbers.
        unsafe {
            let load = |x: &[u32; 16]| _mm512_loadu_si512(x.as_ptr().cast());
            let (mut c0, mut c1, mut c2, mut c3) =
                (load(&c[0]), load(&c[1]), load(&c[2]), load(&c[3]));
            for _ in 0..10 {
                let (a_high, a_low) = wide_product(c0, PHILOX_FACTORS[0]);
                let (b_high, b_low) = wide_product(c2, PHILOX_FACTORS[1]);
                let keys = key.map(|key| _mm512_set1_epi32(key.cast_signed()));
                c0 = _mm512_xor_si512(_mm512_xor_si512(b_high, c1), keys[0]);
                c2 = _mm512_xor_si512(_mm512_xor_si512(a_high, c3), keys[1]);
                (c1, c3) = (b_low, a_low);
                key = next_philox_key(key);
            }
            for (c, v) in c.iter_mut().zip([c0, c1, c2, c3]) {
                _mm512_storeu_si512(c.as_mut_ptr().cast(), v);
            }
        }
    }
    #[inline(always)]
    unsafe fn gather_pairs(self, p: *const f32, index: __m512) -> (__m512, __m512) {
        // Pairs are read as one 64-bit number; gather instructions are slower where they are
        // microcode.
        // SAFETY: the caller's promise; the array holds 16 numbers.
        unsafe {
            let mut at = [0_i32; 16];
            _mm512_storeu_si512(at.as_mut_ptr().cast(), _mm512_cvtps_epi32(index));
            let low = _mm512_castps256_ps512(four_pairs(p, &at, 0));
            let low = _mm512_insertf32x8::<1>(low, four_pairs(p, &at, 4));
            let high = _mm512_castps256_ps512(four_pairs(p, &at, 8));
            let high = _mm512_insertf32x8::<1>(high, four_pairs(p, &at, 12));
            self.deinterleave(low, high)
        }
    }
    #[inline(always)]
    unsafe fn transpose_tile(self, y: *mut f32, y_row: usize, x: *const f32, x_row: usize) {
        // SAFETY: the caller's promise.
        unsafe { transpose8x8(y, y_row, x, x_row) }
    }

    operations! {
        splat(x: f32) -> __m512 = _mm512_set1_ps(x);
        iota() -> __m512 = _mm512_loadu_ps(IOTA.as_ptr());
        add(a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b);
        sub(a: __m512, b: __m512) -> __m512 = _mm512_sub_ps(a, b);
        mul(a: __m512, b: __m512) -> __m512 = _mm512_mul_ps(a, b);
        div(a: __m512, b: __m512) -> __m512 = _mm512_div_ps(a, b);
        mul_add(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c);
        fused(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c);
        max(a: __m512, b: __m512) -> __m512 = _mm512_max_ps(a, b);
        min(a: __m512, b: __m512) -> __m512 = _mm512_min_ps(a, b);
        sqrt(a: __m512) -> __m512 = _mm512_sqrt_ps(a);
        abs(a: __m512) -> __m512 = _mm512_andnot_ps(_mm512_set1_ps(-0.0), a);
        neg(a: __m512) -> __m512 = _mm512_xor_ps(_mm512_set1_ps(-0.0), a);
        copy_sign(a: __m512, sign: __m512) -> __m512 = {
            let bit = _mm512_set1_ps(-0.0);
            _mm512_or_ps(_mm512_andnot_ps(bit, a), _mm512_and_ps(bit, sign))
        };
        floor(a: __m512) -> __m512 = _mm512_roundscale_ps::<9>(a);
        ceil(a: __m512) -> __m512 = _mm512_roundscale_ps::<10>(a);
        round(a: __m512) -> __m512 = _mm512_roundscale_ps::<8>(a);
        scale(a: __m512, n: __m512) -> __m512 = _mm512_scalef_ps(a, n);
        split(a: __m512) -> (__m512, __m512) = (
            _mm512_getexp_ps(a),
            _mm512_getmant_ps::<_MM_MANT_NORM_1_2, _MM_MANT_SIGN_SRC>(a),
        );
        lt(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b);
        le(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b);
        eq(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b);
        ne(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(a, b);
        select(m: __mmask16, a: __m512, b: __m512) -> __m512 = _mm512_mask_blend_ps(m, b, a);
        deinterleave(a: __m512, b: __m512) -> (__m512, __m512) = (
            _mm512_permutex2var_ps(a, indices(&EVEN), b),
            _mm512_permutex2var_ps(a, indices(&ODD), b),
        );
        interleave(even: __m512, odd: __m512) -> (__m512, __m512) = (
            _mm512_permutex2var_ps(even, indices(&LOW), odd),
            _mm512_permutex2var_ps(even, indices(&HIGH), odd),
        );
    }

    #[inline(always)]
    fn both(self, a: __mmask16, b: __mmask16) -> __mmask16 {
        a & b
    }
    #[inline(always)]
    fn either(self, a: __mmask16, b: __mmask16) -> __mmask16 {
        a | b
    }
    #[inline(always)]
    fn any(self, m: __mmask16) -> bool {
        m != 0
    }
}
