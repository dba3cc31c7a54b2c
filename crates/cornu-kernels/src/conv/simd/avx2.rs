//! AVX2 with FMA: 8 lanes, 16 registers.

use super::{ConvSimd, Kernel};
use crate::simd::Avx2;
use std::arch::x86_64::*;

/// # Safety
/// The processor has the instructions named here, and `kernel` may run.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run<K: Kernel>(kernel: K) {
    // SAFETY: the caller's promise.
    unsafe { kernel.run(Avx2::new()) }
}

// SAFETY of every block below: `self` proves the instructions; memory is the caller's promise.
impl ConvSimd for Avx2 {
    const ACCUMULATORS: usize = 12;
    const GROUPS: usize = 2;
    type Mask = __m256i;

    #[inline(always)]
    fn mask(self, from: usize, to: usize) -> __m256i {
        // SAFETY: see the top of the implementation.
        unsafe {
            let lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            let before = _mm256_cmpgt_epi32(_mm256_set1_epi32(from as i32), lane);
            _mm256_andnot_si256(before, _mm256_cmpgt_epi32(_mm256_set1_epi32(to as i32), lane))
        }
    }

    #[inline(always)]
    unsafe fn load_over(self, under: __m256, from: *const f32, mask: __m256i) -> __m256 {
        // SAFETY: see the top of the implementation.
        unsafe {
            let loaded = _mm256_maskload_ps(from, mask);
            _mm256_blendv_ps(under, loaded, _mm256_castsi256_ps(mask))
        }
    }

    #[inline(always)]
    unsafe fn pick(self, from: *const f32, mask: __m256i, index: *const i32) -> __m256 {
        // SAFETY: see the top of the implementation.
        unsafe {
            let loaded = _mm256_maskload_ps(from, mask);
            _mm256_permutevar8x32_ps(loaded, _mm256_loadu_si256(index.cast()))
        }
    }

    #[inline(always)]
    unsafe fn store_lower(self, to: *mut f32, v: __m256) {
        // SAFETY: see the top of the implementation.
        unsafe { _mm_storeu_ps(to, _mm256_castps256_ps128(v)) }
    }

    #[inline(always)]
    unsafe fn store_fours(self, to: *mut f32, step: usize, v: __m256) {
        // SAFETY: see the top of the implementation.
        unsafe {
            _mm_storeu_ps(to, _mm256_castps256_ps128(v));
            _mm_storeu_ps(to.add(step), _mm256_extractf128_ps::<1>(v));
        }
    }

    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f32, mask: __m256i, v: __m256) {
        // SAFETY: see the top of the implementation.
        unsafe { _mm256_maskstore_ps(to, mask, v) }
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8, n: usize, v: __m256) {
        // SAFETY: see the top of the implementation.
        unsafe {
            let whole = _mm256_cvtps_epi32(v);
            let low = _mm256_castsi256_si128(whole);
            let words = _mm_packus_epi32(low, _mm256_extracti128_si256::<1>(whole));
            let bytes = _mm_cvtsi128_si64(_mm_packus_epi16(words, words)).to_le_bytes();
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, n);
        }
    }

    #[inline(always)]
    unsafe fn load_bytes(self, from: *const u8, n: usize) -> __m256 {
        let mut bytes = [0u8; 8];
        // SAFETY: see the top of the implementation.
        unsafe {
            std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), n);
            let packed = _mm_cvtsi64_si128(i64::from_le_bytes(bytes));
            _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(packed))
        }
    }

    #[inline(always)]
    unsafe fn pack_less(
        self,
        n: usize,
        (a, b): (__m256, __m256),
        (whole, wholes): (__m256, *mut u32),
        (value, values): (__m256, *mut f32),
    ) -> usize {
        let (mut whole_lanes, mut value_lanes) = ([0u32; 8], [0.0f32; 8]);
        // SAFETY: see the top of the implementation.
        unsafe {
            _mm256_storeu_si256(whole_lanes.as_mut_ptr().cast(), _mm256_cvtps_epi32(whole));
            _mm256_storeu_ps(value_lanes.as_mut_ptr(), value);
            let kept = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LT_OQ>(a, b)) as usize;
            let mut count = 0;
            for i in 0..n {
                *wholes.add(count) = whole_lanes[i];
                *values.add(count) = value_lanes[i];
                count += (kept >> i) & 1;
            }
            count
        }
    }

    #[inline(always)]
    unsafe fn sums(self, from: *const f32) -> __m256 {
        // SAFETY: see the top of the implementation.
        unsafe {
            let mut blocks = [_mm256_setzero_ps(); 2];
            for b in 0..2 {
                let row = from.add(4 * b * 8);
                let first = _mm256_hadd_ps(_mm256_loadu_ps(row), _mm256_loadu_ps(row.add(8)));
                let second =
                    _mm256_hadd_ps(_mm256_loadu_ps(row.add(16)), _mm256_loadu_ps(row.add(24)));
                blocks[b] = _mm256_hadd_ps(first, second);
            }
            let [x, y] = blocks;
            _mm256_add_ps(
                _mm256_permute2f128_ps::<0x20>(x, y),
                _mm256_permute2f128_ps::<0x31>(x, y),
            )
        }
    }

    #[inline(always)]
    fn if_equal(self, a: __m256, b: __m256, yes: __m256) -> __m256 {
        // SAFETY: see the top of the implementation.
        unsafe { _mm256_and_ps(yes, _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b)) }
    }

    #[inline(always)]
    fn upper(self, v: __m256) -> __m256 {
        // SAFETY: see the top of the implementation.
        unsafe { _mm256_permute2f128_ps::<0x11>(v, v) }
    }

    #[inline(always)]
    fn next_lanes<const G: usize, const FIRST: usize>(self, v: __m256, then: __m256) -> __m256 {
        let lanes = const { super::next_lanes::<8>(G, FIRST) };
        // SAFETY: see the top of the implementation.
        unsafe {
            let lanes = _mm256_loadu_si256(lanes.as_ptr().cast());
            // Permutations look at the lowest three bits.
            let (v, then) =
                (_mm256_permutevar8x32_ps(v, lanes), _mm256_permutevar8x32_ps(then, lanes));
            let second = _mm256_cmpgt_epi32(lanes, _mm256_set1_epi32(7));
            _mm256_blendv_ps(v, then, _mm256_castsi256_ps(second))
        }
    }
}
