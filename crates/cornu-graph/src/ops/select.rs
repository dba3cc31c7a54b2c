use cornu_tensor::{Array, Shape};

use super::binary::{add_broadcast, broadcast};
use super::{EvalCx, OpDef, broadcast_strides, for_each_index, offset, operands, shape_error};
use crate::{GradientCx, GraphError};

/// `y = a` where the condition is not 0, else `b`; shapes are broadcast as in NumPy.
///
/// No gradient flows to the condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Select;

impl OpDef for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [condition, a, b] = operands(self.name(), inputs)?;
        broadcast(condition, a)
            .and_then(|both| broadcast(&both, b))
            .ok_or_else(|| shape_error(self.name(), "shapes that broadcast to one another", inputs))
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let (condition, dy) = (cx.input(0), cx.d_output());
        if cx.needs(1) {
            let zero = cx.graph.scalar(0.0)?;
            let da = cx.graph.select(condition, dy, zero)?;
            add_broadcast(cx, 1, Some(da))?;
        }
        if cx.needs(2) {
            let zero = cx.graph.scalar(0.0)?;
            let db = cx.graph.select(condition, zero, dy)?;
            add_broadcast(cx, 2, Some(db))?;
        }
        Ok(())
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let strides: Vec<Vec<usize>> =
            inputs.iter().map(|input| broadcast_strides(input.dims(), cx.dims)).collect();
        let mut y = Vec::with_capacity(cx.dims.iter().product());
        for_each_index(cx.dims, |index| {
            let operand = |i: usize| inputs[i].data()[offset(index, &strides[i])];
            y.push(if operand(0) != 0.0 { operand(1) } else { operand(2) });
        });
        Array::from_fn(cx.dims, |i| y[i])
    }
}
