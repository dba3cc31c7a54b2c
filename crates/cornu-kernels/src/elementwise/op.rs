//! The operations of a program, on one block.

use crate::math::vector;
use crate::simd::Simd;

/// Operations of one number. Truth values are 1 and 0; what is not 0 counts as true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unary {
    /// `-x`.
    Neg,
    /// `|x|`.
    Abs,
    /// -1, 0 or 1; NaN of NaN.
    Sign,
    /// `e^x`.
    Exp,
    /// `e^x - 1`, also near 0.
    Expm1,
    /// Natural logarithm.
    Log,
    /// `log(1 + x)`, also near 0.
    Log1p,
    /// Square root.
    Sqrt,
    /// `1 / sqrt(x)`.
    Rsqrt,
    /// `1 / x`.
    Reciprocal,
    /// `x * x`.
    Square,
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + e^-x)`.
    Sigmoid,
    /// `log(1 + e^x)`.
    Softplus,
    /// `max(x, 0)`; NaN of NaN.
    Relu,
    /// The error function.
    Erf,
    /// The next whole number below.
    Floor,
    /// The next whole number above.
    Ceil,
    /// The nearest whole number, halves to even.
    Round,
    /// Sine.
    Sin,
    /// Cosine.
    Cos,
    /// `x == 0`.
    Not,
    /// Whether x is NaN.
    IsNan,
    /// Whether x is neither infinite nor NaN.
    IsFinite,
}

/// Operations of two numbers. Comparisons give 1 or 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Binary {
    /// `a + b`.
    Add,
    /// `a - b`.
    Sub,
    /// `a * b`.
    Mul,
    /// `a / b`.
    Div,
    /// The larger; NaN if either is.
    Max,
    /// The smaller; NaN if either is.
    Min,
    /// `a^b`.
    Pow,
    /// `a - b * floor(a / b)`, with the sign of b.
    Mod,
    /// `a < b`.
    Less,
    /// `a <= b`.
    LessEqual,
    /// `a > b`.
    Greater,
    /// `a >= b`.
    GreaterEqual,
    /// `a == b`.
    Equal,
    /// `a != b`, true for NaN.
    NotEqual,
    /// Whether both are not 0.
    And,
    /// Whether one is not 0.
    Or,
    /// `a > 0 ? b : 0`: what the gradient of ReLU does.
    Gate,
}

/// Operations of three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ternary {
    /// `a * b + c`, rounded once or twice, whichever is fast.
    MulAdd,
    /// `(a - b) * c`.
    SubMul,
}

/// Runs `$value` for `$n` elements: `$arg` is a vector of the numbers at `$from`.
macro_rules! each {
    ($s:ident, $y:ident, $n:ident, |$($arg:ident = $from:ident),+| $value:expr) => {{
        let mut i = 0;
        while i + S::LANES <= $n {
            // SAFETY: LANES elements from i on lie inside, by the caller's promise.
            unsafe {
                $(let $arg = $s.load($from.add(i));)+
                $s.store($y.add(i), $value);
            }
            i += S::LANES;
        }
        if i < $n {
            // SAFETY: the remaining elements lie inside, by the caller's promise.
            unsafe {
                $(let $arg = $s.load_first($from.add(i), $n - i);)+
                $s.store_first($y.add(i), $n - i, $value);
            }
        }
    }};
}

/// `y[i] = x[i]`.
///
/// # Safety
/// n numbers at x are readable and n at y writable; y is x, or they do not overlap.
#[inline(always)]
pub(super) unsafe fn copy<S: Simd>(s: S, y: *mut f32, x: *const f32, n: usize) {
    each!(s, y, n, |v = x| v)
}

/// `y[i] = op(x[i])`.
///
/// # Safety
/// n numbers at x are readable and n at y writable; y is x, or they do not overlap.
#[inline(always)]
pub(super) unsafe fn unary<S: Simd>(s: S, op: Unary, y: *mut f32, x: *const f32, n: usize) {
    let (zero, one) = (s.splat(0.0), s.splat(1.0));
    match op {
        Unary::Neg => each!(s, y, n, |v = x| s.neg(v)),
        Unary::Abs => each!(s, y, n, |v = x| s.abs(v)),
        Unary::Sign => each!(s, y, n, |v = x| {
            s.select(s.either(s.lt(v, zero), s.lt(zero, v)), s.copy_sign(one, v), v)
        }),
        Unary::Exp => each!(s, y, n, |v = x| vector::exp(s, v)),
        Unary::Expm1 => each!(s, y, n, |v = x| vector::expm1(s, v)),
        Unary::Log => each!(s, y, n, |v = x| vector::log(s, v)),
        Unary::Log1p => each!(s, y, n, |v = x| vector::log1p(s, v)),
        Unary::Sqrt => each!(s, y, n, |v = x| s.sqrt(v)),
        Unary::Rsqrt => each!(s, y, n, |v = x| s.div(one, s.sqrt(v))),
        Unary::Reciprocal => each!(s, y, n, |v = x| s.div(one, v)),
        Unary::Square => each!(s, y, n, |v = x| s.mul(v, v)),
        Unary::Tanh => each!(s, y, n, |v = x| vector::tanh(s, v)),
        Unary::Sigmoid => each!(s, y, n, |v = x| vector::sigmoid(s, v)),
        Unary::Softplus => each!(s, y, n, |v = x| vector::softplus(s, v)),
        Unary::Relu => each!(s, y, n, |v = x| s.max(zero, v)),
        Unary::Erf => each!(s, y, n, |v = x| vector::erf(s, v)),
        Unary::Floor => each!(s, y, n, |v = x| s.floor(v)),
        Unary::Ceil => each!(s, y, n, |v = x| s.ceil(v)),
        Unary::Round => each!(s, y, n, |v = x| s.round(v)),
        Unary::Sin => each!(s, y, n, |v = x| vector::sin(s, v)),
        Unary::Cos => each!(s, y, n, |v = x| vector::cos(s, v)),
        Unary::Not => each!(s, y, n, |v = x| s.truth(s.eq(v, zero))),
        Unary::IsNan => each!(s, y, n, |v = x| s.truth(s.ne(v, v))),
        Unary::IsFinite => {
            each!(s, y, n, |v = x| s.truth(s.le(s.abs(v), s.splat(f32::MAX))))
        }
    }
}

/// `y[i] = op(a[i], b[i])`.
///
/// # Safety
/// n numbers at a and b are readable and n at y writable; y is one of them or overlaps neither.
#[inline(always)]
pub(super) unsafe fn binary<S: Simd>(
    s: S,
    op: Binary,
    y: *mut f32,
    a: *const f32,
    b: *const f32,
    n: usize,
) {
    let zero = s.splat(0.0);
    match op {
        Binary::Add => each!(s, y, n, |u = a, v = b| s.add(u, v)),
        Binary::Sub => each!(s, y, n, |u = a, v = b| s.sub(u, v)),
        Binary::Mul => each!(s, y, n, |u = a, v = b| s.mul(u, v)),
        Binary::Div => each!(s, y, n, |u = a, v = b| s.div(u, v)),
        Binary::Max => each!(s, y, n, |u = a, v = b| s.max_nan(u, v)),
        Binary::Min => each!(s, y, n, |u = a, v = b| s.min_nan(u, v)),
        Binary::Pow => each!(s, y, n, |u = a, v = b| vector::pow(s, u, v)),
        Binary::Mod => each!(s, y, n, |u = a, v = b| floor_mod(s, u, v)),
        Binary::Less => each!(s, y, n, |u = a, v = b| s.truth(s.lt(u, v))),
        Binary::LessEqual => each!(s, y, n, |u = a, v = b| s.truth(s.le(u, v))),
        Binary::Greater => each!(s, y, n, |u = a, v = b| s.truth(s.lt(v, u))),
        Binary::GreaterEqual => each!(s, y, n, |u = a, v = b| s.truth(s.le(v, u))),
        Binary::Equal => each!(s, y, n, |u = a, v = b| s.truth(s.eq(u, v))),
        Binary::NotEqual => each!(s, y, n, |u = a, v = b| s.truth(s.ne(u, v))),
        Binary::And => {
            each!(s, y, n, |u = a, v = b| s.truth(s.both(s.ne(u, zero), s.ne(v, zero))))
        }
        Binary::Or => {
            each!(s, y, n, |u = a, v = b| s.truth(s.either(s.ne(u, zero), s.ne(v, zero))))
        }
        Binary::Gate => each!(s, y, n, |u = a, v = b| s.select(s.lt(zero, u), v, zero)),
    }
}

/// `y[i] = op(a[i], b[i], c[i])`.
///
/// # Safety
/// n numbers at a, b and c are readable and n at y writable; y is one of them or overlaps none.
#[inline(always)]
pub(super) unsafe fn ternary<S: Simd>(
    s: S,
    op: Ternary,
    y: *mut f32,
    [a, b, c]: [*const f32; 3],
    n: usize,
) {
    match op {
        Ternary::MulAdd => each!(s, y, n, |u = a, v = b, w = c| s.mul_add(u, v, w)),
        Ternary::SubMul => each!(s, y, n, |u = a, v = b, w = c| s.mul(s.sub(u, v), w)),
    }
}

/// `y[i] = c[i] != 0 ? a[i] : b[i]`.
///
/// # Safety
/// n numbers at a, b and c are readable and n at y writable; y is one of them or overlaps none.
#[inline(always)]
pub(super) unsafe fn select<S: Simd>(
    s: S,
    y: *mut f32,
    c: *const f32,
    a: *const f32,
    b: *const f32,
    n: usize,
) {
    let zero = s.splat(0.0);
    each!(s, y, n, |w = c, u = a, v = b| s.select(s.ne(w, zero), u, v))
}

#[inline(always)]
fn floor_mod<S: Simd>(s: S, a: S::V, b: S::V) -> S::V {
    let zero = s.splat(0.0);
    let r = s.fused(s.neg(s.floor(s.div(a, b))), b, a);
    // A rounded quotient may be one off: then the rest has the wrong sign, or is as large as b.
    let wrong_sign = s.both(s.ne(r, zero), s.lt(s.mul(r, s.copy_sign(s.splat(1.0), b)), zero));
    let r = s.select(wrong_sign, s.add(r, b), r);
    s.select(s.le(s.abs(b), s.abs(r)), s.sub(r, b), r)
}
