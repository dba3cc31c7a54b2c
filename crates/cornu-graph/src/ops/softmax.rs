use cornu_tensor::{Array, Dim, Shape};

use super::{EvalCx, OpDef, for_each_lane, operands, shape_error};
use crate::{GradientCx, GraphError};

/// `y = exp(x - m) / sum(exp(x - m))` along `axis`, which is not the samples', with `m` the maximum
/// so that nothing overflows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Softmax {
    /// Counted from the front.
    pub axis: usize,
}

impl OpDef for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn attributes(&self) -> String {
        format!("axis={}", self.axis)
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        same_shape(self.name(), self.axis, inputs)
    }

    /// `dx = y * (dy - sum(y * dy))`
    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let (y, dy) = (cx.output(), cx.d_output());
        let product = cx.graph.mul(y, dy)?;
        let mean = cx.graph.sum(product, &[self.axis], true)?;
        let difference = cx.graph.sub(dy, mean)?;
        let dx = cx.graph.mul(y, difference)?;
        cx.add_to_input(0, dx)
    }

    fn evaluate(&self, inputs: &[&Array<f64>], _cx: &EvalCx<'_>) -> Array<f64> {
        let mut y = inputs[0].clone();
        for_each_lane(inputs[0].dims(), self.axis, |positions| {
            let (max, sum) = max_and_sum(y.data(), positions.clone());
            for i in positions {
                let y = &mut y.data_mut()[i];
                *y = (*y - max).exp() / sum;
            }
        });
        y
    }
}

/// `y = x - m - log(sum(exp(x - m)))` along `axis`, which is not the samples', with `m` the maximum:
/// the logarithm of [`Softmax`] without its rounding to 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSoftmax {
    /// Counted from the front.
    pub axis: usize,
}

impl OpDef for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }

    fn attributes(&self) -> String {
        format!("axis={}", self.axis)
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        same_shape(self.name(), self.axis, inputs)
    }

    /// `dx = dy - exp(y) * sum(dy)`
    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let (y, dy) = (cx.output(), cx.d_output());
        let sum = cx.graph.sum(dy, &[self.axis], true)?;
        let share = cx.graph.exp(y)?;
        let back = cx.graph.mul(share, sum)?;
        let dx = cx.graph.sub(dy, back)?;
        cx.add_to_input(0, dx)
    }

    fn evaluate(&self, inputs: &[&Array<f64>], _cx: &EvalCx<'_>) -> Array<f64> {
        let mut y = inputs[0].clone();
        for_each_lane(inputs[0].dims(), self.axis, |positions| {
            let (max, sum) = max_and_sum(y.data(), positions.clone());
            for i in positions {
                let y = &mut y.data_mut()[i];
                *y = *y - max - sum.ln();
            }
        });
        y
    }
}

fn same_shape(op: &'static str, axis: usize, inputs: &[&Shape]) -> Result<Shape, GraphError> {
    let [x] = operands(op, inputs)?;
    match x.dims().get(axis) {
        Some(Dim::Fixed(_)) => Ok(x.clone()),
        _ => Err(shape_error(op, format!("axis {axis} of known size"), inputs)),
    }
}

/// The maximum `m` and the sum of `exp(x - m)`.
fn max_and_sum(x: &[f64], positions: impl Iterator<Item = usize> + Clone) -> (f64, f64) {
    let max = positions.clone().map(|i| x[i]).fold(f64::NEG_INFINITY, f64::max);
    (max, positions.map(|i| (x[i] - max).exp()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_logits_do_not_overflow() {
        let x = Array::new([1, 3], vec![1e4, 1e4, -1e4]).unwrap();
        let cx = EvalCx { dims: &[1, 3], samples: 1, batch: 1, first_sample: 0, seed: 0, step: 0 };
        assert_eq!(Softmax { axis: 1 }.evaluate(&[&x], &cx).data(), [0.5, 0.5, 0.0]);
        let y = LogSoftmax { axis: 1 }.evaluate(&[&x], &cx);
        assert!((y.data()[2] + 2e4).abs() < 1.0, "{y}");
    }
}
