use cornu_graph::ValueId;
use serde_json::{Map, Value};

use super::ConvSettings;
use super::settings::{convolve, settings_setters};
use crate::layers::image::{Picture, spatial_sizes};
use crate::layers::setters::setters;
use crate::layers::{IntoSizes, Layer, LowerCx, Padding, WeightRules, WeightSpec};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Cross-correlation of pictures with `filters` kernels:
/// `y[f] = activation(sum over cells and channels of x * kernel[f] + bias[f])`.
///
/// Input `(samples, *spatial, channels)`, result `(samples, *s, filters)` with `s` as [`Padding`]
/// says. Weights: `kernel` `(*kernel_size, channels / groups, filters)`, `bias` `(filters)` if used.
/// Strides and dilations must not both be other than 1, the filters and the channels are multiples
/// of `groups`. Keras 3, keras/src/layers/convolutional/base_conv.py.
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution<const RANK: usize> {
    /// Number of kernels: channels of the result.
    pub filters: usize,
    /// Windows, bias and activation.
    pub settings: ConvSettings<RANK>,
    /// Blocks of channels that do not mix; divides the channels and the filters. Default 1.
    pub groups: usize,
    /// Rules of the kernel.
    pub kernel: WeightRules,
}

/// [`Convolution`] along one axis, such as time: `(samples, steps, channels)`. It alone takes
/// [`Padding::Causal`].
pub type Conv1D = Convolution<1>;
/// [`Convolution`] over height and width: `(samples, height, width, channels)`.
pub type Conv2D = Convolution<2>;
/// [`Convolution`] over volumes: `(samples, depth, height, width, channels)`.
pub type Conv3D = Convolution<3>;

impl<const RANK: usize> Convolution<RANK> {
    /// With `filters` kernels of a size such as `3` or `(3, 5)` and Keras's defaults.
    pub fn new(filters: usize, kernel_size: impl IntoSizes<RANK>) -> Self {
        Self {
            filters,
            settings: ConvSettings::new(kernel_size.into_sizes()),
            groups: 1,
            kernel: WeightRules::kernel(),
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let padding =
            if RANK == 1 { Padding::read_or_causal(config)? } else { Padding::read(config)? };
        Ok(Self {
            filters: config.positive("filters")?,
            settings: ConvSettings::read(config, padding)?,
            groups: config.positive_or("groups", 1)?,
            kernel: WeightRules::read(config, "kernel", WeightRules::kernel())?,
        })
    }

    fn check(&self) -> Result<(), LayerError> {
        if self.groups == 0 || self.filters == 0 || !self.filters.is_multiple_of(self.groups) {
            let expected = format!("a multiple of groups={}, at least 1", self.groups);
            return Err(LayerError::config("filters", expected, self.filters));
        }
        if RANK != 1 && self.settings.padding == Padding::Causal {
            return Err(LayerError::config("padding", "valid or same", "causal"));
        }
        self.settings.window().check_dilation()
    }
}

settings_setters!(Convolution);
setters!(Convolution<RANK> {
    groups: usize,
    rules kernel { kernel_initializer, kernel_regularizer, kernel_constraint },
});

impl<const RANK: usize> Layer for Convolution<RANK> {
    fn class_name(&self) -> &'static str {
        ["Conv1D", "Conv2D", "Conv3D"][RANK - 1]
    }

    fn config(&self) -> Map<String, Value> {
        let config = ConfigWriter::new().set("filters", self.filters).set("groups", self.groups);
        self.kernel.write(self.settings.write(config), "kernel").finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        self.check()?;
        let mut picture: Picture<RANK> = self.settings.data_format.picture(inputs)?;
        if picture.channels.is_some_and(|n| n == 0 || !n.is_multiple_of(self.groups)) {
            let expected = format!("a multiple of {} channels (`groups`)", self.groups);
            return Err(LayerError::input_shape(expected, inputs));
        }
        picture.spatial = self.settings.window().positions(picture.spatial)?;
        picture.channels = Some(self.filters);
        self.settings.activation.output_shape(picture.shape())
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        self.output_shape(inputs)?;
        let picture: Picture<RANK> = self.settings.data_format.picture(inputs)?;
        let per_group = picture.known_channels()? / self.groups;
        let dims = self.settings.kernel_dims([per_group, self.filters]);
        let mut weights = vec![self.kernel.spec("kernel", &dims)?];
        self.settings.push_bias(&mut weights, self.filters)?;
        Ok(weights)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = self.settings.data_format.channels_last(cx.graph, inputs[0])?;
        let conv = self.settings.conv(spatial_sizes(cx.graph, x), self.groups);
        let y = convolve(cx.graph, x, cx.weights[0], conv)?;
        let bias = cx.weights.get(1).copied();
        self.settings.finish(cx, y, bias)
    }
}
