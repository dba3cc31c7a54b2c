use cornu_tensor::{Array, Shape};

use super::binary::broadcast;
use super::{EvalCx, OpDef, broadcast_strides, for_each_offset, operands, shape_error};
use crate::{GradientCx, GraphError};

/// Repeats the operand along axes of size 1 and missing leading axes, as in NumPy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BroadcastTo {
    /// The shape to fill.
    pub shape: Shape,
}

impl OpDef for BroadcastTo {
    fn name(&self) -> &'static str {
        "broadcast_to"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [x] = operands(self.name(), inputs)?;
        if broadcast(x, &self.shape).as_ref() != Some(&self.shape) {
            let expected = format!("a shape that broadcasts to {}", self.shape);
            return Err(shape_error(self.name(), expected, inputs));
        }
        Ok(self.shape.clone())
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let shape = cx.graph.shape(cx.input(0)).clone();
        let dx = cx.graph.sum_to(cx.d_output(), &shape)?;
        cx.add_to_input(0, dx)
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let strides = broadcast_strides(inputs[0].dims(), cx.dims);
        let mut y = Vec::with_capacity(cx.dims.iter().product());
        for_each_offset(cx.dims, [&strides], |[i]| y.push(inputs[0].data()[i]));
        Array::from_fn(cx.dims, |i| y[i])
    }
}
