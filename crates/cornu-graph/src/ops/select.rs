use cornu_tensor::{Array, Shape};

use super::binary::{add_broadcast, broadcast};
use super::{EvalCx, OpDef, broadcast_strides, for_each_offset, operands, shape_error};
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
        let [condition, a, b] = [0, 1, 2].map(|i| inputs[i].data());
        let strides = [0, 1, 2].map(|i| broadcast_strides(inputs[i].dims(), cx.dims));
        let mut y = Vec::with_capacity(cx.dims.iter().product());
        for_each_offset(cx.dims, strides.each_ref().map(Vec::as_slice), |[i, j, k]| {
            y.push(if condition[i] != 0.0 { a[j] } else { b[k] });
        });
        Array::from_fn(cx.dims, |i| y[i])
    }
}
