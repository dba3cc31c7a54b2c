use cornu_tensor::{Array, Shape};

use super::conv::{picture_sizes, spatial_sizes};
use super::{Conv, EvalCx, OpDef, operands, shape_error};
use crate::{GradientCx, GraphError};

/// The transpose of [`Conv`] as a function of its kernel: the gradient with respect to the kernel,
/// summed over the samples.
///
/// `d_kernel[k, c, f] = sum over n, o of x[n, o * stride + k * dilation - before, c] * dy[n, o, f]`.
///
/// Operands `x` `(N, *S, C)` and `dy` `(N, *O, F)`, result `(*kernel, C / groups, F)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvKernelGrad {
    /// The convolution that this is the transpose of.
    pub conv: Conv,
    /// Spatial sizes of the kernel.
    pub kernel: Vec<usize>,
}

impl OpDef for ConvKernelGrad {
    fn name(&self) -> &'static str {
        "conv_kernel_grad"
    }

    fn attributes(&self) -> String {
        format!("{} kernel={:?}", self.conv.attributes(), self.kernel)
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [x, dy] = operands(self.name(), inputs)?;
        let wrong = || shape_error(self.name(), "pictures (N, *S, C) and (N, *O, F)", inputs);
        let (samples, input, channels) = picture_sizes(x).ok_or_else(wrong)?;
        let (_, _, filters) = picture_sizes(dy).ok_or_else(wrong)?;
        let per_group = channels.checked_div(self.conv.groups).unwrap_or(0);
        let mut kernel = self.kernel.clone();
        kernel.extend([per_group, filters]);
        let expected = self.conv.y_shape(self.name(), samples, &input, channels, &kernel)?;
        if *dy != expected {
            let expected = format!("{expected} as the gradient of the convolution");
            return Err(shape_error(self.name(), expected, inputs));
        }
        Ok(Shape::fixed(kernel))
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let (x, dy, d_output) = (cx.input(0), cx.input(1), cx.d_output());
        if cx.needs(0) {
            let input = spatial_sizes(cx.graph.shape(x));
            let gradient = cx.graph.conv_input_grad(dy, d_output, self.conv.clone(), &input)?;
            cx.add_to_input(0, gradient)?;
        }
        if cx.needs(1) {
            let gradient = cx.graph.conv(x, d_output, self.conv.clone())?;
            cx.add_to_input(1, gradient)?;
        }
        Ok(())
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        self.conv.apply_to_x_and_dy(inputs[0], inputs[1], cx.dims)
    }
}
