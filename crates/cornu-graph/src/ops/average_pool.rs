use cornu_tensor::{Array, Dim, Shape};

use super::conv::{picture_sizes, spatial_sizes};
use super::max_pool::Pooling;
use super::{EvalCx, OpDef, operands, shape_error};
use crate::{GradientCx, GraphError};

/// The mean of each window, per channel: `(N, *S, C)` to `(N, *O, C)`, one to three spatial axes,
/// sizes of [`conv_output_size`](super::conv_output_size). Padding never counts: the sum is divided
/// by the number of real cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AveragePool {
    /// Size of the window, for each spatial axis.
    pub window: Vec<usize>,
    /// Distance between neighbouring windows, for each spatial axis.
    pub strides: Vec<usize>,
    /// How far windows reach over the edges before and after; less than the window, so that none
    /// is empty.
    pub padding: Vec<(usize, usize)>,
}

impl AveragePool {
    fn pooling(&self) -> Pooling<'_> {
        Pooling { window: &self.window, strides: &self.strides, padding: &self.padding }
    }

    /// Real cells in the window of each element of the result.
    fn n_cells(&self, x_dims: &[usize], y_dims: &[usize]) -> Vec<f64> {
        let mut n = vec![0.0; y_dims.iter().product()];
        self.pooling().for_each_cell(x_dims, y_dims, |_, y_at, channels| {
            for n in &mut n[y_at..y_at + channels] {
                *n += 1.0;
            }
        });
        n
    }
}

impl OpDef for AveragePool {
    fn name(&self) -> &'static str {
        "average_pool"
    }

    fn attributes(&self) -> String {
        self.pooling().attributes()
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [x] = operands(self.name(), inputs)?;
        let (samples, input, channels) = picture_sizes(x)
            .ok_or_else(|| shape_error(self.name(), "pictures (N, *S, C)", inputs))?;
        self.pooling().output_shape(self.name(), samples, &input, channels)
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let input = spatial_sizes(cx.graph.shape(cx.input(0)));
        let dx = cx.graph.average_pool_grad(cx.d_output(), self.clone(), &input)?;
        cx.add_to_input(0, dx)
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let x = inputs[0];
        let mut y = Array::zeros(cx.dims);
        self.pooling().for_each_cell(x.dims(), cx.dims, |x_at, y_at, channels| {
            for channel in 0..channels {
                y.data_mut()[y_at + channel] += x.data()[x_at + channel];
            }
        });
        for (y, n) in y.data_mut().iter_mut().zip(self.n_cells(x.dims(), cx.dims)) {
            *y /= n;
        }
        y
    }
}

/// The transpose of [`AveragePool`]: each real cell of a window gets an equal share.
///
/// Operand `dy` `(N, *O, C)`, result `(N, *input, C)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AveragePoolGrad {
    /// The pooling that this is the gradient of.
    pub pool: AveragePool,
    /// Spatial sizes of `x`: several give the same `*O`.
    pub input: Vec<usize>,
}

impl OpDef for AveragePoolGrad {
    fn name(&self) -> &'static str {
        "average_pool_grad"
    }

    fn attributes(&self) -> String {
        format!("{} input={:?}", self.pool.attributes(), self.input)
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [dy] = operands(self.name(), inputs)?;
        let (samples, _, channels) = picture_sizes(dy)
            .ok_or_else(|| shape_error(self.name(), "pictures (N, *O, C)", inputs))?;
        let expected =
            self.pool.pooling().output_shape(self.name(), samples, &self.input, channels)?;
        if *dy != expected {
            let expected = format!("{expected} as the gradient of the pooling");
            return Err(shape_error(self.name(), expected, inputs));
        }
        let sizes = self.input.iter().copied().chain([channels]).map(Dim::Fixed);
        Ok(Shape::new(std::iter::once(samples).chain(sizes).collect::<Vec<_>>()))
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let gradient = cx.graph.average_pool(cx.d_output(), self.pool.clone())?;
        cx.add_to_input(0, gradient)
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let dy = inputs[0];
        let n = self.pool.n_cells(cx.dims, dy.dims());
        let mut dx = Array::zeros(cx.dims);
        self.pool.pooling().for_each_cell(cx.dims, dy.dims(), |x_at, y_at, channels| {
            for channel in 0..channels {
                dx.data_mut()[x_at + channel] += dy.data()[y_at + channel] / n[y_at + channel];
            }
        });
        dx
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_real_cells_count() {
        let pool = AveragePool { window: vec![3], strides: vec![3], padding: vec![(1, 1)] };
        let x = Array::new([1, 4, 1], vec![1.0, 3.0, 5.0, 9.0]).unwrap();
        let cx =
            EvalCx { dims: &[1, 2, 1], samples: 1, batch: 1, first_sample: 0, seed: 0, step: 0 };
        assert_eq!(pool.evaluate(&[&x], &cx).data(), [2.0, 7.0]);
    }
}
