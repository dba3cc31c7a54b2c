use cornu_tensor::{Array, Dim, Shape};

use super::{EvalCx, OpDef, broadcast_strides, for_each_offset, operands, shape_error};
use crate::{GradientCx, Graph, GraphError, ValueId};

/// The same function of every pair of elements; shapes are broadcast as in NumPy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binary(pub BinaryKind);

/// Functions of two numbers. Comparisons give 1 for true and 0 for false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "NumPy's words for what they say")]
pub enum BinaryKind {
    Add,
    Sub,
    Mul,
    Div,
    /// The larger; NaN if either is.
    Max,
    /// The smaller; NaN if either is.
    Min,
    Pow,
    /// `a - b * floor(a / b)`: the sign of `b`.
    Mod,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

impl BinaryKind {
    /// The function itself.
    pub fn apply(self, a: f64, b: f64) -> f64 {
        let truth = |is: bool| if is { 1.0 } else { 0.0 };
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Max if a.is_nan() || b.is_nan() => f64::NAN,
            Self::Max => a.max(b),
            Self::Min if a.is_nan() || b.is_nan() => f64::NAN,
            Self::Min => a.min(b),
            Self::Pow => a.powf(b),
            Self::Mod => a - b * (a / b).floor(),
            Self::Less => truth(a < b),
            Self::LessEqual => truth(a <= b),
            Self::Greater => truth(a > b),
            Self::GreaterEqual => truth(a >= b),
            Self::Equal => truth(a == b),
            Self::NotEqual => truth(a != b),
            Self::And => truth(a != 0.0 && b != 0.0),
            Self::Or => truth(a != 0.0 || b != 0.0),
        }
    }

    /// Its name in dumps.
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
            Self::Max => "max",
            Self::Min => "min",
            Self::Pow => "pow",
            Self::Mod => "mod",
            Self::Less => "less",
            Self::LessEqual => "less_equal",
            Self::Greater => "greater",
            Self::GreaterEqual => "greater_equal",
            Self::Equal => "equal",
            Self::NotEqual => "not_equal",
            Self::And => "and",
            Self::Or => "or",
        }
    }
}

impl OpDef for Binary {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [a, b] = operands(self.name(), inputs)?;
        broadcast(a, b)
            .ok_or_else(|| shape_error(self.name(), "shapes that broadcast to one another", inputs))
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        use BinaryKind as K;
        let (a, b, dy) = (cx.input(0), cx.input(1), cx.d_output());
        if cx.needs(0) {
            let g = &mut *cx.graph;
            let da = match self.0 {
                K::Add | K::Sub => Some(dy),
                K::Mul => Some(g.mul(dy, b)?),
                K::Div => Some(g.div(dy, b)?),
                // A tie goes to the first, as in Keras on TensorFlow.
                K::Max => Some(where_true(g, K::GreaterEqual, a, b, dy)?),
                K::Min => Some(where_true(g, K::LessEqual, a, b, dy)?),
                K::Pow => {
                    let exponent = g.add_scalar(b, -1.0)?;
                    let power = g.binary(K::Pow, a, exponent)?;
                    let slope = g.mul(b, power)?;
                    Some(g.mul(dy, slope)?)
                }
                K::Mod => Some(dy),
                _ => None,
            };
            add_broadcast(cx, 0, da)?;
        }
        if cx.needs(1) {
            let y = cx.output();
            let g = &mut *cx.graph;
            let db = match self.0 {
                K::Add => Some(dy),
                K::Sub => Some(g.neg(dy)?),
                K::Mul => Some(g.mul(dy, a)?),
                K::Div => {
                    // d(a / b) / db = -(a / b) / b
                    let ratio = g.div(y, b)?;
                    let slope = g.neg(ratio)?;
                    Some(g.mul(dy, slope)?)
                }
                K::Max => Some(where_true(g, K::Less, a, b, dy)?),
                K::Min => Some(where_true(g, K::Greater, a, b, dy)?),
                K::Pow => {
                    // y log(a); 0 where a is not positive and the logarithm does not exist.
                    let (zero, one) = (g.scalar(0.0)?, g.scalar(1.0)?);
                    let positive = g.greater(a, zero)?;
                    let safe = g.select(positive, a, one)?;
                    let log = g.log(safe)?;
                    let slope = g.mul(y, log)?;
                    Some(g.mul(dy, slope)?)
                }
                K::Mod => return Err(cx.no_gradient()),
                _ => None,
            };
            add_broadcast(cx, 1, db)?;
        }
        Ok(())
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let (a, b) = (inputs[0], inputs[1]);
        if a.dims() == cx.dims && b.dims() == cx.dims {
            return Array::from_fn(cx.dims, |i| self.0.apply(a.data()[i], b.data()[i]));
        }
        let a_strides = broadcast_strides(a.dims(), cx.dims);
        let b_strides = broadcast_strides(b.dims(), cx.dims);
        let mut y = Vec::with_capacity(cx.dims.iter().product());
        for_each_offset(cx.dims, [&a_strides, &b_strides], |[i, j]| {
            y.push(self.0.apply(a.data()[i], b.data()[j]));
        });
        Array::from_fn(cx.dims, |i| y[i])
    }
}

/// `dy` where the comparison holds, else 0.
fn where_true(
    g: &mut Graph,
    comparison: BinaryKind,
    a: ValueId,
    b: ValueId,
    dy: ValueId,
) -> Result<ValueId, GraphError> {
    let holds = g.binary(comparison, a, b)?;
    let zero = g.scalar(0.0)?;
    g.select(holds, dy, zero)
}

/// Adds a gradient that has the output's shape to an operand that was broadcast to it.
pub(super) fn add_broadcast(
    cx: &mut GradientCx<'_>,
    index: usize,
    gradient: Option<ValueId>,
) -> Result<(), GraphError> {
    let Some(gradient) = gradient else { return Ok(()) };
    let shape = cx.graph.shape(cx.input(index)).clone();
    let gradient = cx.graph.sum_to(gradient, &shape)?;
    cx.add_to_input(index, gradient)
}

/// The shape that two shapes broadcast to, if they do. Missing axes count as 1.
pub(crate) fn broadcast(a: &Shape, b: &Shape) -> Option<Shape> {
    let rank = a.rank().max(b.rank());
    let dim = |shape: &Shape, axis: usize| {
        (axis + shape.rank()).checked_sub(rank).map_or(Dim::Fixed(1), |own| shape.dims()[own])
    };
    (0..rank)
        .map(|axis| match (dim(a, axis), dim(b, axis)) {
            (a, b) if a == b => Some(a),
            (Dim::Fixed(1), other) | (other, Dim::Fixed(1)) => Some(other),
            _ => None,
        })
        .collect::<Option<Vec<_>>>()
        .map(Shape::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_broadcast_as_in_numpy() {
        let n = |sample: &[usize]| Shape::batched(sample);
        assert_eq!(broadcast(&n(&[4, 3]), &Shape::fixed([3])), Some(n(&[4, 3])));
        assert_eq!(broadcast(&n(&[1, 3]), &n(&[4, 1])), Some(n(&[4, 3])));
        assert_eq!(broadcast(&n(&[4]), &Shape::scalar()), Some(n(&[4])));
        assert_eq!(broadcast(&Shape::fixed([1, 4]), &n(&[4])), Some(n(&[4])));
        assert_eq!(broadcast(&n(&[4]), &Shape::fixed([2, 4])), None);
    }

    #[test]
    fn floor_mod_takes_the_sign_of_the_divisor() {
        assert_eq!(BinaryKind::Mod.apply(-1.0, 3.0), 2.0);
        assert_eq!(BinaryKind::Mod.apply(1.0, -3.0), -2.0);
    }
}
