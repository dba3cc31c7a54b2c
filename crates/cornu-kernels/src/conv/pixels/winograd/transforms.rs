//! The linear maps along one axis, on vectors of channels.
//!
//! With the places `0, A, -A, B, -B` and infinity, where `A² = 1/2` and `B² = 2`. The maps follow
//! from Lagrange's interpolation; each docstring gives the matrix.

use super::{IN, OUT, TAPS};
use crate::conv::simd::ConvSimd;

const A: f32 = std::f32::consts::FRAC_1_SQRT_2;
const B: f32 = std::f32::consts::SQRT_2;

/// `even + scale * odd` and `even - scale * odd`: the values at two opposite places.
#[inline(always)]
fn opposite<S: ConvSimd>(s: S, even: S::V, odd: S::V, scale: f32) -> [S::V; 2] {
    [s.mul_add(s.splat(scale), odd, even), s.mul_add(s.splat(-scale), odd, even)]
}

/// Input pixels at the places.
///
/// ```text
/// [ 1    0   -5/2   0    1  0 ]
/// [ 0  -2A   -2     A    1  0 ]
/// [ 0   2A   -2    -A    1  0 ]
/// [ 0  -B/2  -1/2   B    1  0 ]
/// [ 0   B/2  -1/2  -B    1  0 ]
/// [ 0    1    0   -5/2   0  1 ]
/// ```
#[inline(always)]
pub(in crate::conv) fn input<S: ConvSimd>(s: S, x: &[S::V; IN]) -> [S::V; IN] {
    let (five, two, half) = (s.splat(-2.5), s.splat(-2.0), s.splat(-0.5));
    let zero = s.add(s.mul_add(five, x[2], x[0]), x[4]);
    let infinity = s.add(s.mul_add(five, x[3], x[1]), x[5]);
    let (even, odd) = (s.mul_add(two, x[2], x[4]), s.mul_add(two, x[1], x[3]));
    let [a, minus_a] = opposite(s, even, odd, A);
    let (even, odd) = (s.mul_add(half, x[2], x[4]), s.mul_add(half, x[1], x[3]));
    let [b, minus_b] = opposite(s, even, odd, B);
    [zero, a, minus_a, b, minus_b, infinity]
}

/// Taps at the places.
///
/// ```text
/// [  1      0     0  ]
/// [ -2/3  -2A/3 -1/3 ]
/// [ -2/3   2A/3 -1/3 ]
/// [  1/6   B/6   1/3 ]
/// [  1/6  -B/6   1/3 ]
/// [  0      0     1  ]
/// ```
#[inline(always)]
pub(in crate::conv) fn taps<S: ConvSimd>(s: S, taps: &[S::V; TAPS]) -> [S::V; IN] {
    let third = s.mul_add(s.splat(1.0 / 3.0), taps[2], s.splat(0.0));
    let even = s.sub(s.mul_add(s.splat(-2.0 / 3.0), taps[0], s.splat(0.0)), third);
    let [a, minus_a] = opposite(s, even, taps[1], -2.0 * A / 3.0);
    let even = s.mul_add(s.splat(1.0 / 6.0), taps[0], third);
    let [b, minus_b] = opposite(s, even, taps[1], B / 6.0);
    [taps[0], a, minus_a, b, minus_b, taps[2]]
}

/// Output pixels from the products at the places.
///
/// ```text
/// [ 1   1     1     1    1   0 ]
/// [ 0   A    -A     B   -B   0 ]
/// [ 0  1/2   1/2    2    2   0 ]
/// [ 0  A/2  -A/2   2B  -2B   1 ]
/// ```
#[inline(always)]
pub(in crate::conv) fn output<S: ConvSimd>(s: S, m: &[S::V; IN]) -> [S::V; OUT] {
    let (even_a, odd_a) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
    let (even_b, odd_b) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
    let (odd_a, odd_b) =
        (s.mul_add(s.splat(A), odd_a, s.splat(0.0)), s.mul_add(s.splat(B), odd_b, s.splat(0.0)));
    let (half, two) = (s.splat(0.5), s.splat(2.0));
    let third = s.mul_add(two, even_b, s.mul_add(half, even_a, s.splat(0.0)));
    let fourth = s.mul_add(two, odd_b, s.mul_add(half, odd_a, m[5]));
    [s.add(s.add(m[0], even_a), even_b), s.add(odd_a, odd_b), third, fourth]
}

/// Gradients of output pixels at the places: [`output`] transposed.
#[inline(always)]
pub(in crate::conv) fn output_grad<S: ConvSimd>(s: S, dy: &[S::V; OUT]) -> [S::V; IN] {
    let (half, two) = (s.splat(0.5), s.splat(2.0));
    let (even, odd) = (s.mul_add(half, dy[2], dy[0]), s.mul_add(half, dy[3], dy[1]));
    let [a, minus_a] = opposite(s, even, odd, A);
    let (even, odd) = (s.mul_add(two, dy[2], dy[0]), s.mul_add(two, dy[3], dy[1]));
    let [b, minus_b] = opposite(s, even, odd, B);
    [dy[0], a, minus_a, b, minus_b, dy[3]]
}

/// Gradients of the taps from those at the places: [`taps`] transposed.
#[inline(always)]
pub(in crate::conv) fn taps_grad<S: ConvSimd>(s: S, d: &[S::V; IN]) -> [S::V; TAPS] {
    let (even_a, odd_a) = (s.add(d[1], d[2]), s.sub(d[1], d[2]));
    let (even_b, odd_b) = (s.add(d[3], d[4]), s.sub(d[3], d[4]));
    let first = s.mul_add(s.splat(-2.0 / 3.0), even_a, d[0]);
    let second = s.mul_add(s.splat(-2.0 * A / 3.0), odd_a, s.splat(0.0));
    let third = s.mul_add(s.splat(1.0 / 3.0), s.sub(even_b, even_a), d[5]);
    [
        s.mul_add(s.splat(1.0 / 6.0), even_b, first),
        s.mul_add(s.splat(B / 6.0), odd_b, second),
        third,
    ]
}

/// Applies the map `$map` to the columns and then to the rows of the square `$from`, and hands each
/// row of the result, with its number, to `$row`. A macro, because closures would not become part
/// of the function that has the instructions.
macro_rules! along_both_axes {
    ($s:ident, $map:ident, $from:expr, $size:expr => $to:expr, |$i:ident, $values:ident| $row:expr) => {{
        let from = &$from;
        let mut half = [[$s.splat(0.0); $size]; $to];
        for j in 0..$size {
            let mut column = [$s.splat(0.0); $size];
            for i in 0..$size {
                column[i] = from[i][j];
            }
            let mapped = transforms::$map($s, &column);
            for i in 0..$to {
                half[i][j] = mapped[i];
            }
        }
        for $i in 0..$to {
            let $values = transforms::$map($s, &half[$i]);
            $row
        }
    }};
}
pub(in crate::conv) use along_both_axes;
