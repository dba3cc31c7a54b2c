use cornu_tensor::{Array, Dim, Shape};

use super::{EvalCx, OpDef, shape_error};
use crate::{GradientCx, GraphError};

/// The operands one after the other along `axis`, which is not the samples' axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concat {
    /// Counted from the front.
    pub axis: usize,
}

impl OpDef for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn attributes(&self) -> String {
        format!("axis={}", self.axis)
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let wrong =
            || shape_error(self.name(), format!("shapes alike but for axis {}", self.axis), inputs);
        let first = *inputs.first().ok_or_else(wrong)?;
        let mut total = 0;
        for input in inputs {
            let size = input.dims().get(self.axis).and_then(|dim| dim.fixed()).ok_or_else(wrong)?;
            if input.with(self.axis, Dim::Fixed(0)) != first.with(self.axis, Dim::Fixed(0)) {
                return Err(wrong());
            }
            total += size;
        }
        Ok(first.with(self.axis, Dim::Fixed(total)))
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let mut start = 0;
        for index in 0..cx.n_inputs() {
            let size = cx.graph.shape(cx.input(index)).dims()[self.axis].size(1);
            if cx.needs(index) {
                let dx = cx.graph.slice(cx.d_output(), self.axis, start, size, 1)?;
                cx.add_to_input(index, dx)?;
            }
            start += size;
        }
        Ok(())
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let n_outer: usize = cx.dims[..self.axis].iter().product();
        let mut y = Vec::with_capacity(cx.dims.iter().product());
        for outer in 0..n_outer {
            for input in inputs {
                let n: usize = input.dims()[self.axis..].iter().product();
                y.extend_from_slice(&input.data()[outer * n..(outer + 1) * n]);
            }
        }
        Array::from_fn(cx.dims, |i| y[i])
    }
}
