use cornu_tensor::{Array, Shape};

use super::{EvalCx, OpDef, Reduce, ReduceKind, broadcast_strides, for_each_offset};
use crate::{GradientCx, GraphError};

/// Mean of the squared distances from the mean, along `axes`: `mean((x - mean(x))^2)`, divided by the
/// number of elements, not by one less; 0 of nothing.
///
/// The same can be written with means alone, but then the samples have to be gone through twice, with
/// a wait in between; as an op of its own it takes one walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variance {
    /// Axes to go over, rising, counted from the front. They are gone from the result.
    pub axes: Vec<usize>,
}

impl Variance {
    fn sum(&self) -> Reduce {
        Reduce { kind: ReduceKind::Sum, axes: self.axes.clone(), keep_dims: false }
    }
}

impl OpDef for Variance {
    fn name(&self) -> &'static str {
        "variance"
    }

    fn attributes(&self) -> String {
        format!("axes={:?}", self.axes)
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        self.sum().output_shape(inputs)
    }

    /// `dx = dy * 2 / n * (x - mean(x))`
    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let (x, dy) = (cx.input(0), cx.d_output());
        let shape = cx.graph.shape(x).clone();
        let kept = self.sum().kept(&shape);
        let g = &mut *cx.graph;
        let mean = g.mean(x, &self.axes, false)?;
        let mean = g.reshape_kept(mean, &kept)?;
        let centred = g.sub(x, mean)?;
        // Spread over the n elements that share it.
        let share = g.divide_by_count(dy, &shape, &self.axes)?;
        let share = g.mul_scalar(share, 2.0)?;
        let share = g.reshape_kept(share, &kept)?;
        let dx = g.mul(centred, share)?;
        cx.add_to_input(0, dx)
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let x = inputs[0];
        let mut kept = x.dims().to_vec();
        for &axis in &self.axes {
            kept[axis] = 1;
        }
        let strides = broadcast_strides(&kept, x.dims());
        let n = (x.len() / cx.dims.iter().product::<usize>().max(1)).max(1) as f64;
        let mean_of = |term: &dyn Fn(usize, f64) -> f64| {
            let mut mean = Array::full(cx.dims, 0.0);
            let mut elements = x.data().iter();
            for_each_offset(x.dims(), [&strides], |[i]| {
                if let Some(&x) = elements.next() {
                    mean.data_mut()[i] += term(i, x) / n;
                }
            });
            mean
        };
        let mean = mean_of(&|_, x| x);
        mean_of(&|i, x| (x - mean.data()[i]).powi(2))
    }
}
