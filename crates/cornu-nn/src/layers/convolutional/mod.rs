//! Convolutions over pictures.

mod conv2d;
mod conv2d_transpose;
mod depthwise_conv2d;
mod separable_conv2d;

pub use conv2d::Conv2D;
pub use conv2d_transpose::Conv2DTranspose;
pub use depthwise_conv2d::DepthwiseConv2D;
pub use separable_conv2d::SeparableConv2D;

use cornu_graph::ValueId;

use super::{DataFormat, LowerCx, output};
use crate::{Activation, LayerError, Regularizer};

/// What follows a convolution: bias on channels last, then the activation in the layer's own
/// format, where softmax goes over the last axis whatever that is.
fn finish_picture(
    cx: &mut LowerCx<'_>,
    mut y: ValueId,
    bias: Option<ValueId>,
    format: DataFormat,
    activation: Activation,
    activity_regularizer: Option<Regularizer>,
) -> Result<ValueId, LayerError> {
    if let Some(bias) = bias {
        y = cx.graph.add(y, bias)?;
    }
    y = format.in_own_format(cx.graph, y)?;
    output::finish(cx, y, None, activation, activity_regularizer)
}
