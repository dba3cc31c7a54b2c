use cornu_graph::ValueId;
use cornu_graph::ops::Conv;
use serde_json::{Map, Value, json};

use super::depthwise_conv2d::depthwise;
use super::finish_picture;
use crate::layers::setters::setters;
use crate::layers::window::Window;
use crate::layers::{DataFormat, IntoPair, Layer, LowerCx, Padding, WeightRules, WeightSpec};
use crate::{Activation, ConfigReader, ConfigWriter, LayerError, Regularizer, SymbolicShape};

/// Each channel convolved on its own, then the results mixed at each place to `filters` channels.
///
/// Weights: `depthwise_kernel` `(kh, kw, channels, depth_multiplier)`, `pointwise_kernel`
/// `(1, 1, channels * depth_multiplier, filters)`, `bias` if used. Keras 3,
/// keras/src/layers/convolutional/separable_conv2d.py.
#[derive(Debug, Clone, PartialEq)]
pub struct SeparableConv2D {
    /// Channels of the result.
    pub filters: usize,
    /// Height and width of the depthwise kernels.
    pub kernel_size: [usize; 2],
    /// Distance between neighbouring windows. Default 1.
    pub strides: [usize; 2],
    /// Where windows lie at the edges. Default: valid.
    pub padding: Padding,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Distance between neighbouring cells of a window. Default 1.
    pub dilation_rate: [usize; 2],
    /// Depthwise kernels of each channel. Default 1.
    pub depth_multiplier: usize,
    /// Default: linear.
    pub activation: Activation,
    /// Whether a bias is added. Default: true.
    pub use_bias: bool,
    /// Rules of the depthwise kernel.
    pub depthwise: WeightRules,
    /// Rules of the pointwise kernel.
    pub pointwise: WeightRules,
    /// Rules of the bias.
    pub bias: WeightRules,
    /// Penalty on the result, divided by the number of samples.
    pub activity_regularizer: Option<Regularizer>,
}

impl SeparableConv2D {
    /// With kernels of a size such as `3` or `(3, 5)` and Keras's defaults.
    pub fn new(filters: usize, kernel_size: impl IntoPair) -> Self {
        Self {
            filters,
            kernel_size: kernel_size.into_pair(),
            strides: [1; 2],
            padding: Padding::Valid,
            data_format: DataFormat::ChannelsLast,
            dilation_rate: [1; 2],
            depth_multiplier: 1,
            activation: Activation::Linear,
            use_bias: true,
            depthwise: WeightRules::kernel(),
            pointwise: WeightRules::kernel(),
            bias: WeightRules::zeros(),
            activity_regularizer: None,
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            filters: config.positive("filters")?,
            kernel_size: config.sizes("kernel_size")?,
            strides: config.sizes_or("strides", [1; 2])?,
            padding: Padding::read(config)?,
            data_format: DataFormat::read(config)?,
            dilation_rate: config.sizes_or("dilation_rate", [1; 2])?,
            depth_multiplier: config.positive_or("depth_multiplier", 1)?,
            activation: config.activation("activation")?,
            use_bias: config.bool_or("use_bias", true)?,
            depthwise: WeightRules::read(config, "depthwise", WeightRules::kernel())?,
            pointwise: WeightRules::read(config, "pointwise", WeightRules::kernel())?,
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

setters!(SeparableConv2D {
    pair strides,
    padding: Padding,
    data_format: DataFormat,
    pair dilation_rate,
    depth_multiplier: usize,
    activation: Activation,
    use_bias: bool,
    activity_regularizer: Option<Regularizer>,
    rules depthwise { depthwise_initializer, depthwise_regularizer, depthwise_constraint },
    rules pointwise { pointwise_initializer, pointwise_regularizer, pointwise_constraint },
    rules bias { bias_initializer, bias_regularizer, bias_constraint },
});

impl Layer for SeparableConv2D {
    fn class_name(&self) -> &'static str {
        "SeparableConv2D"
    }

    fn config(&self) -> Map<String, Value> {
        let mut config = ConfigWriter::new()
            .set("depth_multiplier", self.depth_multiplier)
            .set("filters", self.filters)
            .set("kernel_size", json!(self.kernel_size))
            .set("strides", json!(self.strides))
            .set("padding", self.padding.name())
            .set("data_format", self.data_format.name())
            .set("dilation_rate", json!(self.dilation_rate))
            .set("activation", self.activation.to_config())
            .set("use_bias", self.use_bias);
        config = self.depthwise.write(config, "depthwise");
        config = self.pointwise.write(config, "pointwise");
        config = self.bias.write(config, "bias");
        config
            .set("activity_regularizer", self.activity_regularizer.map(|r| r.to_config()))
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        for (key, size) in [("filters", self.filters), ("depth_multiplier", self.depth_multiplier)]
        {
            if size == 0 {
                return Err(LayerError::config(key, "at least 1", 0));
            }
        }
        let mut picture = self.data_format.picture(inputs)?;
        picture.spatial = self.window().positions(picture.spatial)?;
        picture.channels = Some(self.filters);
        Ok(picture.shape())
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        let channels = self.data_format.picture(inputs)?.known_channels()?;
        let [height, width] = self.kernel_size;
        let depthwise = [height, width, channels, self.depth_multiplier];
        let pointwise = [1, 1, channels * self.depth_multiplier, self.filters];
        let mut weights = vec![
            self.depthwise.spec("depthwise_kernel", &depthwise)?,
            self.pointwise.spec("pointwise_kernel", &pointwise)?,
        ];
        if self.use_bias {
            weights.push(self.bias.spec("bias", &[self.filters])?);
        }
        Ok(weights)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = self.data_format.channels_last(cx.graph, inputs[0])?;
        let y = depthwise(cx, x, cx.weights[0], self.window())?;
        let y = cx.graph.conv(y, cx.weights[1], Conv::plain(2))?;
        let bias = cx.weights.get(2).copied();
        let (format, activation) = (self.data_format, self.activation);
        finish_picture(cx, y, bias, format, activation, self.activity_regularizer)
    }
}
