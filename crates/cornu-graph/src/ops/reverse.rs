use cornu_tensor::{Array, Dim, Shape};

use super::{EvalCx, OpDef, operands, shape_error};
use crate::{GradientCx, GraphError};

/// Elements along `axis` in the opposite order; not the samples' axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reverse {
    /// Counted from the front.
    pub axis: usize,
}

impl OpDef for Reverse {
    fn name(&self) -> &'static str {
        "reverse"
    }

    fn attributes(&self) -> String {
        format!("axis={}", self.axis)
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [x] = operands(self.name(), inputs)?;
        match x.dims().get(self.axis) {
            Some(Dim::Fixed(_)) => Ok(x.clone()),
            _ => Err(shape_error(self.name(), format!("axis {} of known size", self.axis), inputs)),
        }
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let dx = cx.graph.reverse(cx.d_output(), self.axis)?;
        cx.add_to_input(0, dx)
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let n_inner: usize = cx.dims[self.axis + 1..].iter().product();
        let n = cx.dims[self.axis];
        Array::from_fn(cx.dims, |i| {
            let (inner, rest) = (i % n_inner, i / n_inner);
            let (position, outer) = (rest % n, rest / n);
            inputs[0].data()[(outer * n + n - 1 - position) * n_inner + inner]
        })
    }
}
