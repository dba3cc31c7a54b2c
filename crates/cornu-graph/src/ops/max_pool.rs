use cornu_tensor::{Array, Dim, Shape};

use super::conv::{picture_sizes, sample_sizes};
use super::window::Sliding;
use super::{EvalCx, OpDef, operands, shape_error};
use crate::{GradientCx, GraphError};

/// The largest cell of each window, per channel: `(N, *S, C)` to `(N, *O, C)`, one to three spatial
/// axes, sizes of [`conv_output_size`](super::conv_output_size). Padding never counts; NaN if any
/// cell is NaN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaxPool {
    /// Size of the window, for each spatial axis.
    pub window: Vec<usize>,
    /// Distance between neighbouring windows, for each spatial axis.
    pub strides: Vec<usize>,
    /// How far windows reach over the edges before and after; less than the window, so that none
    /// is empty.
    pub padding: Vec<(usize, usize)>,
}

/// What slides in both kinds of pooling.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pooling<'a> {
    pub(super) window: &'a [usize],
    pub(super) strides: &'a [usize],
    pub(super) padding: &'a [(usize, usize)],
}

impl Pooling<'_> {
    pub(super) fn attributes(&self) -> String {
        format!("window={:?} strides={:?} padding={:?}", self.window, self.strides, self.padding)
    }

    /// Shape of the result for pictures of `input` cells with `channels` channels.
    pub(super) fn output_shape(
        &self,
        op: &'static str,
        samples: Dim,
        input: &[usize],
        channels: usize,
    ) -> Result<Shape, GraphError> {
        let dilations = vec![1; self.window.len()];
        let sliding =
            Sliding { strides: self.strides, dilations: &dilations, padding: self.padding };
        let output = sliding.output_sizes(op, input, self.window)?;
        for (&window, &(before, after)) in self.window.iter().zip(self.padding) {
            if window <= before.max(after) {
                let problem = format!("expected less than the window of {window}");
                return Err(GraphError::Attribute { op, attribute: "padding", problem });
            }
        }
        let sizes = output.into_iter().chain([channels]).map(Dim::Fixed);
        Ok(Shape::new(std::iter::once(samples).chain(sizes).collect::<Vec<_>>()))
    }

    /// Calls `f` with the positions in `x` and `y` of the first channel, and the number of
    /// channels, for every cell of every window.
    pub(super) fn for_each_cell(
        &self,
        x_dims: &[usize],
        y_dims: &[usize],
        mut f: impl FnMut(usize, usize, usize),
    ) {
        let (Some((input, channels)), Some((output, _))) =
            (sample_sizes(x_dims), sample_sizes(y_dims))
        else {
            return;
        };
        let n_input: usize = input.iter().product();
        let n_output: usize = output.iter().product();
        let dilations = vec![1; self.window.len()];
        let sliding =
            Sliding { strides: self.strides, dilations: &dilations, padding: self.padding };
        for sample in 0..x_dims[0] {
            sliding.for_each_meeting(input, self.window, output, |o, _, i| {
                f((sample * n_input + i) * channels, (sample * n_output + o) * channels, channels);
            });
        }
    }
}

impl MaxPool {
    fn pooling(&self) -> Pooling<'_> {
        Pooling { window: &self.window, strides: &self.strides, padding: &self.padding }
    }

    /// For each element of the result, the position in `x` of the first maximum of its window.
    fn first_maxima(&self, x: &Array<f64>, y_dims: &[usize]) -> Vec<usize> {
        let mut best: Vec<Option<usize>> = vec![None; y_dims.iter().product()];
        self.pooling().for_each_cell(x.dims(), y_dims, |x_at, y_at, channels| {
            for channel in 0..channels {
                let best = &mut best[y_at + channel];
                let candidate = x_at + channel;
                if best.is_none_or(|best| exceeds(x.data()[candidate], x.data()[best])) {
                    *best = Some(candidate);
                }
            }
        });
        best.into_iter().flatten().collect()
    }
}

/// Whether `x` takes the place of a maximum of `best` so far; the first NaN stays.
pub(super) fn exceeds(x: f64, best: f64) -> bool {
    best < x || (x.is_nan() && !best.is_nan())
}

impl OpDef for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool"
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
        let dx = cx.graph.max_pool_grad(cx.input(0), cx.d_output(), self.clone())?;
        cx.add_to_input(0, dx)
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let maxima = self.first_maxima(inputs[0], cx.dims);
        Array::from_fn(cx.dims, |i| inputs[0].data()[maxima[i]])
    }
}

/// The gradient of [`MaxPool`]: each window's goes to its first maximum in row-major order.
///
/// Operands `x` `(N, *S, C)` and `dy` `(N, *O, C)`, result of the shape of `x`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaxPoolGrad {
    /// The pooling that this is the gradient of.
    pub pool: MaxPool,
}

impl OpDef for MaxPoolGrad {
    fn name(&self) -> &'static str {
        "max_pool_grad"
    }

    fn attributes(&self) -> String {
        self.pool.attributes()
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [x, dy] = operands(self.name(), inputs)?;
        let expected = self.pool.output_shape(&[x])?;
        if *dy != expected {
            let expected = format!("{expected} as the gradient of the pooling");
            return Err(shape_error(self.name(), expected, inputs));
        }
        Ok(x.clone())
    }

    /// Refused: gradients of gradients are not needed for training.
    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        Err(cx.no_gradient())
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let (x, dy) = (inputs[0], inputs[1]);
        let mut dx = Array::zeros(cx.dims);
        for (&at, dy) in self.pool.first_maxima(x, dy.dims()).iter().zip(dy.data()) {
            dx.data_mut()[at] += dy;
        }
        dx
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> MaxPool {
        MaxPool { window: vec![3], strides: vec![2], padding: vec![(1, 1)] }
    }

    #[test]
    fn padding_never_wins_and_ties_go_to_the_first() {
        let x = Array::new([1, 5, 1], vec![-2.0, -1.0, -1.0, -1.0, -3.0]).unwrap();
        let cx =
            EvalCx { dims: &[1, 3, 1], samples: 1, batch: 1, first_sample: 0, seed: 0, step: 0 };
        assert_eq!(pool().evaluate(&[&x], &cx).data(), [-1.0, -1.0, -1.0]);
        let dy = Array::new([1, 3, 1], vec![1.0, 10.0, 100.0]).unwrap();
        let dx =
            MaxPoolGrad { pool: pool() }.evaluate(&[&x, &dy], &EvalCx { dims: &[1, 5, 1], ..cx });
        assert_eq!(dx.data(), [0.0, 11.0, 0.0, 100.0, 0.0]);
    }

    #[test]
    fn nan_and_infinities_are_kept() {
        let x = Array::new([1, 3, 1], vec![1.0, f64::NAN, 2.0]).unwrap();
        let cx =
            EvalCx { dims: &[1, 2, 1], samples: 1, batch: 1, first_sample: 0, seed: 0, step: 0 };
        assert!(pool().evaluate(&[&x], &cx).data().iter().all(|y| y.is_nan()));
        let x = Array::full([1, 3, 1], f64::NEG_INFINITY);
        assert_eq!(pool().evaluate(&[&x], &cx).data(), [f64::NEG_INFINITY; 2]);
    }

    #[test]
    fn windows_of_padding_alone_are_refused() {
        let op = MaxPool { padding: vec![(3, 0)], ..pool() };
        let error = op.output_shape(&[&Shape::batched([5, 1])]).unwrap_err().to_string();
        assert_eq!(error, "max_pool: `padding`: expected less than the window of 3");
    }
}
