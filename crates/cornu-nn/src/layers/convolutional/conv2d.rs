use cornu_graph::ValueId;
use cornu_graph::ops::Conv;
use serde_json::{Map, Value, json};

use super::finish_picture;
use crate::layers::image::spatial_sizes;
use crate::layers::setters::setters;
use crate::layers::window::Window;
use crate::layers::{DataFormat, IntoPair, Layer, LowerCx, Padding, WeightRules, WeightSpec};
use crate::{Activation, ConfigReader, ConfigWriter, LayerError, Regularizer, SymbolicShape};

/// Cross-correlation of pictures with `filters` kernels:
/// `y[f] = activation(sum over cells and channels of x * kernel[f] + bias[f])`.
///
/// Input `(samples, height, width, channels)`, result `(samples, h, w, filters)` with `h`, `w` as
/// [`Padding`] says. Weights: `kernel` `(kh, kw, channels / groups, filters)`, `bias` `(filters)`
/// if used. Keras 3, keras/src/layers/convolutional/conv2d.py.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv2D {
    /// Number of kernels: channels of the result.
    pub filters: usize,
    /// Height and width of the kernels.
    pub kernel_size: [usize; 2],
    /// Distance between neighbouring windows. Default 1.
    pub strides: [usize; 2],
    /// Where windows lie at the edges. Default: valid.
    pub padding: Padding,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Distance between neighbouring cells of a window. Default 1.
    pub dilation_rate: [usize; 2],
    /// Blocks of channels that do not mix; divides the channels and the filters. Default 1.
    pub groups: usize,
    /// Default: linear.
    pub activation: Activation,
    /// Whether a bias is added. Default: true.
    pub use_bias: bool,
    /// Rules of the kernel.
    pub kernel: WeightRules,
    /// Rules of the bias.
    pub bias: WeightRules,
    /// Penalty on the result, divided by the number of samples.
    pub activity_regularizer: Option<Regularizer>,
}

impl Conv2D {
    /// With `filters` kernels of a size such as `3` or `(3, 5)` and Keras's defaults.
    pub fn new(filters: usize, kernel_size: impl IntoPair) -> Self {
        Self {
            filters,
            kernel_size: kernel_size.into_pair(),
            strides: [1; 2],
            padding: Padding::Valid,
            data_format: DataFormat::ChannelsLast,
            dilation_rate: [1; 2],
            groups: 1,
            activation: Activation::Linear,
            use_bias: true,
            kernel: WeightRules::kernel(),
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
            groups: config.positive_or("groups", 1)?,
            activation: config.activation("activation")?,
            use_bias: config.bool_or("use_bias", true)?,
            kernel: WeightRules::read(config, "kernel", WeightRules::kernel())?,
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

    fn check(&self) -> Result<(), LayerError> {
        if self.groups == 0 || self.filters == 0 || !self.filters.is_multiple_of(self.groups) {
            let expected = format!("a multiple of groups={}, at least 1", self.groups);
            return Err(LayerError::config("filters", expected, self.filters));
        }
        if self.strides != [1; 2] && self.dilation_rate != [1; 2] {
            let got = format!("{:?}", self.dilation_rate);
            return Err(LayerError::config("dilation_rate", "1 where strides are not 1", got));
        }
        Ok(())
    }
}

setters!(Conv2D {
    pair strides,
    padding: Padding,
    data_format: DataFormat,
    pair dilation_rate,
    groups: usize,
    activation: Activation,
    use_bias: bool,
    activity_regularizer: Option<Regularizer>,
    rules kernel { kernel_initializer, kernel_regularizer, kernel_constraint },
    rules bias { bias_initializer, bias_regularizer, bias_constraint },
});

impl Layer for Conv2D {
    fn class_name(&self) -> &'static str {
        "Conv2D"
    }

    fn config(&self) -> Map<String, Value> {
        let mut config = ConfigWriter::new()
            .set("filters", self.filters)
            .set("kernel_size", json!(self.kernel_size))
            .set("strides", json!(self.strides))
            .set("padding", self.padding.name())
            .set("data_format", self.data_format.name())
            .set("dilation_rate", json!(self.dilation_rate))
            .set("groups", self.groups)
            .set("activation", self.activation.to_config())
            .set("use_bias", self.use_bias);
        config = self.kernel.write(config, "kernel");
        config = self.bias.write(config, "bias");
        config
            .set("activity_regularizer", self.activity_regularizer.map(|r| r.to_config()))
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        self.check()?;
        let mut picture = self.data_format.picture(inputs)?;
        if picture.channels.is_some_and(|n| n == 0 || !n.is_multiple_of(self.groups)) {
            let expected = format!("a multiple of {} channels (`groups`)", self.groups);
            return Err(LayerError::input_shape(expected, inputs));
        }
        picture.spatial = self.window().positions(picture.spatial)?;
        picture.channels = Some(self.filters);
        Ok(picture.shape())
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        self.output_shape(inputs)?;
        let channels = self.data_format.picture(inputs)?.known_channels()?;
        let [height, width] = self.kernel_size;
        let dims = [height, width, channels / self.groups, self.filters];
        let mut weights = vec![self.kernel.spec("kernel", &dims)?];
        if self.use_bias {
            weights.push(self.bias.spec("bias", &[self.filters])?);
        }
        Ok(weights)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = self.data_format.channels_last(cx.graph, inputs[0])?;
        let conv = Conv {
            strides: self.strides.to_vec(),
            dilations: self.dilation_rate.to_vec(),
            padding: self.window().padding(spatial_sizes(cx.graph, x)),
            groups: self.groups,
        };
        let y = cx.graph.conv(x, cx.weights[0], conv)?;
        let bias = cx.weights.get(1).copied();
        let (format, activation) = (self.data_format, self.activation);
        finish_picture(cx, y, bias, format, activation, self.activity_regularizer)
    }
}
