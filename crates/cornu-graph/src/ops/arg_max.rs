use cornu_tensor::{Array, Dim, Shape};

use super::max_pool::exceeds;
use super::{EvalCx, OpDef, for_each_lane, operands, shape_error};
use crate::{GradientCx, GraphError};

/// Position of the first maximum along `axis`, which is not the samples' and goes away; as in NumPy
/// a NaN is larger than all numbers. No gradient flows back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgMax {
    /// Counted from the front; has at least one element.
    pub axis: usize,
}

impl OpDef for ArgMax {
    fn name(&self) -> &'static str {
        "arg_max"
    }

    fn attributes(&self) -> String {
        format!("axis={}", self.axis)
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [x] = operands(self.name(), inputs)?;
        match x.dims().get(self.axis) {
            Some(&Dim::Fixed(size)) if 0 < size => {
                let mut dims = x.dims().to_vec();
                dims.remove(self.axis);
                Ok(Shape::new(dims))
            }
            _ => {
                let expected = format!("axis {} of known size above 0", self.axis);
                Err(shape_error(self.name(), expected, inputs))
            }
        }
    }

    fn gradient(&self, _cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        Ok(())
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let x = inputs[0].data();
        let mut y = Vec::with_capacity(cx.dims.iter().product());
        for_each_lane(inputs[0].dims(), self.axis, |positions| {
            let mut best = (0, f64::NEG_INFINITY);
            for (position, i) in positions.enumerate() {
                if position == 0 || exceeds(x[i], best.1) {
                    best = (position, x[i]);
                }
            }
            y.push(best.0 as f64);
        });
        Array::from_fn(cx.dims, |i| y[i])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_first_and_nan_is_the_largest() {
        let x = Array::new(
            [2, 3, 2],
            vec![1.0, -1.0, 7.0, -1.0, 7.0, -2.0, 0.0, f64::NEG_INFINITY, f64::NAN, 3.0, 9.0, 3.0],
        )
        .unwrap();
        let cx = EvalCx { dims: &[2, 2], samples: 2, batch: 2, first_sample: 0, seed: 0, step: 0 };
        assert_eq!(ArgMax { axis: 1 }.evaluate(&[&x], &cx).data(), [1.0, 0.0, 1.0, 1.0]);
    }
}
