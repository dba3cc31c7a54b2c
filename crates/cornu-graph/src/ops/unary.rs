use cornu_tensor::{Array, Shape};

use super::{EvalCx, OpDef, operands};
use crate::{GradientCx, GraphError};

/// The same function of every element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unary(pub UnaryKind);

/// Functions of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnaryKind {
    /// `-x`
    Neg,
    /// `|x|`
    Abs,
    /// -1, 0 or 1
    Sign,
    /// `e^x`
    Exp,
    /// `e^x - 1`, exact near 0
    Expm1,
    /// Natural logarithm
    Log,
    /// `log(1 + x)`, exact near 0
    Log1p,
    /// `sqrt(x)`
    Sqrt,
    /// `1 / sqrt(x)`
    Rsqrt,
    /// `1 / x`
    Reciprocal,
    /// `x * x`
    Square,
    /// `tanh(x)`
    Tanh,
    /// `1 / (1 + e^-x)`
    Sigmoid,
    /// `log(1 + e^x)`
    Softplus,
    /// `max(x, 0)`
    Relu,
    /// The error function
    Erf,
    /// Largest whole number not above
    Floor,
    /// Smallest whole number not below
    Ceil,
    /// Nearest whole number, halves to even
    Round,
    /// `sin(x)`, radians
    Sin,
    /// `cos(x)`, radians
    Cos,
    /// 1 where `x` is 0, else 0
    Not,
    /// 1 where `x` is not a number, else 0
    IsNan,
    /// 1 where `x` is neither infinite nor NaN, else 0
    IsFinite,
}

impl UnaryKind {
    /// The function itself.
    pub fn apply(self, x: f64) -> f64 {
        let truth = |is: bool| if is { 1.0 } else { 0.0 };
        match self {
            Self::Neg => -x,
            Self::Abs => x.abs(),
            Self::Sign if x == 0.0 || x.is_nan() => x,
            Self::Sign => x.signum(),
            Self::Exp => x.exp(),
            Self::Expm1 => x.exp_m1(),
            Self::Log => x.ln(),
            Self::Log1p => x.ln_1p(),
            Self::Sqrt => x.sqrt(),
            Self::Rsqrt => 1.0 / x.sqrt(),
            Self::Reciprocal => 1.0 / x,
            Self::Square => x * x,
            Self::Tanh => x.tanh(),
            // Both branches keep the exponential below 1, so neither overflows.
            Self::Sigmoid if x < 0.0 => x.exp() / (1.0 + x.exp()),
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            Self::Relu if x.is_nan() => x,
            Self::Relu => x.max(0.0),
            Self::Erf => erf(x),
            Self::Floor => x.floor(),
            Self::Ceil => x.ceil(),
            Self::Round => x.round_ties_even(),
            Self::Sin => x.sin(),
            Self::Cos => x.cos(),
            Self::Not => truth(x == 0.0),
            Self::IsNan => truth(x.is_nan()),
            Self::IsFinite => truth(x.is_finite()),
        }
    }

    /// Its name in dumps.
    pub fn name(self) -> &'static str {
        match self {
            Self::Neg => "neg",
            Self::Abs => "abs",
            Self::Sign => "sign",
            Self::Exp => "exp",
            Self::Expm1 => "expm1",
            Self::Log => "log",
            Self::Log1p => "log1p",
            Self::Sqrt => "sqrt",
            Self::Rsqrt => "rsqrt",
            Self::Reciprocal => "reciprocal",
            Self::Square => "square",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Softplus => "softplus",
            Self::Relu => "relu",
            Self::Erf => "erf",
            Self::Floor => "floor",
            Self::Ceil => "ceil",
            Self::Round => "round",
            Self::Sin => "sin",
            Self::Cos => "cos",
            Self::Not => "not",
            Self::IsNan => "is_nan",
            Self::IsFinite => "is_finite",
        }
    }
}

impl OpDef for Unary {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [x] = operands(self.name(), inputs)?;
        Ok(x.clone())
    }

    /// Written with the output `y` where that is enough, so that `x` need not be kept.
    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        use UnaryKind as K;
        let (x, y, dy) = (cx.input(0), cx.output(), cx.d_output());
        let g = &mut *cx.graph;
        let dx = match self.0 {
            K::Neg => g.neg(dy)?,
            K::Abs => {
                let sign = g.unary(K::Sign, x)?;
                g.mul(dy, sign)?
            }
            K::Exp => g.mul(dy, y)?,
            K::Expm1 => {
                let slope = g.add_scalar(y, 1.0)?;
                g.mul(dy, slope)?
            }
            K::Log => g.div(dy, x)?,
            K::Log1p => {
                let below = g.add_scalar(x, 1.0)?;
                g.div(dy, below)?
            }
            K::Sqrt => {
                let half = g.mul_scalar(dy, 0.5)?;
                g.div(half, y)?
            }
            K::Rsqrt => {
                // d x^(-1/2) = -1/2 x^(-3/2) = -1/2 y^3
                let square = g.square(y)?;
                let cube = g.mul(square, y)?;
                let slope = g.mul_scalar(cube, -0.5)?;
                g.mul(dy, slope)?
            }
            K::Reciprocal => {
                let square = g.square(y)?;
                let slope = g.neg(square)?;
                g.mul(dy, slope)?
            }
            K::Square => {
                let slope = g.mul_scalar(x, 2.0)?;
                g.mul(dy, slope)?
            }
            K::Tanh => {
                let square = g.square(y)?;
                let slope = g.scalar_sub(1.0, square)?;
                g.mul(dy, slope)?
            }
            K::Sigmoid => {
                let rest = g.scalar_sub(1.0, y)?;
                let slope = g.mul(y, rest)?;
                g.mul(dy, slope)?
            }
            K::Softplus => {
                let slope = g.unary(K::Sigmoid, x)?;
                g.mul(dy, slope)?
            }
            K::Relu => {
                let zero = g.scalar(0.0)?;
                let alive = g.greater(y, zero)?;
                // A select, not a product: an infinite gradient of a dead unit stays 0.
                g.select(alive, dy, zero)?
            }
            K::Erf => {
                let square = g.square(x)?;
                let exponent = g.neg(square)?;
                let bell = g.exp(exponent)?;
                let slope = g.mul_scalar(bell, std::f64::consts::FRAC_2_SQRT_PI)?;
                g.mul(dy, slope)?
            }
            K::Sin => {
                let slope = g.unary(K::Cos, x)?;
                g.mul(dy, slope)?
            }
            K::Cos => {
                let sine = g.unary(K::Sin, x)?;
                let slope = g.neg(sine)?;
                g.mul(dy, slope)?
            }
            // Constant between their jumps.
            K::Sign | K::Floor | K::Ceil | K::Round | K::Not | K::IsNan | K::IsFinite => {
                return Ok(());
            }
        };
        cx.add_to_input(0, dx)
    }

    fn evaluate(&self, inputs: &[&Array<f64>], _cx: &EvalCx<'_>) -> Array<f64> {
        inputs[0].map(|&x| self.0.apply(x))
    }
}

/// The error function to about 1e-16: Taylor's series near 0, a continued fraction for
/// `erfc` beyond (Abramowitz and Stegun 1964, 7.1.6 and 7.1.14).
fn erf(x: f64) -> f64 {
    let size = x.abs();
    if x.is_nan() {
        return x;
    }
    let value = if size < 3.0 {
        // erf(x) = 2/sqrt(pi) e^(-x^2) sum 2^n x^(2n+1) / (1 3 5 ... (2n+1))
        let mut term = size;
        let mut sum = size;
        let mut n = 1.0;
        while sum + term != sum {
            term *= 2.0 * size * size / (2.0 * n + 1.0);
            sum += term;
            n += 1.0;
        }
        std::f64::consts::FRAC_2_SQRT_PI * (-size * size).exp() * sum
    } else if size < 6.0 {
        let mut fraction = 0.0;
        for k in (1..=60).rev() {
            fraction = 0.5 * f64::from(k) / (size + fraction);
        }
        1.0 - 0.5 * std::f64::consts::FRAC_2_SQRT_PI * (-size * size).exp() / (size + fraction)
    } else {
        1.0
    };
    value.copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erf_meets_its_known_values() {
        for (x, y) in [
            (0.0, 0.0),
            (0.5, 0.520_499_877_813_046_5),
            (1.0, 0.842_700_792_949_714_9),
            (2.9, 0.999_958_902_121_900_5),
            (3.1, 0.999_988_351_342_632_8),
            (7.0, 1.0),
        ] {
            assert!((erf(x) - y).abs() < 1e-15, "{x}: {} {y}", erf(x));
            assert!((erf(-x) + y).abs() < 1e-15);
        }
    }

    #[test]
    fn extremes_stay_finite() {
        for x in [-1e4, 1e4] {
            assert!(UnaryKind::Sigmoid.apply(x).is_finite());
            assert!(UnaryKind::Softplus.apply(x).is_finite());
        }
        assert!(UnaryKind::Relu.apply(f64::NAN).is_nan());
    }
}
