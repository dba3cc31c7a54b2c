//! One number at a time, for every machine.

use super::Simd;

/// Portable Rust.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits(((n + 127) as u32) << 23)
}

impl Simd for Portable {
    type V = f32;
    type M = bool;
    const LANES: usize = 1;
    const TILE: usize = 1;
    const MATMUL_ROWS: usize = 4;

    #[inline(always)]
    fn splat(self, x: f32) -> f32 {
        x
    }
    #[inline(always)]
    fn iota(self) -> f32 {
        0.0
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> f32 {
        // SAFETY: the caller's promise.
        unsafe { *p }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: f32) {
        // SAFETY: the caller's promise.
        unsafe { *p = v }
    }
    #[inline(always)]
    unsafe fn load_first(self, p: *const f32, n: usize) -> f32 {
        // SAFETY: the caller's promise.
        if n > 0 { unsafe { *p } } else { 0.0 }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, n: usize, v: f32) {
        if n > 0 {
            // SAFETY: the caller's promise.
            unsafe { *p = v }
        }
    }
    #[inline(always)]
    unsafe fn gather(self, p: *const f32, index: f32) -> f32 {
        // SAFETY: the caller's promise.
        unsafe { *p.add(index as usize) }
    }
    #[inline(always)]
    unsafe fn transpose_tile(self, y: *mut f32, _y_row: usize, x: *const f32, _x_row: usize) {
        // SAFETY: the caller's promise.
        unsafe { *y = *x }
    }
    #[inline(always)]
    fn add(self, a: f32, b: f32) -> f32 {
        a + b
    }
    #[inline(always)]
    fn sub(self, a: f32, b: f32) -> f32 {
        a - b
    }
    #[inline(always)]
    fn mul(self, a: f32, b: f32) -> f32 {
        a * b
    }
    #[inline(always)]
    fn div(self, a: f32, b: f32) -> f32 {
        a / b
    }
    #[inline(always)]
    fn mul_add(self, a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }
    #[inline(always)]
    fn fused(self, a: f32, b: f32, c: f32) -> f32 {
        // The product of two `f32` is exact in `f64`; `f32::mul_add` would be a library call.
        (f64::from(a) * f64::from(b) + f64::from(c)) as f32
    }
    #[inline(always)]
    fn max(self, a: f32, b: f32) -> f32 {
        if a > b { a } else { b }
    }
    #[inline(always)]
    fn min(self, a: f32, b: f32) -> f32 {
        if a < b { a } else { b }
    }
    #[inline(always)]
    fn sqrt(self, a: f32) -> f32 {
        a.sqrt()
    }
    #[inline(always)]
    fn abs(self, a: f32) -> f32 {
        a.abs()
    }
    #[inline(always)]
    fn neg(self, a: f32) -> f32 {
        -a
    }
    #[inline(always)]
    fn copy_sign(self, a: f32, sign: f32) -> f32 {
        a.copysign(sign)
    }
    #[inline(always)]
    fn floor(self, a: f32) -> f32 {
        a.floor()
    }
    #[inline(always)]
    fn ceil(self, a: f32) -> f32 {
        a.ceil()
    }
    #[inline(always)]
    fn round(self, a: f32) -> f32 {
        a.round_ties_even()
    }
    #[inline(always)]
    fn scale(self, a: f32, n: f32) -> f32 {
        let n = (n as i32).clamp(-250, 250);
        a * power_of_two(n >> 1) * power_of_two(n - (n >> 1))
    }
    #[inline(always)]
    fn split(self, a: f32) -> (f32, f32) {
        let bits = a.to_bits();
        let exponent = (bits >> 23) as i32 - 127;
        (exponent as f32, f32::from_bits(bits & 0x007f_ffff | 0x3f80_0000))
    }
    #[inline(always)]
    fn lt(self, a: f32, b: f32) -> bool {
        a < b
    }
    #[inline(always)]
    fn le(self, a: f32, b: f32) -> bool {
        a <= b
    }
    #[inline(always)]
    fn eq(self, a: f32, b: f32) -> bool {
        a == b
    }
    #[inline(always)]
    fn ne(self, a: f32, b: f32) -> bool {
        a != b
    }
    #[inline(always)]
    fn both(self, a: bool, b: bool) -> bool {
        a & b
    }
    #[inline(always)]
    fn either(self, a: bool, b: bool) -> bool {
        a | b
    }
    #[inline(always)]
    fn any(self, m: bool) -> bool {
        m
    }
    #[inline(always)]
    fn select(self, m: bool, a: f32, b: f32) -> f32 {
        if m { a } else { b }
    }
    #[inline(always)]
    fn deinterleave(self, a: f32, b: f32) -> (f32, f32) {
        (a, b)
    }
    #[inline(always)]
    fn interleave(self, even: f32, odd: f32) -> (f32, f32) {
        (even, odd)
    }
}
