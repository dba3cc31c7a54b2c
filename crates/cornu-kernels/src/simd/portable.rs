//! Four numbers at a time, for every machine: compilers turn them into SSE and the like.

use std::array::from_fn;

use super::Simd;

/// Portable Rust.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

const LANES: usize = 4;

type V = [f32; LANES];
type M = [bool; LANES];

#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits(((n + 127) as u32) << 23)
}

/// Operations on each lane by itself.
macro_rules! lanewise {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty = $value:expr;)*) => {
        $(#[inline(always)]
        fn $name(self, $($arg: $ty),*) -> $ret {
            from_fn(#[inline(always)] |i| {
                $(let $arg = $arg[i];)*
                $value
            })
        })*
    };
}

impl Simd for Portable {
    type V = V;
    type M = M;
    const LANES: usize = LANES;
    const TILE: usize = 4;
    const MATMUL_ROWS: usize = 4;

    #[inline(always)]
    fn splat(self, x: f32) -> V {
        [x; LANES]
    }
    #[inline(always)]
    fn iota(self) -> V {
        [0.0, 1.0, 2.0, 3.0]
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> V {
        // SAFETY: the caller's promise.
        unsafe { p.cast::<V>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: V) {
        // SAFETY: the caller's promise.
        unsafe { p.cast::<V>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn load_first(self, p: *const f32, n: usize) -> V {
        let mut v = [0.0; LANES];
        for (i, lane) in v.iter_mut().enumerate() {
            if i < n {
                // SAFETY: the caller's promise.
                *lane = unsafe { *p.add(i) };
            }
        }
        v
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, n: usize, v: V) {
        for (i, &lane) in v.iter().enumerate() {
            if i < n {
                // SAFETY: the caller's promise.
                unsafe { *p.add(i) = lane };
            }
        }
    }
    #[inline(always)]
    unsafe fn gather(self, p: *const f32, index: V) -> V {
        // SAFETY: the caller's promise.
        index.map(|index| unsafe { *p.add(index as usize) })
    }
    #[inline(always)]
    unsafe fn transpose_tile(self, y: *mut f32, y_row: usize, x: *const f32, x_row: usize) {
        for j in 0..LANES {
            for i in 0..LANES {
                // SAFETY: the caller's promise.
                unsafe { *y.add(j * y_row + i) = *x.add(i * x_row + j) };
            }
        }
    }

    lanewise! {
        add(a: V, b: V) -> V = a + b;
        sub(a: V, b: V) -> V = a - b;
        mul(a: V, b: V) -> V = a * b;
        div(a: V, b: V) -> V = a / b;
        // Not `f32::mul_add`: without an instruction for it that is a slow library call.
        mul_add(a: V, b: V, c: V) -> V = a * b + c;
        // The product of two `f32` is exact in `f64`.
        fused(a: V, b: V, c: V) -> V = (f64::from(a) * f64::from(b) + f64::from(c)) as f32;
        max(a: V, b: V) -> V = if a > b { a } else { b };
        min(a: V, b: V) -> V = if a < b { a } else { b };
        sqrt(a: V) -> V = a.sqrt();
        abs(a: V) -> V = a.abs();
        neg(a: V) -> V = -a;
        copy_sign(a: V, sign: V) -> V = a.copysign(sign);
        floor(a: V) -> V = a.floor();
        ceil(a: V) -> V = a.ceil();
        round(a: V) -> V = a.round_ties_even();
        scale(a: V, n: V) -> V = {
            let n = (n as i32).clamp(-250, 250);
            a * power_of_two(n >> 1) * power_of_two(n - (n >> 1))
        };
        lt(a: V, b: V) -> M = a < b;
        le(a: V, b: V) -> M = a <= b;
        eq(a: V, b: V) -> M = a == b;
        ne(a: V, b: V) -> M = a != b;
        both(a: M, b: M) -> M = a & b;
        either(a: M, b: M) -> M = a | b;
        select(m: M, a: V, b: V) -> V = if m { a } else { b };
    }

    #[inline(always)]
    fn split(self, a: V) -> (V, V) {
        let bits = a.map(f32::to_bits);
        (
            bits.map(|bits| ((bits >> 23) as i32 - 127) as f32),
            bits.map(|bits| f32::from_bits(bits & 0x007f_ffff | 0x3f80_0000)),
        )
    }
    #[inline(always)]
    fn any(self, m: M) -> bool {
        m.contains(&true)
    }
    #[inline(always)]
    fn deinterleave(self, a: V, b: V) -> (V, V) {
        ([a[0], a[2], b[0], b[2]], [a[1], a[3], b[1], b[3]])
    }
    #[inline(always)]
    fn interleave(self, even: V, odd: V) -> (V, V) {
        ([even[0], odd[0], even[1], odd[1]], [even[2], odd[2], even[3], odd[3]])
    }
}
