use cornu_tensor::{Array, Dim, Shape};

use super::window::Sliding;
use super::{EvalCx, OpDef, fixed_sizes, operands, shape_error};
use crate::{GradientCx, GraphError};

/// Cross-correlation over one to three spatial axes:
///
/// `y[n, o, f] = sum over k, c of x[n, o * stride + k * dilation - before, c] * kernel[k, c, f]`,
/// where cells outside of `x` count as 0.
///
/// Operands `x` `(N, *S, C)` and kernel `(*K, C / groups, F)`, result `(N, *O, F)` with the sizes
/// of [`conv_output_size`](super::conv_output_size). Block `g` of the filters sees block `g` of
/// the channels only; with `groups = C` the convolution is depthwise, and filter `c * m + j` is
/// the `j`-th of channel `c`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conv {
    /// Distance between neighbouring outputs, for each spatial axis.
    pub strides: Vec<usize>,
    /// Distance between neighbouring kernel cells, for each spatial axis.
    pub dilations: Vec<usize>,
    /// Zeros before and after, for each spatial axis.
    pub padding: Vec<(usize, usize)>,
    /// Blocks of channels that do not mix; divides both the channels and the filters.
    pub groups: usize,
}

/// Sizes of a convolution's three arrays.
struct Sizes<'a> {
    /// `(N, *S, C)`
    x: &'a [usize],
    /// `(*K, C / groups, F)`
    kernel: &'a [usize],
    /// `(N, *O, F)`
    y: &'a [usize],
}

impl Conv {
    /// Stride 1, dilation 1 and no padding on `rank` spatial axes, one group.
    pub fn plain(rank: usize) -> Self {
        Self {
            strides: vec![1; rank],
            dilations: vec![1; rank],
            padding: vec![(0, 0); rank],
            groups: 1,
        }
    }

    fn sliding(&self) -> Sliding<'_> {
        Sliding { strides: &self.strides, dilations: &self.dilations, padding: &self.padding }
    }

    pub(super) fn attributes(&self) -> String {
        format!(
            "strides={:?} dilations={:?} padding={:?} groups={}",
            self.strides, self.dilations, self.padding, self.groups
        )
    }

    /// Shape of `y` for the op called `op`, given the samples, `*S` and `C` of `x` and the kernel.
    pub(super) fn y_shape(
        &self,
        op: &'static str,
        samples: Dim,
        input: &[usize],
        channels: usize,
        kernel: &[usize],
    ) -> Result<Shape, GraphError> {
        let groups = |problem: String| GraphError::Attribute { op, attribute: "groups", problem };
        let [kernel @ .., per_group, filters] = kernel else {
            return Err(groups("the kernel has fewer than two axes".to_owned()));
        };
        let output = self.sliding().output_sizes(op, input, kernel)?;
        if self.groups == 0 || channels != per_group * self.groups || filters % self.groups != 0 {
            return Err(groups(format!(
                "{} groups with a kernel for {per_group} channels each and {filters} filters in \
                 all do not fit {channels} channels",
                self.groups
            )));
        }
        let sizes = output.into_iter().chain([*filters]).map(Dim::Fixed);
        Ok(Shape::new(std::iter::once(samples).chain(sizes).collect::<Vec<_>>()))
    }

    /// Calls `f(x_at, kernel_at, y_at, n)` for all that a convolution multiplies, in runs: filters
    /// `y_at..y_at + n` of the result gain `x[x_at]` times `kernel[kernel_at..kernel_at + n]`.
    /// The three ops that are linear in two of the arrays and give the third share it.
    fn for_each_run(&self, sizes: &Sizes<'_>, mut f: impl FnMut(usize, usize, usize, usize)) {
        let (Some((input, channels)), Some((output, filters))) =
            (sample_sizes(sizes.x), sample_sizes(sizes.y))
        else {
            return;
        };
        let rank = input.len();
        let per_group = sizes.kernel[rank];
        let n_input: usize = input.iter().product();
        let n_output: usize = output.iter().product();
        let run = filters / self.groups;
        for sample in 0..sizes.x[0] {
            self.sliding().for_each_meeting(input, &sizes.kernel[..rank], output, |o, k, i| {
                let x_at = (sample * n_input + i) * channels;
                let y_at = (sample * n_output + o) * filters;
                let kernel_at = k * per_group * filters;
                for channel in 0..channels {
                    let (group, own) = (channel / per_group, channel % per_group);
                    let first = group * run;
                    f(x_at + channel, kernel_at + own * filters + first, y_at + first, run);
                }
            });
        }
    }

    /// `y` from `x` and the kernel.
    fn apply(&self, x: &Array<f64>, kernel: &Array<f64>, y_dims: &[usize]) -> Array<f64> {
        let mut y = Array::zeros(y_dims);
        let sizes = Sizes { x: x.dims(), kernel: kernel.dims(), y: y_dims };
        self.for_each_run(&sizes, |x_at, kernel_at, y_at, n| {
            add_scaled(
                &mut y.data_mut()[y_at..y_at + n],
                &kernel.data()[kernel_at..kernel_at + n],
                x.data()[x_at],
            );
        });
        y
    }

    /// The transpose of [`Conv::apply`] as a function of `x`.
    pub(super) fn apply_to_dy(
        &self,
        dy: &Array<f64>,
        kernel: &Array<f64>,
        x_dims: &[usize],
    ) -> Array<f64> {
        let mut dx = Array::zeros(x_dims);
        let sizes = Sizes { x: x_dims, kernel: kernel.dims(), y: dy.dims() };
        self.for_each_run(&sizes, |x_at, kernel_at, y_at, n| {
            let products = dy.data()[y_at..y_at + n].iter().zip(&kernel.data()[kernel_at..]);
            dx.data_mut()[x_at] += products.map(|(dy, kernel)| dy * kernel).sum::<f64>();
        });
        dx
    }

    /// The transpose of [`Conv::apply`] as a function of the kernel.
    pub(super) fn apply_to_x_and_dy(
        &self,
        x: &Array<f64>,
        dy: &Array<f64>,
        kernel_dims: &[usize],
    ) -> Array<f64> {
        let mut d_kernel = Array::zeros(kernel_dims);
        let sizes = Sizes { x: x.dims(), kernel: kernel_dims, y: dy.dims() };
        self.for_each_run(&sizes, |x_at, kernel_at, y_at, n| {
            add_scaled(
                &mut d_kernel.data_mut()[kernel_at..kernel_at + n],
                &dy.data()[y_at..y_at + n],
                x.data()[x_at],
            );
        });
        d_kernel
    }
}

impl OpDef for Conv {
    fn name(&self) -> &'static str {
        "conv"
    }

    fn attributes(&self) -> String {
        Conv::attributes(self)
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [x, kernel] = operands(self.name(), inputs)?;
        let wrong =
            || shape_error(self.name(), "pictures (N, *S, C) and a kernel (*K, C, F)", inputs);
        let (samples, input, channels) = picture_sizes(x).ok_or_else(wrong)?;
        let kernel =
            fixed_sizes(kernel).filter(|kernel| kernel.len() == x.rank()).ok_or_else(wrong)?;
        self.y_shape(self.name(), samples, &input, channels, &kernel)
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let (x, kernel, dy) = (cx.input(0), cx.input(1), cx.d_output());
        if cx.needs(0) {
            let input = spatial_sizes(cx.graph.shape(x));
            let dx = cx.graph.conv_input_grad(dy, kernel, self.clone(), &input)?;
            cx.add_to_input(0, dx)?;
        }
        if cx.needs(1) {
            let sizes = spatial_sizes_of_kernel(cx.graph.shape(kernel));
            let d_kernel = cx.graph.conv_kernel_grad(x, dy, self.clone(), &sizes)?;
            cx.add_to_input(1, d_kernel)?;
        }
        Ok(())
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        self.apply(inputs[0], inputs[1], cx.dims)
    }
}

/// `y += a * x`
fn add_scaled(y: &mut [f64], x: &[f64], a: f64) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// `*S` and `C` of `(N, *S, C)`.
pub(super) fn sample_sizes(dims: &[usize]) -> Option<(&[usize], usize)> {
    match dims {
        [_, spatial @ .., channels] => Some((spatial, *channels)),
        _ => None,
    }
}

/// The samples, `*S` and `C` of `(N, *S, C)`.
pub(super) fn picture_sizes(shape: &Shape) -> Option<(Dim, Vec<usize>, usize)> {
    let (&samples, sample) = shape.dims().split_first()?;
    let mut sizes = fixed_sizes(&Shape::new(sample))?;
    let channels = sizes.pop()?;
    Some((samples, sizes, channels))
}

/// `*S` of `(N, *S, C)`.
pub(super) fn spatial_sizes(shape: &Shape) -> Vec<usize> {
    picture_sizes(shape).map(|(_, sizes, _)| sizes).unwrap_or_default()
}

/// `*K` of `(*K, C, F)`.
pub(super) fn spatial_sizes_of_kernel(shape: &Shape) -> Vec<usize> {
    let sizes = shape.sizes(1);
    sizes[..sizes.len().saturating_sub(2)].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Graph;

    /// Keras: `Conv2D(filters=2, kernel_size=2, groups=2)` written out by hand.
    #[test]
    fn groups_see_their_own_channels_only() {
        let conv = Conv { groups: 2, ..Conv::plain(1) };
        let x = Array::new([1, 2, 2], vec![1.0, 10.0, 2.0, 20.0]).unwrap();
        let kernel = Array::new([2, 1, 2], vec![1.0, 3.0, 5.0, 7.0]).unwrap();
        let y = conv.apply(&x, &kernel, &[1, 1, 2]);
        assert_eq!(y.data(), [1.0 + 5.0 * 2.0, 3.0 * 10.0 + 7.0 * 20.0]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let mut graph = Graph::new();
        let x = graph.input("x", Shape::batched([4, 4, 3])).unwrap();
        let kernel = graph.input("kernel", Shape::fixed([5, 5, 3, 2])).unwrap();
        let error = graph.conv(x, kernel, Conv::plain(2)).unwrap_err().to_string();
        assert!(error.contains("does not fit into 4 cells"), "{error}");
        let error = graph.conv(x, kernel, Conv { groups: 2, ..Conv::plain(2) }).unwrap_err();
        assert!(matches!(error, GraphError::Attribute { .. }), "{error}");
        let error = graph.conv(x, kernel, Conv::plain(1)).unwrap_err().to_string();
        assert!(error.contains("`strides`: expected one entry for each of 2 axes"), "{error}");
    }
}
