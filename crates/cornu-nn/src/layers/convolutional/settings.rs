use cornu_graph::ops::Conv;
use cornu_graph::{Graph, ValueId};
use cornu_tensor::{Dim, Shape};
use serde_json::json;

use crate::layers::image::{line_as_row, of_row, row_as_line, spatial_sizes};
use crate::layers::window::Window;
use crate::layers::{DataFormat, LowerCx, Padding, WeightRules, WeightSpec, output};
use crate::{Activation, ConfigReader, ConfigWriter, LayerError, Regularizer};

/// What all convolutions over `RANK` spatial axes have in common: where the windows lie, and what
/// follows the weighted sums.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvSettings<const RANK: usize> {
    /// Size of the kernels along each axis.
    pub kernel_size: [usize; RANK],
    /// Distance between neighbouring windows. Default 1.
    pub strides: [usize; RANK],
    /// Where windows lie at the edges. Default: valid.
    pub padding: Padding,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Distance between neighbouring cells of a window. Default 1.
    pub dilation_rate: [usize; RANK],
    /// Default: linear.
    pub activation: Activation,
    /// Whether a bias is added. Default: true.
    pub use_bias: bool,
    /// Rules of the bias.
    pub bias: WeightRules,
    /// Penalty on the result, divided by the number of samples.
    pub activity_regularizer: Option<Regularizer>,
}

impl<const RANK: usize> ConvSettings<RANK> {
    /// Keras's defaults.
    pub(super) fn new(kernel_size: [usize; RANK]) -> Self {
        Self {
            kernel_size,
            strides: [1; RANK],
            padding: Padding::Valid,
            data_format: DataFormat::ChannelsLast,
            dilation_rate: [1; RANK],
            activation: Activation::Linear,
            use_bias: true,
            bias: WeightRules::zeros(),
            activity_regularizer: None,
        }
    }

    /// Reads all but the padding, which is the caller's: not all layers take the same.
    pub(super) fn read(config: &mut ConfigReader, padding: Padding) -> Result<Self, LayerError> {
        let hint = "train with full-size float32 kernels";
        config.only("lora_rank", &[], hint)?;
        config.only("lora_alpha", &[], hint)?;
        Ok(Self {
            kernel_size: config.sizes("kernel_size")?,
            strides: config.sizes_or("strides", [1; RANK])?,
            padding,
            data_format: DataFormat::read(config)?,
            dilation_rate: config.sizes_or("dilation_rate", [1; RANK])?,
            activation: config.activation("activation")?,
            use_bias: config.bool_or("use_bias", true)?,
            bias: WeightRules::read(config, "bias", WeightRules::zeros())?,
            activity_regularizer: config.regularizer("activity_regularizer")?,
        })
    }

    /// Writes everything.
    pub(super) fn write(&self, config: ConfigWriter) -> ConfigWriter {
        let config = config
            .set("kernel_size", json!(&self.kernel_size[..]))
            .set("strides", json!(&self.strides[..]))
            .set("padding", self.padding.name())
            .set("data_format", self.data_format.name())
            .set("dilation_rate", json!(&self.dilation_rate[..]))
            .set("activation", self.activation.to_config())
            .set("use_bias", self.use_bias);
        self.bias
            .write(config, "bias")
            .set("activity_regularizer", self.activity_regularizer.map(|r| r.to_config()))
    }

    pub(super) fn window(&self) -> Window<RANK> {
        Window {
            size: self.kernel_size,
            strides: self.strides,
            dilation: self.dilation_rate,
            padding: self.padding,
        }
    }

    /// Sizes of a kernel that has these two axes besides the spatial ones.
    pub(super) fn kernel_dims(&self, two: [usize; 2]) -> Vec<usize> {
        [&self.kernel_size[..], &two[..]].concat()
    }

    /// Adds the bias for `filters` channels to the weights, if there is one.
    pub(super) fn push_bias(
        &self,
        weights: &mut Vec<WeightSpec>,
        filters: usize,
    ) -> Result<(), LayerError> {
        if self.use_bias {
            weights.push(self.bias.spec("bias", &[filters])?);
        }
        Ok(())
    }

    /// The graph's convolution for pictures with these spatial sizes.
    pub(super) fn conv(&self, spatial: [usize; RANK], groups: usize) -> Conv {
        Conv {
            strides: self.strides.to_vec(),
            dilations: self.dilation_rate.to_vec(),
            padding: self.window().padding(spatial),
            groups,
        }
    }

    /// What follows a convolution: bias on channels last, then the activation in the layer's own
    /// format, where softmax goes over the last axis whatever that is.
    pub(super) fn finish(
        &self,
        cx: &mut LowerCx<'_>,
        mut y: ValueId,
        bias: Option<ValueId>,
    ) -> Result<ValueId, LayerError> {
        if let Some(bias) = bias {
            y = cx.graph.add(y, bias)?;
        }
        y = self.data_format.in_own_format(cx.graph, y)?;
        output::finish(cx, y, None, self.activation, self.activity_regularizer)
    }

    /// The convolution of each channel of `x` with its own kernels `(*k, channels, multiplier)`: one
    /// with as many groups as channels.
    pub(super) fn depthwise(
        &self,
        g: &mut Graph,
        x: ValueId,
        kernel: ValueId,
    ) -> Result<ValueId, LayerError> {
        let dims = g.shape(kernel).sizes(1);
        let (channels, multiplier) = (dims[RANK], dims[RANK + 1]);
        let grouped = Shape::fixed(self.kernel_dims([1, channels * multiplier]));
        let kernel = g.reshape(kernel, grouped)?;
        let conv = self.conv(spatial_sizes(g, x), channels);
        convolve(g, x, kernel, conv)
    }
}

/// `conv` of pictures with any number of spatial axes; along one axis as pictures of one row.
pub(in crate::layers) fn convolve(
    g: &mut Graph,
    x: ValueId,
    kernel: ValueId,
    conv: Conv,
) -> Result<ValueId, LayerError> {
    let n = conv.strides.len();
    let x = line_as_row(g, x)?;
    let kernel = kernel_of_row(g, kernel, n)?;
    let y = g.conv(x, kernel, row_conv(conv))?;
    Ok(row_as_line(g, y, n)?)
}

/// The transpose of [`convolve`], to pictures with these spatial sizes.
pub(super) fn convolve_transposed(
    g: &mut Graph,
    x: ValueId,
    kernel: ValueId,
    conv: Conv,
    spatial: &[usize],
) -> Result<ValueId, LayerError> {
    let n = conv.strides.len();
    let x = line_as_row(g, x)?;
    let kernel = kernel_of_row(g, kernel, n)?;
    let y = g.conv_input_grad(x, kernel, row_conv(conv), &of_row(spatial, 1))?;
    Ok(row_as_line(g, y, n)?)
}

fn row_conv(conv: Conv) -> Conv {
    Conv {
        strides: of_row(&conv.strides, 1),
        dilations: of_row(&conv.dilations, 1),
        padding: of_row(&conv.padding, (0, 0)),
        groups: conv.groups,
    }
}

/// A kernel over one axis as one over rows of height 1.
fn kernel_of_row(g: &mut Graph, kernel: ValueId, n: usize) -> Result<ValueId, LayerError> {
    if n != 1 {
        return Ok(kernel);
    }
    let dims: Vec<Dim> =
        [Dim::Fixed(1)].into_iter().chain(g.shape(kernel).dims().iter().copied()).collect();
    Ok(g.reshape(kernel, Shape::new(dims))?)
}

/// Chained setters of [`ConvSettings`] on the layer that holds them as `settings`.
macro_rules! settings_setters {
    ($layer:ident) => {
        /// Chained setters of what all convolutions share; each is documented at the field of the
        /// same name of [`ConvSettings`].
        impl<const RANK: usize> $layer<RANK> {
            /// Sets `strides`: one number for all axes, or one for each.
            pub fn strides(mut self, strides: impl $crate::layers::IntoSizes<RANK>) -> Self {
                self.settings.strides = strides.into_sizes();
                self
            }

            /// Sets `padding`.
            pub fn padding(mut self, padding: $crate::layers::Padding) -> Self {
                self.settings.padding = padding;
                self
            }

            /// Sets `data_format`.
            pub fn data_format(mut self, data_format: $crate::layers::DataFormat) -> Self {
                self.settings.data_format = data_format;
                self
            }

            /// Sets `dilation_rate`: one number for all axes, or one for each.
            pub fn dilation_rate(mut self, rate: impl $crate::layers::IntoSizes<RANK>) -> Self {
                self.settings.dilation_rate = rate.into_sizes();
                self
            }

            /// Sets `activation`.
            pub fn activation(mut self, activation: $crate::Activation) -> Self {
                self.settings.activation = activation;
                self
            }

            /// Sets `use_bias`.
            pub fn use_bias(mut self, use_bias: bool) -> Self {
                self.settings.use_bias = use_bias;
                self
            }

            /// Sets `activity_regularizer`.
            pub fn activity_regularizer(
                mut self,
                regularizer: impl Into<Option<$crate::Regularizer>>,
            ) -> Self {
                self.settings.activity_regularizer = regularizer.into();
                self
            }

            /// Sets how the bias starts.
            pub fn bias_initializer(mut self, initializer: $crate::Initializer) -> Self {
                self.settings.bias.initializer = initializer;
                self
            }

            /// Sets the penalty on the bias.
            pub fn bias_regularizer(
                mut self,
                regularizer: impl Into<Option<$crate::Regularizer>>,
            ) -> Self {
                self.settings.bias.regularizer = regularizer.into();
                self
            }

            /// Sets what the bias is limited to.
            pub fn bias_constraint(
                mut self,
                constraint: impl Into<Option<$crate::Constraint>>,
            ) -> Self {
                self.settings.bias.constraint = constraint.into();
                self
            }
        }
    };
}

pub(super) use settings_setters;
