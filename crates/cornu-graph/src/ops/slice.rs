use cornu_tensor::{Array, Dim, Shape};

use super::{EvalCx, OpDef, operands, shape_error};
use crate::{GradientCx, GraphError};

/// Elements `start, start + step, ...` (`size` of them) along `axis`, which is not the samples'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Counted from the front.
    pub axis: usize,
    /// Position of the first element taken.
    pub start: usize,
    /// How many are taken.
    pub size: usize,
    /// Distance between two of them; at least 1.
    pub step: usize,
}

impl OpDef for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn attributes(&self) -> String {
        format!("axis={} start={} size={} step={}", self.axis, self.start, self.size, self.step)
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [x] = operands(self.name(), inputs)?;
        // `None` if there is no number for it.
        let end = match self.size.checked_sub(1) {
            None => Some(self.start),
            Some(steps) => steps
                .checked_mul(self.step)
                .and_then(|last| last.checked_add(self.start)?.checked_add(1)),
        };
        match (x.dims().get(self.axis), end) {
            (Some(&Dim::Fixed(size)), Some(end)) if end <= size && 0 < self.step => {
                Ok(x.with(self.axis, Dim::Fixed(self.size)))
            }
            _ => {
                let Self { axis, start, size, step } = self;
                let expected =
                    format!("{size} elements on axis {axis}, from {start} in steps of {step}");
                Err(shape_error(self.name(), expected, inputs))
            }
        }
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let size = cx.graph.shape(cx.input(0)).dims()[self.axis].size(1);
        let used = if self.size == 0 { 0 } else { (self.size - 1) * self.step + 1 };
        let after = size - self.start - used;
        let dx = cx.graph.pad(cx.d_output(), self.axis, self.start, after, self.step - 1)?;
        cx.add_to_input(0, dx)
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let x = inputs[0];
        let n_inner: usize = cx.dims[self.axis + 1..].iter().product();
        let n_axis = x.dims()[self.axis];
        Array::from_fn(cx.dims, |i| {
            let (inner, rest) = (i % n_inner, i / n_inner);
            let (position, outer) = (rest % self.size, rest / self.size);
            x.data()[(outer * n_axis + self.start + position * self.step) * n_inner + inner]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_beyond_all_numbers_are_refused() {
        let x = Shape::batched([4]);
        let answer = |start, size, step| {
            Slice { axis: 1, start, size, step }.output_shape(&[&x]).map(|shape| shape.sizes(1))
        };
        assert_eq!(answer(1, 2, 2).unwrap(), [1, 2]);
        assert_eq!(answer(4, 0, 1).unwrap(), [1, 0]);
        for (start, size, step) in
            [(usize::MAX, 2, 1), (0, usize::MAX, usize::MAX), (1, usize::MAX, 1), (3, 2, 1)]
        {
            assert!(answer(start, size, step).is_err(), "{start} {size} {step}");
        }
        let error = answer(3, 2, 1).unwrap_err().to_string();
        assert!(error.contains("2 elements on axis 1, from 3 in steps of 1"), "{error}");
    }
}
