//! Elementary functions of `f32`, several at once.
//!
//! Each function `y = f(x)` overwrites `y`; the slices have the same length. Errors are stated
//! against the exact value, in ULP (distances between neighbouring `f32`), and hold for every
//! instruction set. Numbers too small to be normal count as zero, in and out.
//!
//! The polynomials of `exp`, `log`, `sin` and `cos` are those of the Cephes library (Moshier,
//! *Methods and Programs for Mathematical Functions*, 1989, single precision); the quotients of
//! `tanh` and `erf` are those of the Eigen library (`MathFunctionsImpl.h`).

use std::f32::consts::{FRAC_2_PI, LOG2_E, SQRT_2};

use crate::simd::{Simd, simd_fn};

/// Defines the slice function of a vector function.
macro_rules! slices {
    ($($(#[$meta:meta])* $name:ident;)*) => {
        $(simd_fn! {
            $(#[$meta])*
            ///
            /// # Panics
            ///
            /// If the lengths differ.
            pub fn $name(s, y: &mut [f32], x: &[f32]) {
                assert_eq!(y.len(), x.len());
                let mut i = 0;
                while i + S::LANES <= x.len() {
                    // SAFETY: LANES elements from i on lie inside of both slices.
                    unsafe {
                        let v = vector::$name(s, s.load(x.as_ptr().add(i)));
                        s.store(y.as_mut_ptr().add(i), v);
                    }
                    i += S::LANES;
                }
                if i < x.len() {
                    // SAFETY: the remaining elements lie inside of both slices.
                    unsafe {
                        let v = vector::$name(s, s.load_first(x.as_ptr().add(i), x.len() - i));
                        s.store_first(y.as_mut_ptr().add(i), x.len() - i, v);
                    }
                }
            }
        })*
    };
}

slices! {
    /// `e^x`. Error below 2 ULP; 0 below -87.34, infinite above 88.72.
    exp;
    /// `e^x - 1`, also near 0. Error below 3 ULP.
    expm1;
    /// Natural logarithm. Error below 2 ULP; `log(0) = -inf`, NaN below 0.
    log;
    /// `log(1 + x)`, also near 0. Error below 3 ULP.
    log1p;
    /// Hyperbolic tangent. Error below 6 ULP.
    tanh;
    /// `1 / (1 + e^-x)`. Error below 4 ULP.
    sigmoid;
    /// `log(1 + e^x)`. Error below 4 ULP.
    softplus;
    /// The error function. Error below `5e-7` of the value.
    erf;
    /// Sine, x in radians. Absolute error below `2e-7`, near 0 relative.
    sin;
    /// Cosine, x in radians. Absolute error below `2e-7`.
    cos;
}

simd_fn! {
    /// `x^exponent`, as C's `pow`. Relative error below `2e-6`.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn pow(s, y: &mut [f32], x: &[f32], exponent: &[f32]) {
        assert_eq!(y.len(), x.len());
        assert_eq!(y.len(), exponent.len());
        let mut i = 0;
        while i < x.len() {
            let n = (x.len() - i).min(S::LANES);
            // SAFETY: n elements from i on lie inside of all three slices.
            unsafe {
                let a = s.load_first(x.as_ptr().add(i), n);
                let b = s.load_first(exponent.as_ptr().add(i), n);
                s.store_first(y.as_mut_ptr().add(i), n, vector::pow(s, a, b));
            }
            i += n;
        }
    }
}

/// The same functions of one vector.
pub(crate) mod vector {
    use super::*;

    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;

    /// `(n, p)` with `x = n ln 2 + r`, n whole, and `p = e^r - 1`.
    #[inline(always)]
    fn reduce_exp<S: Simd>(s: S, x: S::V) -> (S::V, S::V) {
        let n = s.round(s.mul(x, s.splat(LOG2_E)));
        let r = s.mul_add(n, s.splat(-LN_2_HIGH), x);
        let r = s.mul_add(n, s.splat(-LN_2_LOW), r);
        let p = s.polynomial(
            r,
            [1.987_569_1e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5],
        );
        (n, s.mul_add(p, s.mul(r, r), r))
    }

    #[inline(always)]
    pub(crate) fn exp<S: Simd>(s: S, x: S::V) -> S::V {
        // The bounds lie beyond overflow and underflow; NaN passes as the second operand.
        let x = s.max(s.splat(-104.0), s.min(s.splat(89.0), x));
        let (n, p) = reduce_exp(s, x);
        s.scale(s.add(p, s.splat(1.0)), n)
    }

    #[inline(always)]
    pub(crate) fn expm1<S: Simd>(s: S, x: S::V) -> S::V {
        let bounded = s.max(s.splat(-104.0), s.min(s.splat(89.0), x));
        let (n, p) = reduce_exp(s, bounded);
        // e^x - 1 = 2^n (p + 1) - 1 = 2 (2^(n-1) p + (2^(n-1) - 1/2)); 2^128 would overflow.
        let half = s.scale(s.splat(0.5), n);
        let y = s.mul_add(half, p, s.sub(half, s.splat(0.5)));
        // Keeps the sign of zero.
        s.select(s.eq(x, s.splat(0.0)), x, s.add(y, y))
    }

    /// `(e, f, p)` with `x = 2^e (1 + f)` and `log(1 + f) = f - f^2/2 + f^3 p`, for normal x.
    #[inline(always)]
    fn reduce_log<S: Simd>(s: S, x: S::V) -> (S::V, S::V, S::V) {
        let (e, m) = s.split(x);
        let high = s.lt(s.splat(SQRT_2), m);
        let m = s.select(high, s.mul(m, s.splat(0.5)), m);
        let e = s.select(high, s.add(e, s.splat(1.0)), e);
        let f = s.sub(m, s.splat(1.0));
        let p = s.polynomial(
            f,
            [
                7.037_683_6e-2,
                -1.151_461e-1,
                1.167_699_9e-1,
                -1.242_014_1e-1,
                1.424_932_3e-1,
                -1.666_805_8e-1,
                2.000_071_5e-1,
                -2.499_999_4e-1,
                0.333_333_3,
            ],
        );
        (e, f, p)
    }

    #[inline(always)]
    pub(crate) fn log<S: Simd>(s: S, x: S::V) -> S::V {
        let (e, f, p) = reduce_log(s, x);
        let square = s.mul(f, f);
        let y = s.mul_add(e, s.splat(LN_2_LOW), s.mul(s.mul(f, square), p));
        let y = s.mul_add(square, s.splat(-0.5), y);
        let y = s.mul_add(e, s.splat(LN_2_HIGH), s.add(f, y));
        let y = s.select(s.lt(x, s.splat(f32::MIN_POSITIVE)), s.splat(f32::NEG_INFINITY), y);
        let y = s.select(s.lt(x, s.splat(0.0)), s.splat(f32::NAN), y);
        // Infinity and NaN are their own logarithm.
        s.select(s.lt(x, s.splat(f32::INFINITY)), y, x)
    }

    #[inline(always)]
    pub(crate) fn log1p<S: Simd>(s: S, x: S::V) -> S::V {
        // 1 + x loses the end of x; what was lost comes back as the slope 1/u times the loss.
        let one = s.splat(1.0);
        let u = s.add(one, x);
        let slope = s.div(s.sub(x, s.sub(u, one)), u);
        // At -1 and infinity there is none.
        let slope = s.select(s.lt(s.abs(slope), one), slope, s.splat(0.0));
        let y = s.add(log(s, u), slope);
        s.select(s.eq(x, s.splat(0.0)), x, y)
    }

    #[inline(always)]
    pub(crate) fn tanh<S: Simd>(s: S, x: S::V) -> S::V {
        // Beyond this bound the quotient is 1 but for the last bit.
        let bound = 7.905_311;
        let c = s.max(s.splat(-bound), s.min(s.splat(bound), x));
        let square = s.mul(c, c);
        let p = s.polynomial(
            square,
            [
                -2.760_768_4e-16,
                2.000_188e-13,
                -8.604_672e-11,
                5.122_297e-8,
                1.485_722_4e-5,
                6.372_619_3e-4,
                4.893_524_6e-3,
            ],
        );
        let q =
            s.polynomial(square, [1.198_258_4e-6, 1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3]);
        let y = s.div(s.mul(c, p), q);
        // From here on the nearest number is 1 itself, and must be: gradients use 1 - y^2.
        let one = s.select(s.lt(x, s.splat(0.0)), s.splat(-1.0), s.splat(1.0));
        let y = s.select(s.lt(s.splat(9.011), s.abs(x)), one, y);
        s.select(s.lt(s.abs(x), s.splat(4e-4)), x, y)
    }

    #[inline(always)]
    pub(crate) fn sigmoid<S: Simd>(s: S, x: S::V) -> S::V {
        let one = s.splat(1.0);
        s.div(one, s.add(one, exp(s, s.neg(x))))
    }

    #[inline(always)]
    pub(crate) fn softplus<S: Simd>(s: S, x: S::V) -> S::V {
        let tail = log1p(s, exp(s, s.neg(s.abs(x))));
        s.add(s.max(s.splat(0.0), x), tail)
    }

    #[inline(always)]
    pub(crate) fn erf<S: Simd>(s: S, x: S::V) -> S::V {
        let c = s.max(s.splat(-4.0), s.min(s.splat(4.0), x));
        let square = s.mul(c, c);
        let p = s.polynomial(
            square,
            [
                -2.726_142_3e-10,
                2.770_681_4e-8,
                -2.101_024e-6,
                -5.692_506_4e-5,
                -7.349_906_3e-4,
                -2.954_6e-3,
                -1.609_603_3e-2,
            ],
        );
        let q = s.polynomial(
            square,
            [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_473_9e-2],
        );
        let y = s.div(s.mul(c, p), q);
        s.max(s.splat(-1.0), s.min(s.splat(1.0), y))
    }

    /// Beyond this the three-part pi/2 no longer cancels.
    const LARGE_ANGLE: f32 = 8192.0;

    /// `(q, sin r, cos r)` with `x = q pi/2 + r`.
    #[inline(always)]
    fn reduce_angle<S: Simd>(s: S, x: S::V) -> (S::V, S::V, S::V) {
        let q = s.round(s.mul(x, s.splat(FRAC_2_PI)));
        // pi/2 in three parts; the first two have few enough bits that q times them is exact.
        let r = s.fused(q, s.splat(-1.570_312_5), x);
        let r = s.fused(q, s.splat(-4.837_513e-4), r);
        let r = s.fused(q, s.splat(-7.549_79e-8), r);
        let square = s.mul(r, r);
        let p = s.polynomial(square, [-1.951_529_6e-4, 8.332_161e-3, -1.666_665_5e-1]);
        let sin = s.mul_add(s.mul(p, square), r, r);
        let p = s.polynomial(square, [2.443_315_7e-5, -1.388_731_6e-3, 4.166_664_6e-2]);
        let cos = s.mul_add(square, s.splat(-0.5), s.splat(1.0));
        let cos = s.mul_add(s.mul(p, square), square, cos);
        (q, sin, cos)
    }

    /// The sine of `q pi/2 + r` for whole q.
    #[inline(always)]
    fn quadrant<S: Simd>(s: S, q: S::V, sin: S::V, cos: S::V) -> S::V {
        // q mod 4 is 0: sin, 1: cos, 2: -sin, 3: -cos.
        let turn = s.mul_add(s.floor(s.mul(q, s.splat(0.25))), s.splat(-4.0), q);
        let odd = s.mul_add(s.floor(s.mul(q, s.splat(0.5))), s.splat(-2.0), q);
        let y = s.select(s.eq(odd, s.splat(1.0)), cos, sin);
        s.select(s.le(s.splat(2.0), turn), s.neg(y), y)
    }

    #[inline(always)]
    pub(crate) fn sin<S: Simd>(s: S, x: S::V) -> S::V {
        if s.any(s.lt(s.splat(LARGE_ANGLE), s.abs(x))) {
            return s.map(x, f32::sin);
        }
        let (q, sin, cos) = reduce_angle(s, x);
        quadrant(s, q, sin, cos)
    }

    #[inline(always)]
    pub(crate) fn cos<S: Simd>(s: S, x: S::V) -> S::V {
        if s.any(s.lt(s.splat(LARGE_ANGLE), s.abs(x))) {
            return s.map(x, f32::cos);
        }
        let (q, sin, cos) = reduce_angle(s, x);
        quadrant(s, s.add(q, s.splat(1.0)), sin, cos)
    }

    /// Both, for angles of at most a few turns.
    #[inline(always)]
    pub(crate) fn sin_cos<S: Simd>(s: S, x: S::V) -> (S::V, S::V) {
        let (q, sin, cos) = reduce_angle(s, x);
        (quadrant(s, q, sin, cos), quadrant(s, s.add(q, s.splat(1.0)), sin, cos))
    }

    #[inline(always)]
    pub(crate) fn pow<S: Simd>(s: S, x: S::V, y: S::V) -> S::V {
        let finite = s.splat(f32::MAX);
        let ordinary = s.both(s.le(s.abs(x), finite), s.le(s.abs(y), finite));
        if s.any(s.eq(s.truth(ordinary), s.splat(0.0))) {
            let (bases, exponents) = (s.lanes(x), s.lanes(y));
            let powers: [f32; crate::simd::MAX_LANES] =
                std::array::from_fn(|i| bases[i].powf(exponents[i]));
            // SAFETY: the array has at least LANES elements.
            return unsafe { s.load(powers.as_ptr()) };
        }
        let (zero, one) = (s.splat(0.0), s.splat(1.0));
        let magnitude = s.abs(x);
        // 1. log |x| = e ln 2 + f - f^2/2 + f^3 p as a sum of two numbers, because y multiplies
        //    its error. f and f^2 are exact as one and two numbers.
        let (e, f, p) = reduce_log(s, magnitude);
        let square = s.mul(f, f);
        let square_low = s.fused(f, f, s.neg(square));
        let half = s.mul(square, s.splat(0.5));
        let (a, a_low) = two_sum(s, f, s.neg(half));
        let (b, b_low) = two_sum(s, s.mul(e, s.splat(LN_2_HIGH)), a);
        let low = s.mul_add(s.mul(f, square), p, s.add(a_low, b_low));
        let low = s.mul_add(square_low, s.splat(-0.5), low);
        let low = s.mul_add(e, s.splat(LN_2_LOW), low);
        let (high, low) = two_sum(s, b, low);
        // 2. y log |x| the same way, and its exponential.
        let product = s.mul(y, high);
        let product_low = s.fused(y, high, s.neg(product));
        let product_low = s.fused(y, low, product_low);
        // Where the product overflows, its lower half is meaningless.
        let product_low = s.select(s.lt(s.abs(product), s.splat(200.0)), product_low, zero);
        let power = exp(s, product);
        let power = s.select(
            s.lt(power, s.splat(f32::INFINITY)),
            s.mul_add(power, product_low, power),
            power,
        );
        // 3. Zero, and negative bases: whole exponents only, odd ones keep the sign.
        let is_zero = s.lt(magnitude, s.splat(f32::MIN_POSITIVE));
        let of_zero = s.select(s.lt(y, zero), s.splat(f32::INFINITY), zero);
        let power = s.select(is_zero, of_zero, power);
        let whole = s.eq(s.floor(y), y);
        let half = s.mul(y, s.splat(0.5));
        let odd = s.both(whole, s.ne(s.floor(half), half));
        let signed = s.select(odd, s.copy_sign(power, x), power);
        let undefined = s.both(s.lt(x, zero), s.ne(s.floor(y), y));
        let undefined = s.both(undefined, s.eq(s.truth(is_zero), zero));
        let power = s.select(undefined, s.splat(f32::NAN), signed);
        s.select(s.either(s.eq(y, zero), s.eq(x, one)), one, power)
    }

    /// The rounded sum and what rounding lost (Knuth 1969).
    #[inline(always)]
    fn two_sum<S: Simd>(s: S, a: S::V, b: S::V) -> (S::V, S::V) {
        let sum = s.add(a, b);
        let b_part = s.sub(sum, a);
        let a_part = s.sub(sum, b_part);
        (sum, s.add(s.sub(a, a_part), s.sub(b, b_part)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;

    /// erf in f64: its power series up to 3, the continued fraction of erfc beyond.
    fn erf_f64(x: f64) -> f64 {
        let a = x.abs();
        if a < 3.0 {
            let (mut term, mut sum) = (a, a);
            for n in 1..120 {
                term *= -a * a / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            return (2.0 / std::f64::consts::PI.sqrt() * sum).copysign(x);
        }
        let mut fraction = a;
        for n in (1..60).rev() {
            fraction = a + f64::from(n) / 2.0 / fraction;
        }
        let erfc = (-a * a).exp() / (fraction * std::f64::consts::PI.sqrt());
        (1.0 - erfc).copysign(x)
    }

    /// Magnitudes from 2^-60 to 2^limit, both signs, and the specials.
    fn samples(limit: f32) -> Vec<f32> {
        let mut x = vec![0.0, -0.0, 1.0, -1.0, 0.5, -0.5];
        for i in 0..40_001 {
            let magnitude = (-60.0 + (limit + 60.0) * i as f32 / 40_000.0).exp2();
            x.extend([magnitude, -magnitude]);
        }
        for i in 0..40_000 {
            x.push((i as f32 - 20_000.0) * 0.001);
        }
        x
    }

    fn ulp(exact: f64) -> f64 {
        let magnitude = (exact.abs() as f32).clamp(f32::MIN_POSITIVE, 1e38);
        f64::from(f32::from_bits(magnitude.to_bits() + 1) - magnitude)
    }

    fn check(
        name: &str,
        function: fn(Isa, &mut [f32], &[f32]),
        exact: impl Fn(f64) -> f64,
        limit: f32,
        allowed: impl Fn(f64) -> f64,
    ) {
        let x = samples(limit);
        for isa in Isa::available() {
            let mut y = vec![0.0; x.len()];
            function(isa, &mut y, &x);
            let mut worst = (0.0, 0.0, 0.0, 0.0);
            for (&x, &y) in x.iter().zip(&y) {
                let want = exact(f64::from(x));
                if want.is_nan() {
                    assert!(y.is_nan(), "{name}({x}) = {y} on {isa}");
                } else if want.abs() > f64::from(f32::MAX) {
                    assert!(y.is_infinite() && y > 0.0 || f64::from(y) == want, "{name}({x})={y}");
                } else if want.abs() >= f64::from(f32::MIN_POSITIVE) * 1.0001 {
                    let error = (f64::from(y) - want).abs() / allowed(want);
                    if error > worst.0 {
                        worst = (error, x, y, want as f32);
                    }
                } else {
                    assert!(y.abs() <= 2.0 * f32::MIN_POSITIVE, "{name}({x}) = {y} on {isa}");
                }
            }
            assert!(
                worst.0 <= 1.0,
                "{name}({}) = {} instead of {} on {isa}: {} of the bound",
                worst.1,
                worst.2,
                worst.3,
                worst.0
            );
        }
    }

    #[test]
    fn errors_stay_within_the_stated_bounds() {
        check("exp", exp, f64::exp, 8.0, |y| 2.0 * ulp(y));
        check("expm1", expm1, f64::exp_m1, 8.0, |y| 3.0 * ulp(y));
        check("log", log, f64::ln, 126.0, |y| 2.0 * ulp(y));
        check("log1p", log1p, f64::ln_1p, 126.0, |y| 3.0 * ulp(y));
        check("tanh", tanh, f64::tanh, 10.0, |y| 6.0 * ulp(y));
        check("sigmoid", sigmoid, |x| 1.0 / (1.0 + (-x).exp()), 6.0, |y| 4.0 * ulp(y));
        let softplus_f64 = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
        check("softplus", softplus, softplus_f64, 10.0, |y| 4.0 * ulp(y));
        check("erf", erf, erf_f64, 4.0, |y| 5e-7 * y.abs());
        check("sin", sin, f64::sin, 30.0, |y| {
            2e-7_f64.max(if y.abs() < 1e-3 { 0.0 } else { 2e-7 })
        });
        check("cos", cos, f64::cos, 30.0, |_| 2e-7);
    }

    #[test]
    fn powers_stay_within_the_stated_bound() {
        let mut pairs = Vec::new();
        for i in 0..400 {
            let base = (i as f32 * 0.1 - 20.0).exp2();
            for j in -40..=40 {
                pairs.extend([(base, j as f32 * 0.37), (-base, j as f32), (base, j as f32 * 8.3)]);
            }
        }
        let odd = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -3.0, f32::INFINITY, f32::NEG_INFINITY];
        for a in odd.into_iter().chain([f32::NAN]) {
            for b in odd.into_iter().chain([f32::NAN, 16_777_216.0, 1e30]) {
                pairs.push((a, b));
            }
        }
        let (x, e): (Vec<f32>, Vec<f32>) = pairs.iter().copied().unzip();
        for isa in Isa::available() {
            let mut y = vec![0.0; x.len()];
            pow(isa, &mut y, &x, &e);
            for i in 0..x.len() {
                let want = f64::from(x[i]).powf(f64::from(e[i]));
                let what = format!("{}^{} = {} instead of {want} on {isa}", x[i], e[i], y[i]);
                if want.is_nan() {
                    assert!(y[i].is_nan(), "{what}");
                } else if want.abs() > f64::from(f32::MAX) {
                    assert!(y[i].is_infinite() && (y[i] < 0.0) == (want < 0.0), "{what}");
                } else if want.abs() > 1.2e-38 {
                    assert!((f64::from(y[i]) - want).abs() <= 2e-6 * want.abs(), "{what}");
                } else {
                    assert!(y[i].abs() <= 1.2e-38, "{what}");
                }
            }
        }
    }

    #[test]
    fn special_values_and_every_tail_are_right() {
        let infinity = f32::INFINITY;
        let x = [0.0, infinity, -infinity, f32::NAN];
        let table: [(fn(Isa, &mut [f32], &[f32]), [f32; 4]); 6] = [
            (exp, [1.0, infinity, 0.0, f32::NAN]),
            (log, [-infinity, infinity, f32::NAN, f32::NAN]),
            (tanh, [0.0, 1.0, -1.0, f32::NAN]),
            (sigmoid, [0.5, 1.0, 0.0, f32::NAN]),
            (erf, [0.0, 1.0, -1.0, f32::NAN]),
            (expm1, [0.0, infinity, -1.0, f32::NAN]),
        ];
        for isa in Isa::available() {
            for (which, (function, want)) in table.iter().enumerate() {
                let mut y = [7.0; 4];
                function(isa, &mut y, &x);
                for i in 0..4 {
                    let same = (y[i] - want[i]).abs() < 1e-6
                        || y[i] == want[i]
                        || y[i].is_nan() && want[i].is_nan();
                    assert!(same, "function {which} of {} = {} on {isa}", x[i], y[i]);
                }
            }
            for n in [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 1000] {
                let x: Vec<f32> = (0..n).map(|i| i as f32 * 0.01).collect();
                let mut y = vec![0.0; n];
                exp(isa, &mut y, &x);
                assert!(x.iter().zip(&y).all(|(x, y)| (x.exp() - y).abs() <= 1e-6 * y));
            }
        }
    }
}
