//! NEON: 4 lanes, 32 registers.

use super::{ConvSimd, Kernel};
use crate::simd::Neon;
use std::arch::aarch64::*;

/// # Safety
/// The processor has NEON, and `kernel` may run.
#[target_feature(enable = "neon")]
pub(super) unsafe fn run<K: Kernel>(kernel: K) {
    // SAFETY: the caller's promise.
    unsafe { kernel.run(Neon::new()) }
}

/// Lanes `from..to`. There is no masked access to memory, so lanes are taken one by one; all at
/// once where all are selected.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Lanes {
    from: usize,
    to: usize,
}

impl Lanes {
    #[inline(always)]
    fn all(self) -> bool {
        self.from == 0 && self.to == 4
    }

    #[inline(always)]
    fn has(self, lane: usize) -> bool {
        self.from <= lane && lane < self.to
    }
}

// SAFETY of every block below: `self` proves the instructions; memory is the caller's promise.
impl ConvSimd for Neon {
    const ACCUMULATORS: usize = 24;
    const GROUPS: usize = 1;
    type Mask = Lanes;

    #[inline(always)]
    fn mask(self, from: usize, to: usize) -> Lanes {
        Lanes { from, to }
    }

    #[inline(always)]
    unsafe fn load_over(self, under: float32x4_t, from: *const f32, mask: Lanes) -> float32x4_t {
        // SAFETY: see the top of the implementation.
        unsafe {
            if mask.all() {
                return vld1q_f32(from);
            }
            let mut v = under;
            if mask.has(0) {
                v = vld1q_lane_f32::<0>(from, v);
            }
            if mask.has(1) {
                v = vld1q_lane_f32::<1>(from.wrapping_add(1), v);
            }
            if mask.has(2) {
                v = vld1q_lane_f32::<2>(from.wrapping_add(2), v);
            }
            if mask.has(3) {
                v = vld1q_lane_f32::<3>(from.wrapping_add(3), v);
            }
            v
        }
    }

    #[inline(always)]
    unsafe fn store_lower(self, to: *mut f32, v: float32x4_t) {
        // SAFETY: see the top of the implementation.
        unsafe { vst1_f32(to, vget_low_f32(v)) }
    }

    #[inline(always)]
    unsafe fn store_fours(self, to: *mut f32, _step: usize, v: float32x4_t) {
        // SAFETY: see the top of the implementation.
        unsafe { vst1q_f32(to, v) }
    }

    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f32, mask: Lanes, v: float32x4_t) {
        // SAFETY: see the top of the implementation.
        unsafe {
            if mask.all() {
                return vst1q_f32(to, v);
            }
            if mask.has(0) {
                vst1q_lane_f32::<0>(to, v);
            }
            if mask.has(1) {
                vst1q_lane_f32::<1>(to.wrapping_add(1), v);
            }
            if mask.has(2) {
                vst1q_lane_f32::<2>(to.wrapping_add(2), v);
            }
            if mask.has(3) {
                vst1q_lane_f32::<3>(to.wrapping_add(3), v);
            }
        }
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8, n: usize, v: float32x4_t) {
        // SAFETY: see the top of the implementation.
        unsafe {
            let words = vmovn_u32(vcvtq_u32_f32(v));
            let bytes = vmovn_u16(vcombine_u16(words, words));
            let bytes = vget_lane_u32::<0>(vreinterpret_u32_u8(bytes)).to_le_bytes();
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, n);
        }
    }

    #[inline(always)]
    unsafe fn load_bytes(self, from: *const u8, n: usize) -> float32x4_t {
        let mut bytes = [0u8; 8];
        // SAFETY: see the top of the implementation.
        unsafe {
            std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), n);
            let words = vmovl_u8(vld1_u8(bytes.as_ptr()));
            vcvtq_f32_u32(vmovl_u16(vget_low_u16(words)))
        }
    }

    #[inline(always)]
    unsafe fn pack_less(
        self,
        n: usize,
        (a, b): (float32x4_t, float32x4_t),
        (whole, wholes): (float32x4_t, *mut u32),
        (value, values): (float32x4_t, *mut f32),
    ) -> usize {
        let (mut less, mut whole_lanes, mut value_lanes) = ([0u32; 4], [0u32; 4], [0.0f32; 4]);
        // SAFETY: see the top of the implementation.
        unsafe {
            vst1q_u32(less.as_mut_ptr(), vcltq_f32(a, b));
            vst1q_u32(whole_lanes.as_mut_ptr(), vcvtq_u32_f32(whole));
            vst1q_f32(value_lanes.as_mut_ptr(), value);
            let mut count = 0;
            for i in 0..n {
                *wholes.add(count) = whole_lanes[i];
                *values.add(count) = value_lanes[i];
                count += (less[i] & 1) as usize;
            }
            count
        }
    }

    #[inline(always)]
    unsafe fn sums(self, from: *const f32) -> float32x4_t {
        // SAFETY: see the top of the implementation.
        unsafe {
            let first = vpaddq_f32(vld1q_f32(from), vld1q_f32(from.add(4)));
            let second = vpaddq_f32(vld1q_f32(from.add(8)), vld1q_f32(from.add(12)));
            vpaddq_f32(first, second)
        }
    }

    #[inline(always)]
    fn if_equal(self, a: float32x4_t, b: float32x4_t, yes: float32x4_t) -> float32x4_t {
        // SAFETY: see the top of the implementation.
        unsafe { vbslq_f32(vceqq_f32(a, b), yes, vdupq_n_f32(0.0)) }
    }

    #[inline(always)]
    fn upper(self, v: float32x4_t) -> float32x4_t {
        // SAFETY: see the top of the implementation.
        unsafe { vextq_f32::<2>(v, v) }
    }

    #[inline(always)]
    fn next_lanes<const G: usize, const FIRST: usize>(
        self,
        v: float32x4_t,
        then: float32x4_t,
    ) -> float32x4_t {
        let places = const { bytes_of(super::next_lanes::<4>(G, FIRST)) };
        // SAFETY: see the top of the implementation.
        unsafe {
            let both = uint8x16x2_t(vreinterpretq_u8_f32(v), vreinterpretq_u8_f32(then));
            vreinterpretq_f32_u8(vqtbl2q_u8(both, vld1q_u8(places.as_ptr())))
        }
    }
}

/// Where the bytes of these lanes lie in two vectors, one after the other.
const fn bytes_of(lanes: [i32; 4]) -> [u8; 16] {
    let (mut bytes, mut i) = ([0; 16], 0);
    while i < 16 {
        bytes[i] = 4 * lanes[i / 4] as u8 + (i % 4) as u8;
        i += 1;
    }
    bytes
}
