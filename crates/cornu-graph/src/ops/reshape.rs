use cornu_tensor::{Array, Dim, Shape};

use super::{EvalCx, OpDef, operands, shape_error};
use crate::{GradientCx, GraphError};

/// The same elements in the same order with other axes. The samples stay apart: if the operand is
/// batched, so is the result, though one axis may count several rows of each sample (`Batch(k)`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reshape {
    /// The new shape.
    pub shape: Shape,
}

impl OpDef for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [x] = operands(self.name(), inputs)?;
        if x.is_batched() != self.shape.is_batched()
            || x.n_per_sample() != self.shape.n_per_sample()
            || self.shape.dims().iter().skip(1).any(|dim| matches!(dim, Dim::Batch(_)))
        {
            let expected = format!("as many elements as {} has", self.shape);
            return Err(shape_error(self.name(), expected, inputs));
        }
        Ok(self.shape.clone())
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let shape = cx.graph.shape(cx.input(0)).clone();
        let dx = cx.graph.reshape(cx.d_output(), shape)?;
        cx.add_to_input(0, dx)
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        Array::from_fn(cx.dims, |i| inputs[0].data()[i])
    }
}
