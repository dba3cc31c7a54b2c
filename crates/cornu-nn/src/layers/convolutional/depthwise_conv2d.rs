use cornu_graph::ValueId;
use cornu_graph::ops::Conv;
use cornu_tensor::Shape;
use serde_json::{Map, Value, json};

use super::finish_picture;
use crate::layers::image::spatial_sizes;
use crate::layers::setters::setters;
use crate::layers::window::Window;
use crate::layers::{DataFormat, IntoPair, Layer, LowerCx, Padding, WeightRules, WeightSpec};
use crate::{Activation, ConfigReader, ConfigWriter, LayerError, Regularizer, SymbolicShape};

/// Each channel convolved with `depth_multiplier` kernels of its own: channel `c`'s `j`-th becomes
/// channel `c * depth_multiplier + j` of the result.
///
/// Weights: `kernel` `(kh, kw, channels, depth_multiplier)`, `bias` if used. Keras 3,
/// keras/src/layers/convolutional/depthwise_conv2d.py.
#[derive(Debug, Clone, PartialEq)]
pub struct DepthwiseConv2D {
    /// Height and width of the kernels.
    pub kernel_size: [usize; 2],
    /// Distance between neighbouring windows. Default 1.
    pub strides: [usize; 2],
    /// Where windows lie at the edges. Default: valid.
    pub padding: Padding,
    /// Kernels of each channel. Default 1.
    pub depth_multiplier: usize,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Distance between neighbouring cells of a window. Default 1.
    pub dilation_rate: [usize; 2],
    /// Default: linear.
    pub activation: Activation,
    /// Whether a bias is added. Default: true.
    pub use_bias: bool,
    /// Rules of the kernel.
    pub depthwise: WeightRules,
    /// Rules of the bias.
    pub bias: WeightRules,
    /// Penalty on the result, divided by the number of samples.
    pub activity_regularizer: Option<Regularizer>,
}

impl DepthwiseConv2D {
    /// With kernels of a size such as `3` or `(3, 5)` and Keras's defaults.
    pub fn new(kernel_size: impl IntoPair) -> Self {
        Self {
            kernel_size: kernel_size.into_pair(),
            strides: [1; 2],
            padding: Padding::Valid,
            depth_multiplier: 1,
            data_format: DataFormat::ChannelsLast,
            dilation_rate: [1; 2],
            activation: Activation::Linear,
            use_bias: true,
            depthwise: WeightRules::kernel(),
            bias: WeightRules::zeros(),
            activity_regularizer: None,
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            kernel_size: config.sizes("kernel_size")?,
            strides: config.sizes_or("strides", [1; 2])?,
            padding: Padding::read(config)?,
            depth_multiplier: config.positive_or("depth_multiplier", 1)?,
            data_format: DataFormat::read(config)?,
            dilation_rate: config.sizes_or("dilation_rate", [1; 2])?,
            activation: config.activation("activation")?,
            use_bias: config.bool_or("use_bias", true)?,
            depthwise: WeightRules::read(config, "depthwise", WeightRules::kernel())?,
            bias: WeightRules::read(config, "bias", WeightRules::zeros())?,
            activity_regularizer: config.regularizer("activity_regularizer")?,
        })
    }

    fn window(&self) -> Window {
        Window {
            size: self.kernel_size,
            strides: self.strides,
            dilation: self.dilation_rate,
            padding: self.padding,
        }
    }
}

setters!(DepthwiseConv2D {
    pair strides,
    padding: Padding,
    depth_multiplier: usize,
    data_format: DataFormat,
    pair dilation_rate,
    activation: Activation,
    use_bias: bool,
    activity_regularizer: Option<Regularizer>,
    rules depthwise { depthwise_initializer, depthwise_regularizer, depthwise_constraint },
    rules bias { bias_initializer, bias_regularizer, bias_constraint },
});

impl Layer for DepthwiseConv2D {
    fn class_name(&self) -> &'static str {
        "DepthwiseConv2D"
    }

    fn config(&self) -> Map<String, Value> {
        let mut config = ConfigWriter::new()
            .set("depth_multiplier", self.depth_multiplier)
            .set("kernel_size", json!(self.kernel_size))
            .set("strides", json!(self.strides))
            .set("padding", self.padding.name())
            .set("data_format", self.data_format.name())
            .set("dilation_rate", json!(self.dilation_rate))
            .set("activation", self.activation.to_config())
            .set("use_bias", self.use_bias);
        config = self.depthwise.write(config, "depthwise");
        config = self.bias.write(config, "bias");
        config
            .set("activity_regularizer", self.activity_regularizer.map(|r| r.to_config()))
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        if self.depth_multiplier == 0 {
            return Err(LayerError::config("depth_multiplier", "at least 1", 0));
        }
        let mut picture = self.data_format.picture(inputs)?;
        picture.spatial = self.window().positions(picture.spatial)?;
        picture.channels = picture.channels.map(|n| n * self.depth_multiplier);
        Ok(picture.shape())
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        let channels = self.data_format.picture(inputs)?.known_channels()?;
        let [height, width] = self.kernel_size;
        let dims = [height, width, channels, self.depth_multiplier];
        let mut weights = vec![self.depthwise.spec("kernel", &dims)?];
        if self.use_bias {
            weights.push(self.bias.spec("bias", &[channels * self.depth_multiplier])?);
        }
        Ok(weights)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = self.data_format.channels_last(cx.graph, inputs[0])?;
        let y = depthwise(cx, x, cx.weights[0], self.window())?;
        let bias = cx.weights.get(1).copied();
        let (format, activation) = (self.data_format, self.activation);
        finish_picture(cx, y, bias, format, activation, self.activity_regularizer)
    }
}

/// The convolution of each channel with its own kernels `(kh, kw, channels, multiplier)`: one with
/// as many groups as channels.
pub(super) fn depthwise(
    cx: &mut LowerCx<'_>,
    x: ValueId,
    kernel: ValueId,
    window: Window,
) -> Result<ValueId, LayerError> {
    let [height, width, channels, multiplier] =
        [0, 1, 2, 3].map(|axis| cx.graph.shape(kernel).dims()[axis].size(1));
    let grouped = Shape::fixed([height, width, 1, channels * multiplier]);
    let kernel = cx.graph.reshape(kernel, grouped)?;
    let conv = Conv {
        strides: window.strides.to_vec(),
        dilations: window.dilation.to_vec(),
        padding: window.padding(spatial_sizes(cx.graph, x)),
        groups: channels,
    };
    Ok(cx.graph.conv(x, kernel, conv)?)
}
