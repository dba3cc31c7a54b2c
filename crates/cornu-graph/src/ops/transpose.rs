use cornu_tensor::{Array, Shape, row_major_strides};

use super::{EvalCx, OpDef, for_each_offset, operands, shape_error};
use crate::{GradientCx, GraphError};

/// Axis `i` of the result is axis `axes[i]` of the operand. Samples stay on axis 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transpose {
    /// A permutation of the operand's axes.
    pub axes: Vec<usize>,
}

impl Transpose {
    fn inverse(&self) -> Vec<usize> {
        let mut inverse = vec![0; self.axes.len()];
        for (i, &axis) in self.axes.iter().enumerate() {
            inverse[axis] = i;
        }
        inverse
    }
}

impl OpDef for Transpose {
    fn name(&self) -> &'static str {
        "transpose"
    }

    fn attributes(&self) -> String {
        format!("axes={:?}", self.axes)
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [x] = operands(self.name(), inputs)?;
        let mut sorted = self.axes.clone();
        sorted.sort_unstable();
        if sorted != (0..x.rank()).collect::<Vec<_>>() {
            let expected = format!("axes that {:?} permutes", self.axes);
            return Err(shape_error(self.name(), expected, inputs));
        }
        if x.is_batched() && self.axes[0] != 0 {
            return Err(shape_error(self.name(), "samples to stay on axis 0", inputs));
        }
        Ok(Shape::new(self.axes.iter().map(|&axis| x.dims()[axis]).collect::<Vec<_>>()))
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let dx = cx.graph.transpose(cx.d_output(), &self.inverse())?;
        cx.add_to_input(0, dx)
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let strides = row_major_strides(inputs[0].dims());
        let strides: Vec<usize> = self.axes.iter().map(|&axis| strides[axis]).collect();
        let mut y = Vec::with_capacity(inputs[0].len());
        for_each_offset(cx.dims, [&strides], |[i]| y.push(inputs[0].data()[i]));
        Array::from_fn(cx.dims, |i| y[i])
    }
}
