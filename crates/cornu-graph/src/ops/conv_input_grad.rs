use cornu_tensor::{Array, Dim, Shape};

use super::conv::{picture_sizes, spatial_sizes_of_kernel};
use super::{Conv, EvalCx, OpDef, fixed_sizes, operands, shape_error};
use crate::{GradientCx, GraphError};

/// The transpose of [`Conv`] as a function of its picture: the gradient with respect to `x`, which
/// is also the transposed convolution.
///
/// `dx[n, i, c] = sum over all o, k, f with o * stride + k * dilation - before = i of
/// dy[n, o, f] * kernel[k, c, f]`.
///
/// Operands `dy` `(N, *O, F)` and kernel `(*K, C / groups, F)`, result `(N, *input, C)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvInputGrad {
    /// The convolution that this is the transpose of.
    pub conv: Conv,
    /// Spatial sizes of `x`: several give the same `*O`.
    pub input: Vec<usize>,
}

impl OpDef for ConvInputGrad {
    fn name(&self) -> &'static str {
        "conv_input_grad"
    }

    fn attributes(&self) -> String {
        format!("{} input={:?}", self.conv.attributes(), self.input)
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [dy, kernel] = operands(self.name(), inputs)?;
        let wrong =
            || shape_error(self.name(), "pictures (N, *O, F) and a kernel (*K, C, F)", inputs);
        let (samples, _, _) = picture_sizes(dy).ok_or_else(wrong)?;
        let kernel =
            fixed_sizes(kernel).filter(|kernel| kernel.len() == dy.rank()).ok_or_else(wrong)?;
        let channels = kernel[kernel.len() - 2] * self.conv.groups;
        let expected = self.conv.y_shape(self.name(), samples, &self.input, channels, &kernel)?;
        if *dy != expected {
            let expected = format!("{expected} as the gradient of the convolution");
            return Err(shape_error(self.name(), expected, inputs));
        }
        let sizes = self.input.iter().copied().chain([channels]).map(Dim::Fixed);
        Ok(Shape::new(std::iter::once(samples).chain(sizes).collect::<Vec<_>>()))
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let (dy, kernel, d_output) = (cx.input(0), cx.input(1), cx.d_output());
        if cx.needs(0) {
            let gradient = cx.graph.conv(d_output, kernel, self.conv.clone())?;
            cx.add_to_input(0, gradient)?;
        }
        if cx.needs(1) {
            let sizes = spatial_sizes_of_kernel(cx.graph.shape(kernel));
            let gradient = cx.graph.conv_kernel_grad(d_output, dy, self.conv.clone(), &sizes)?;
            cx.add_to_input(1, gradient)?;
        }
        Ok(())
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        self.conv.apply_to_dy(inputs[0], inputs[1], cx.dims)
    }
}
