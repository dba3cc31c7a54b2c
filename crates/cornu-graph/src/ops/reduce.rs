use cornu_tensor::{Array, Dim, Shape};

use super::{EvalCx, OpDef, broadcast_strides, for_each_offset, operands, shape_error};
use crate::{GradientCx, GraphError};

/// One number for all elements along `axes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reduce {
    /// Which number.
    pub kind: ReduceKind,
    /// Axes to go over, rising, counted from the front.
    pub axes: Vec<usize>,
    /// Whether those axes stay, with size 1. The samples' axis cannot.
    pub keep_dims: bool,
}

/// What a [`Reduce`] computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReduceKind {
    /// Sum; 0 of nothing.
    Sum,
    /// Maximum; minus infinity of nothing.
    Max,
    /// Minimum; infinity of nothing.
    Min,
}

impl Reduce {
    /// Shape with the reduced axes as 1.
    pub(super) fn kept(&self, x: &Shape) -> Shape {
        self.axes.iter().fold(x.clone(), |shape, &axis| shape.with(axis, Dim::Fixed(1)))
    }
}

impl OpDef for Reduce {
    fn name(&self) -> &'static str {
        match self.kind {
            ReduceKind::Sum => "reduce_sum",
            ReduceKind::Max => "reduce_max",
            ReduceKind::Min => "reduce_min",
        }
    }

    fn attributes(&self) -> String {
        format!("axes={:?} keep_dims={}", self.axes, self.keep_dims)
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [x] = operands(self.name(), inputs)?;
        let rising = self.axes.windows(2).all(|pair| pair[0] < pair[1]);
        if !rising || self.axes.last().is_some_and(|&axis| x.rank() <= axis) {
            let expected = format!("different rising axes, {:?}, within the rank", self.axes);
            return Err(shape_error(self.name(), expected, inputs));
        }
        if self.keep_dims {
            return Ok(self.kept(x));
        }
        let left = (0..x.rank()).filter(|axis| !self.axes.contains(axis));
        Ok(Shape::new(left.map(|axis| x.dims()[axis]).collect::<Vec<_>>()))
    }

    /// Sum: `dx = dy` everywhere. Maximum and minimum: shared evenly among all that attain it.
    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let (x, y, dy) = (cx.input(0), cx.output(), cx.d_output());
        let shape = cx.graph.shape(x).clone();
        let kept = self.kept(&shape);
        let g = &mut *cx.graph;
        let mut dy = if self.keep_dims { dy } else { g.reshape_kept(dy, &kept)? };
        let dx = if self.kind == ReduceKind::Sum {
            g.broadcast_to(dy, shape)?
        } else {
            let y = if self.keep_dims { y } else { g.reshape_kept(y, &kept)? };
            let attains = g.binary(super::BinaryKind::Equal, x, y)?;
            let n = g.sum(attains, &self.axes, true)?;
            dy = g.div(dy, n)?;
            g.mul(attains, dy)?
        };
        cx.add_to_input(0, dx)
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let x = inputs[0];
        let mut kept = x.dims().to_vec();
        for &axis in &self.axes {
            kept[axis] = 1;
        }
        let strides = broadcast_strides(&kept, x.dims());
        let (start, combine): (f64, fn(f64, f64) -> f64) = match self.kind {
            ReduceKind::Sum => (0.0, |a, b| a + b),
            ReduceKind::Max => (f64::NEG_INFINITY, |a, b| super::BinaryKind::Max.apply(a, b)),
            ReduceKind::Min => (f64::INFINITY, |a, b| super::BinaryKind::Min.apply(a, b)),
        };
        let mut y = Array::full(cx.dims, start);
        let mut elements = x.data().iter();
        for_each_offset(x.dims(), [&strides], |[i]| {
            if let Some(&x) = elements.next() {
                let to = &mut y.data_mut()[i];
                *to = combine(*to, x);
            }
        });
        y
    }
}
