//! Four lanes: NEON, which every 64-bit ARM processor has.

use std::arch::aarch64::*;

use super::{Simd, operations};

/// Proof that the processor has NEON.
#[derive(Clone, Copy)]
pub(crate) struct Neon(());

impl Neon {
    /// The proof; only code compiled for the instruction set can ask for it.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(crate) fn new() -> Self {
        Self(())
    }
}

static IOTA: [f32; 4] = [0.0, 1.0, 2.0, 3.0];

#[inline(always)]
unsafe fn power_of_two(n: int32x4_t) -> float32x4_t {
    // SAFETY: the caller has NEON.
    unsafe { vreinterpretq_f32_s32(vshlq_n_s32::<23>(vaddq_s32(n, vdupq_n_s32(127)))) }
}

impl Simd for Neon {
    type V = float32x4_t;
    type M = uint32x4_t;
    const LANES: usize = 4;
    const TILE: usize = 4;
    const MATMUL_ROWS: usize = 12;

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> float32x4_t {
        // SAFETY: the caller's promise.
        unsafe { vld1q_f32(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: float32x4_t) {
        // SAFETY: the caller's promise.
        unsafe { vst1q_f32(p, v) }
    }
    #[inline(always)]
    unsafe fn load_first(self, p: *const f32, n: usize) -> float32x4_t {
        // SAFETY: the caller's promise.
        unsafe {
            let none = vdup_n_f32(0.0);
            match n {
                0 => vdupq_n_f32(0.0),
                1 => vcombine_f32(vld1_lane_f32::<0>(p, none), none),
                2 => vcombine_f32(vld1_f32(p), none),
                3 => vcombine_f32(vld1_f32(p), vld1_lane_f32::<0>(p.add(2), none)),
                _ => vld1q_f32(p),
            }
        }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, n: usize, v: float32x4_t) {
        // SAFETY: the caller's promise.
        unsafe {
            match n {
                0 => {}
                1 => vst1q_lane_f32::<0>(p, v),
                2 => vst1_f32(p, vget_low_f32(v)),
                3 => {
                    vst1_f32(p, vget_low_f32(v));
                    vst1q_lane_f32::<2>(p.add(2), v);
                }
                _ => vst1q_f32(p, v),
            }
        }
    }
    #[inline(always)]
    unsafe fn gather(self, p: *const f32, index: float32x4_t) -> float32x4_t {
        // SAFETY: the caller's promise; the array holds 4 numbers.
        unsafe {
            let mut at = [0_u32; 4];
            vst1q_u32(at.as_mut_ptr(), vcvtq_u32_f32(index));
            let v = vdupq_n_f32(*p.add(at[0] as usize));
            let v = vld1q_lane_f32::<1>(p.add(at[1] as usize), v);
            let v = vld1q_lane_f32::<2>(p.add(at[2] as usize), v);
            vld1q_lane_f32::<3>(p.add(at[3] as usize), v)
        }
    }
    #[inline(always)]
    unsafe fn gather_pairs(self, p: *const f32, index: float32x4_t) -> (float32x4_t, float32x4_t) {
        // SAFETY: the caller's promise; the array holds 4 numbers.
        unsafe {
            let mut at = [0_u32; 4];
            vst1q_u32(at.as_mut_ptr(), vcvtq_u32_f32(index));
            let low =
                vcombine_f32(vld1_f32(p.add(at[0] as usize)), vld1_f32(p.add(at[1] as usize)));
            let high =
                vcombine_f32(vld1_f32(p.add(at[2] as usize)), vld1_f32(p.add(at[3] as usize)));
            self.deinterleave(low, high)
        }
    }
    #[inline(always)]
    fn sum(self, v: float32x4_t) -> f32 {
        // SAFETY: `self` proves that the processor has these instructions.
        unsafe { vaddvq_f32(v) }
    }
    #[inline(always)]
    fn largest(self, v: float32x4_t) -> f32 {
        // SAFETY: `self` proves that the processor has these instructions.
        unsafe { vmaxvq_f32(v) }
    }
    #[inline(always)]
    unsafe fn transpose_tile(self, y: *mut f32, y_row: usize, x: *const f32, x_row: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| vld1q_f32(x.add(i * x_row)));
            // Rows 0 and 2, 1 and 3 side by side; then both again.
            let (ac_low, ac_high) = (vzip1q_f32(a, c), vzip2q_f32(a, c));
            let (bd_low, bd_high) = (vzip1q_f32(b, d), vzip2q_f32(b, d));
            vst1q_f32(y, vzip1q_f32(ac_low, bd_low));
            vst1q_f32(y.add(y_row), vzip2q_f32(ac_low, bd_low));
            vst1q_f32(y.add(2 * y_row), vzip1q_f32(ac_high, bd_high));
            vst1q_f32(y.add(3 * y_row), vzip2q_f32(ac_high, bd_high));
        }
    }

    operations! {
        splat(x: f32) -> float32x4_t = vdupq_n_f32(x);
        iota() -> float32x4_t = vld1q_f32(IOTA.as_ptr());
        add(a: float32x4_t, b: float32x4_t) -> float32x4_t = vaddq_f32(a, b);
        sub(a: float32x4_t, b: float32x4_t) -> float32x4_t = vsubq_f32(a, b);
        mul(a: float32x4_t, b: float32x4_t) -> float32x4_t = vmulq_f32(a, b);
        div(a: float32x4_t, b: float32x4_t) -> float32x4_t = vdivq_f32(a, b);
        mul_add(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t = vfmaq_f32(c, a, b);
        fused(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t = vfmaq_f32(c, a, b);
        // Not the instructions for the larger and the smaller: they treat NaN otherwise.
        max(a: float32x4_t, b: float32x4_t) -> float32x4_t = vbslq_f32(vcgtq_f32(a, b), a, b);
        min(a: float32x4_t, b: float32x4_t) -> float32x4_t = vbslq_f32(vcltq_f32(a, b), a, b);
        sqrt(a: float32x4_t) -> float32x4_t = vsqrtq_f32(a);
        abs(a: float32x4_t) -> float32x4_t = vabsq_f32(a);
        neg(a: float32x4_t) -> float32x4_t = vnegq_f32(a);
        copy_sign(a: float32x4_t, sign: float32x4_t) -> float32x4_t =
            vbslq_f32(vdupq_n_u32(1 << 31), sign, a);
        floor(a: float32x4_t) -> float32x4_t = vrndmq_f32(a);
        ceil(a: float32x4_t) -> float32x4_t = vrndpq_f32(a);
        round(a: float32x4_t) -> float32x4_t = vrndnq_f32(a);
        scale(a: float32x4_t, n: float32x4_t) -> float32x4_t = {
            let n = vcvtq_s32_f32(n);
            let half = vshrq_n_s32::<1>(n);
            let scaled = vmulq_f32(a, power_of_two(half));
            vmulq_f32(scaled, power_of_two(vsubq_s32(n, half)))
        };
        split(a: float32x4_t) -> (float32x4_t, float32x4_t) = {
            let bits = vreinterpretq_s32_f32(a);
            let exponent = vsubq_s32(vshrq_n_s32::<23>(bits), vdupq_n_s32(127));
            let mantissa = vandq_s32(bits, vdupq_n_s32(0x007f_ffff));
            let mantissa = vorrq_s32(mantissa, vdupq_n_s32(0x3f80_0000));
            (vcvtq_f32_s32(exponent), vreinterpretq_f32_s32(mantissa))
        };
        lt(a: float32x4_t, b: float32x4_t) -> uint32x4_t = vcltq_f32(a, b);
        le(a: float32x4_t, b: float32x4_t) -> uint32x4_t = vcleq_f32(a, b);
        eq(a: float32x4_t, b: float32x4_t) -> uint32x4_t = vceqq_f32(a, b);
        ne(a: float32x4_t, b: float32x4_t) -> uint32x4_t = vmvnq_u32(vceqq_f32(a, b));
        both(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t = vandq_u32(a, b);
        either(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t = vorrq_u32(a, b);
        any(m: uint32x4_t) -> bool = vmaxvq_u32(m) != 0;
        select(m: uint32x4_t, a: float32x4_t, b: float32x4_t) -> float32x4_t = vbslq_f32(m, a, b);
        deinterleave(a: float32x4_t, b: float32x4_t) -> (float32x4_t, float32x4_t) =
            (vuzp1q_f32(a, b), vuzp2q_f32(a, b));
        interleave(even: float32x4_t, odd: float32x4_t) -> (float32x4_t, float32x4_t) =
            (vzip1q_f32(even, odd), vzip2q_f32(even, odd));
    }
}
