use cornu_tensor::{Array, Dim, Shape};

use super::{EvalCx, OpDef, operands, shape_error};
use crate::{GradientCx, GraphError};

/// Zeros before, after and between the elements along `axis`, which is not the samples'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pad {
    /// Counted from the front.
    pub axis: usize,
    /// Zeros in front.
    pub before: usize,
    /// Zeros at the end.
    pub after: usize,
    /// Zeros between two neighbours.
    pub between: usize,
}

impl OpDef for Pad {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn attributes(&self) -> String {
        format!(
            "axis={} before={} after={} between={}",
            self.axis, self.before, self.after, self.between
        )
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [x] = operands(self.name(), inputs)?;
        match x.dims().get(self.axis) {
            Some(&Dim::Fixed(size)) => {
                let inside = size + size.saturating_sub(1) * self.between;
                Ok(x.with(self.axis, Dim::Fixed(self.before + inside + self.after)))
            }
            _ => {
                let expected = format!("axis {} of known size", self.axis);
                Err(shape_error(self.name(), expected, inputs))
            }
        }
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let size = cx.graph.shape(cx.input(0)).dims()[self.axis].size(1);
        let dx = cx.graph.slice(cx.d_output(), self.axis, self.before, size, self.between + 1)?;
        cx.add_to_input(0, dx)
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let x = inputs[0];
        let (n_in, n_out) = (x.dims()[self.axis], cx.dims[self.axis]);
        let n_inner: usize = cx.dims[self.axis + 1..].iter().product();
        let n_outer: usize = cx.dims[..self.axis].iter().product();
        let mut y = Array::zeros(cx.dims);
        for outer in 0..n_outer {
            for position in 0..n_in {
                let to = (outer * n_out + self.before + position * (self.between + 1)) * n_inner;
                let from = (outer * n_in + position) * n_inner;
                y.data_mut()[to..to + n_inner].copy_from_slice(&x.data()[from..from + n_inner]);
            }
        }
        y
    }
}
