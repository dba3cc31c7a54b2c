use cornu_graph::ValueId;
use cornu_graph::ops::Conv;
use serde_json::{Map, Value, json};

use super::finish_picture;
use crate::layers::image::spatial_sizes;
use crate::layers::setters::setters;
use crate::layers::window::Window;
use crate::layers::{DataFormat, IntoPair, Layer, LowerCx, Padding, WeightRules, WeightSpec};
use crate::{Activation, ConfigReader, ConfigWriter, LayerError, Regularizer, SymbolicShape};

/// The transpose of a convolution: what [`Conv2D`](crate::layers::Conv2D) does to the gradient of
/// its input, used forwards to make pictures larger.
///
/// Input `(samples, height, width, channels)`, result `(samples, h, w, filters)`, where `h` is
/// `height * stride` (same) or `(height - 1) * stride + max(reach, stride)` (valid), unless
/// `output_padding` says otherwise. Weights: `kernel` `(kh, kw, filters, channels)`, `bias`
/// `(filters)` if used. Keras 3, keras/src/layers/convolutional/conv2d_transpose.py.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv2DTranspose {
    /// Channels of the result.
    pub filters: usize,
    /// Height and width of the kernels.
    pub kernel_size: [usize; 2],
    /// Distance between neighbouring windows in the result. Default 1.
    pub strides: [usize; 2],
    /// Where windows lie at the edges. Default: valid.
    pub padding: Padding,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Distance between neighbouring cells of a window. Default 1.
    pub dilation_rate: [usize; 2],
    /// Cells added to the smallest result: `(n - 1) * stride + reach % 2` (same) or
    /// `(n - 1) * stride + reach` (valid). Less than the stride.
    pub output_padding: Option<[usize; 2]>,
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

impl Conv2DTranspose {
    /// With `filters` kernels of a size such as `3` or `(3, 5)` and Keras's defaults.
    pub fn new(filters: usize, kernel_size: impl IntoPair) -> Self {
        Self {
            filters,
            kernel_size: kernel_size.into_pair(),
            strides: [1; 2],
            padding: Padding::Valid,
            output_padding: None,
            data_format: DataFormat::ChannelsLast,
            dilation_rate: [1; 2],
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
            output_padding: config.optional_counts("output_padding")?,
            data_format: DataFormat::read(config)?,
            dilation_rate: config.sizes_or("dilation_rate", [1; 2])?,
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
        if self.filters == 0 {
            return Err(LayerError::config("filters", "at least 1", 0));
        }
        for (key, sizes) in [
            ("kernel_size", self.kernel_size),
            ("strides", self.strides),
            ("dilation_rate", self.dilation_rate),
        ] {
            if sizes.contains(&0) {
                return Err(LayerError::config(key, "at least 1 on each axis", json!(sizes)));
            }
        }
        if self.strides != [1; 2] && self.dilation_rate != [1; 2] {
            let got = json!(self.dilation_rate);
            return Err(LayerError::config("dilation_rate", "1 where strides are not 1", got));
        }
        let Some(added) = self.output_padding else { return Ok(()) };
        if (0..2).any(|axis| self.strides[axis] <= added[axis]) {
            let expected = format!("less than the strides {:?}", self.strides);
            return Err(LayerError::config("output_padding", expected, json!(added)));
        }
        Ok(())
    }

    /// Size of the result along an axis of `n` cells.
    fn output_size(&self, axis: usize, n: usize) -> usize {
        let stride = self.strides[axis];
        let reach = (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1;
        let between = n.saturating_sub(1) * stride;
        match (self.padding, self.output_padding) {
            (Padding::Same, None) => n * stride,
            (Padding::Valid, None) => between + reach.max(stride),
            (Padding::Same, Some(added)) => between + reach % 2 + added[axis],
            (Padding::Valid, Some(added)) => between + reach + added[axis],
        }
    }
}

setters!(Conv2DTranspose {
    pair strides,
    padding: Padding,
    pair output_padding,
    data_format: DataFormat,
    pair dilation_rate,
    activation: Activation,
    use_bias: bool,
    activity_regularizer: Option<Regularizer>,
    rules kernel { kernel_initializer, kernel_regularizer, kernel_constraint },
    rules bias { bias_initializer, bias_regularizer, bias_constraint },
});

impl Layer for Conv2DTranspose {
    fn class_name(&self) -> &'static str {
        "Conv2DTranspose"
    }

    fn config(&self) -> Map<String, Value> {
        let mut config = ConfigWriter::new()
            .set("filters", self.filters)
            .set("kernel_size", json!(self.kernel_size))
            .set("strides", json!(self.strides))
            .set("padding", self.padding.name())
            .set("output_padding", json!(self.output_padding))
            .set("data_format", self.data_format.name())
            .set("dilation_rate", json!(self.dilation_rate))
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
        for axis in 0..2 {
            picture.spatial[axis] = picture.spatial[axis].map(|n| self.output_size(axis, n));
        }
        picture.channels = Some(self.filters);
        Ok(picture.shape())
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        let channels = self.data_format.picture(inputs)?.known_channels()?;
        let [height, width] = self.kernel_size;
        let dims = [height, width, self.filters, channels];
        let mut weights = vec![self.kernel.spec("kernel", &dims)?];
        if self.use_bias {
            weights.push(self.bias.spec("bias", &[self.filters])?);
        }
        Ok(weights)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = self.data_format.channels_last(cx.graph, inputs[0])?;
        let [height, width] = spatial_sizes(cx.graph, x);
        let spatial = [self.output_size(0, height), self.output_size(1, width)];
        let conv = Conv {
            strides: self.strides.to_vec(),
            dilations: self.dilation_rate.to_vec(),
            padding: self.window().padding(spatial),
            groups: 1,
        };
        let y = cx.graph.conv_input_grad(x, cx.weights[0], conv, &spatial)?;
        let bias = cx.weights.get(1).copied();
        let (format, activation) = (self.data_format, self.activation);
        finish_picture(cx, y, bias, format, activation, self.activity_regularizer)
    }
}
