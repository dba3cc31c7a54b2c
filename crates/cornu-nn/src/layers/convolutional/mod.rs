//! Convolutions over one to three spatial axes: one implementation of each for all ranks.

mod conv;
mod conv_transpose;
mod depthwise_conv;
mod separable_conv;
mod settings;

pub use conv::{Conv1D, Conv2D, Conv3D, Convolution};
pub use conv_transpose::{Conv1DTranspose, Conv2DTranspose, Conv3DTranspose, ConvolutionTranspose};
pub use depthwise_conv::{DepthwiseConv1D, DepthwiseConv2D, DepthwiseConvolution};
pub use separable_conv::{SeparableConv1D, SeparableConv2D, SeparableConvolution};
pub use settings::ConvSettings;
pub(super) use settings::convolve;
