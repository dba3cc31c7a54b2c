//! AVX-512: 16 lanes, 32 registers, masks.

use super::{ConvSimd, Kernel};
use crate::simd::Avx512;
use std::arch::x86_64::*;

/// # Safety
/// The processor has the instructions named here, and `kernel` may run.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
pub(super) unsafe fn run<K: Kernel>(kernel: K) {
    // SAFETY: the caller's promise.
    unsafe { kernel.run(Avx512::new()) }
}

// SAFETY of every block below: `self` proves the instructions; memory is the caller's promise.
impl ConvSimd for Avx512 {
    const ACCUMULATORS: usize = 24;
    const GROUPS: usize = 4;
    type Mask = __mmask16;

    #[inline(always)]
    fn mask(self, from: usize, to: usize) -> __mmask16 {
        (((1u32 << to) - 1) & !((1u32 << from) - 1)) as u16
    }

    #[inline(always)]
    unsafe fn load_over(self, under: __m512, from: *const f32, mask: __mmask16) -> __m512 {
        // SAFETY: see the top of the implementation.
        unsafe { _mm512_mask_loadu_ps(under, mask, from) }
    }

    #[inline(always)]
    unsafe fn pick(self, from: *const f32, mask: __mmask16, index: *const i32) -> __m512 {
        // SAFETY: see the top of the implementation.
        unsafe {
            let loaded = _mm512_maskz_loadu_ps(mask, from);
            _mm512_permutexvar_ps(_mm512_loadu_epi32(index), loaded)
        }
    }

    #[inline(always)]
    unsafe fn store_lower(self, to: *mut f32, v: __m512) {
        // SAFETY: see the top of the implementation.
        unsafe { _mm256_storeu_ps(to, _mm512_castps512_ps256(v)) }
    }

    #[inline(always)]
    unsafe fn store_fours(self, to: *mut f32, step: usize, v: __m512) {
        // SAFETY: see the top of the implementation.
        unsafe {
            _mm_storeu_ps(to, _mm512_castps512_ps128(v));
            _mm_storeu_ps(to.add(step), _mm512_extractf32x4_ps::<1>(v));
            _mm_storeu_ps(to.add(2 * step), _mm512_extractf32x4_ps::<2>(v));
            _mm_storeu_ps(to.add(3 * step), _mm512_extractf32x4_ps::<3>(v));
        }
    }

    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f32, mask: __mmask16, v: __m512) {
        // SAFETY: see the top of the implementation.
        unsafe { _mm512_mask_storeu_ps(to, mask, v) }
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8, n: usize, v: __m512) {
        let mask = self.mask(0, n);
        // SAFETY: see the top of the implementation.
        unsafe { _mm512_mask_cvtepi32_storeu_epi8(to.cast(), mask, _mm512_cvtps_epi32(v)) }
    }

    #[inline(always)]
    unsafe fn load_bytes(self, from: *const u8, n: usize) -> __m512 {
        // SAFETY: see the top of the implementation.
        unsafe {
            let bytes = _mm_maskz_loadu_epi8(self.mask(0, n), from.cast());
            _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes))
        }
    }

    #[inline(always)]
    unsafe fn pack_less(
        self,
        n: usize,
        (a, b): (__m512, __m512),
        (whole, wholes): (__m512, *mut u32),
        (value, values): (__m512, *mut f32),
    ) -> usize {
        // SAFETY: see the top of the implementation.
        unsafe {
            let kept = _mm512_mask_cmp_ps_mask::<_CMP_LT_OQ>(self.mask(0, n), a, b);
            // Packed in a register first: packing on the way to memory is slow on some processors.
            let whole = _mm512_maskz_compress_epi32(kept, _mm512_cvtps_epi32(whole));
            _mm512_storeu_si512(wholes.cast(), whole);
            _mm512_storeu_ps(values, _mm512_maskz_compress_ps(kept, value));
            kept.count_ones() as usize
        }
    }

    #[inline(always)]
    unsafe fn sums(self, from: *const f32) -> __m512 {
        // Each step adds two vectors' halves, quarters, … side by side: after four steps every
        // lane holds the sum of one vector.
        // SAFETY: see the top of the implementation.
        unsafe {
            let mut blocks = [_mm512_setzero_ps(); 4];
            for b in 0..4 {
                let mut pairs = [_mm512_setzero_ps(); 2];
                for p in 0..2 {
                    let x = _mm512_loadu_ps(from.add((4 * b + 2 * p) * 16));
                    let y = _mm512_loadu_ps(from.add((4 * b + 2 * p + 1) * 16));
                    pairs[p] = _mm512_add_ps(_mm512_unpacklo_ps(x, y), _mm512_unpackhi_ps(x, y));
                }
                let (x, y) = (_mm512_castps_pd(pairs[0]), _mm512_castps_pd(pairs[1]));
                blocks[b] = _mm512_add_ps(
                    _mm512_castpd_ps(_mm512_unpacklo_pd(x, y)),
                    _mm512_castpd_ps(_mm512_unpackhi_pd(x, y)),
                );
            }
            let mut halves = [_mm512_setzero_ps(); 2];
            for h in 0..2 {
                let (x, y) = (blocks[2 * h], blocks[2 * h + 1]);
                halves[h] = _mm512_add_ps(
                    _mm512_shuffle_f32x4::<0b10_00_10_00>(x, y),
                    _mm512_shuffle_f32x4::<0b11_01_11_01>(x, y),
                );
            }
            let [x, y] = halves;
            _mm512_add_ps(
                _mm512_shuffle_f32x4::<0b10_00_10_00>(x, y),
                _mm512_shuffle_f32x4::<0b11_01_11_01>(x, y),
            )
        }
    }

    #[inline(always)]
    fn if_equal(self, a: __m512, b: __m512, yes: __m512) -> __m512 {
        // SAFETY: see the top of the implementation.
        unsafe { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b), yes) }
    }

    #[inline(always)]
    fn upper(self, v: __m512) -> __m512 {
        // SAFETY: see the top of the implementation.
        unsafe { _mm512_shuffle_f32x4::<0b11_10_11_10>(v, v) }
    }

    #[inline(always)]
    fn next_lanes<const G: usize, const FIRST: usize>(self, v: __m512, then: __m512) -> __m512 {
        let lanes = const { super::next_lanes::<16>(G, FIRST) };
        // SAFETY: see the top of the implementation.
        unsafe { _mm512_permutex2var_ps(v, _mm512_loadu_si512(lanes.as_ptr().cast()), then) }
    }

    #[inline(always)]
    unsafe fn spread(self, v: __m512, places: *const u8, n: usize) -> [[__m512; 2]; 2] {
        // SAFETY: see the top of the implementation.
        unsafe {
            // Every byte twice, compared with what the left and the right column stand for.
            let bytes = _mm_maskz_loadu_epi8(self.mask(0, n), places.cast());
            let words = _mm256_cvtepu8_epi16(bytes);
            let twice = _mm256_or_si256(words, _mm256_slli_epi16::<8>(words));
            let low = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
            let high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
            let (low, high) = (_mm512_permutexvar_ps(low, v), _mm512_permutexvar_ps(high, v));
            let top = _mm256_cmpeq_epi8_mask(twice, _mm256_set1_epi16(0x0100));
            let bottom = _mm256_cmpeq_epi8_mask(twice, _mm256_set1_epi16(0x0302));
            [
                [
                    _mm512_maskz_mov_ps(top as u16, low),
                    _mm512_maskz_mov_ps((top >> 16) as u16, high),
                ],
                [
                    _mm512_maskz_mov_ps(bottom as u16, low),
                    _mm512_maskz_mov_ps((bottom >> 16) as u16, high),
                ],
            ]
        }
    }
}
