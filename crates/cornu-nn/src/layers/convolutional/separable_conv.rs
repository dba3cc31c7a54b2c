use cornu_graph::ValueId;
use cornu_graph::ops::Conv;
use serde_json::{Map, Value};

use super::ConvSettings;
use super::settings::{convolve, settings_setters};
use crate::layers::image::Picture;
use crate::layers::setters::setters;
use crate::layers::{IntoSizes, Layer, LowerCx, Padding, WeightRules, WeightSpec};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// A convolution in two steps: each channel with kernels of its own
/// ([`DepthwiseConvolution`](super::DepthwiseConvolution)), then a 1x1 convolution that mixes what
/// came out.
///
/// Input `(samples, *spatial, channels)`, result `(samples, *s, filters)` with `s` as [`Padding`]
/// says. Weights: `depthwise_kernel` `(*kernel_size, channels, depth_multiplier)`,
/// `pointwise_kernel` `(1, ..., channels * depth_multiplier, filters)`, `bias` `(filters)` if used.
/// Keras 3, keras/src/layers/convolutional/base_separable_conv.py.
#[derive(Debug, Clone, PartialEq)]
pub struct SeparableConvolution<const RANK: usize> {
    /// Channels of the result.
    pub filters: usize,
    /// Windows of the first step, bias and activation of the second.
    pub settings: ConvSettings<RANK>,
    /// Kernels of each channel in the first step. Default 1.
    pub depth_multiplier: usize,
    /// Rules of the first step's kernel.
    pub depthwise: WeightRules,
    /// Rules of the second step's kernel.
    pub pointwise: WeightRules,
}

/// [`SeparableConvolution`] along one axis.
pub type SeparableConv1D = SeparableConvolution<1>;
/// [`SeparableConvolution`] over height and width.
pub type SeparableConv2D = SeparableConvolution<2>;

impl<const RANK: usize> SeparableConvolution<RANK> {
    /// To `filters` channels, with kernels of a size such as `3` or `(3, 5)` and Keras's defaults.
    pub fn new(filters: usize, kernel_size: impl IntoSizes<RANK>) -> Self {
        Self {
            filters,
            settings: ConvSettings::new(kernel_size.into_sizes()),
            depth_multiplier: 1,
            depthwise: WeightRules::kernel(),
            pointwise: WeightRules::kernel(),
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let padding = Padding::read(config)?;
        Ok(Self {
            filters: config.positive("filters")?,
            settings: ConvSettings::read(config, padding)?,
            depth_multiplier: config.positive_or("depth_multiplier", 1)?,
            depthwise: WeightRules::read(config, "depthwise", WeightRules::kernel())?,
            pointwise: WeightRules::read(config, "pointwise", WeightRules::kernel())?,
        })
    }
}

settings_setters!(SeparableConvolution);
setters!(SeparableConvolution<RANK> {
    depth_multiplier: usize,
    rules depthwise { depthwise_initializer, depthwise_regularizer, depthwise_constraint },
    rules pointwise { pointwise_initializer, pointwise_regularizer, pointwise_constraint },
});

impl<const RANK: usize> Layer for SeparableConvolution<RANK> {
    fn class_name(&self) -> &'static str {
        ["SeparableConv1D", "SeparableConv2D"][RANK - 1]
    }

    fn config(&self) -> Map<String, Value> {
        let mut config = ConfigWriter::new()
            .set("depth_multiplier", self.depth_multiplier)
            .set("filters", self.filters);
        config = self.settings.write(config);
        config = self.depthwise.write(config, "depthwise");
        self.pointwise.write(config, "pointwise").finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        for (key, size) in [("filters", self.filters), ("depth_multiplier", self.depth_multiplier)]
        {
            if size == 0 {
                return Err(LayerError::config(key, "at least 1", 0));
            }
        }
        if self.settings.padding == Padding::Causal {
            return Err(LayerError::config("padding", "valid or same", "causal"));
        }
        let mut picture: Picture<RANK> = self.settings.data_format.picture(inputs)?;
        picture.spatial = self.settings.window().positions(picture.spatial)?;
        picture.channels = Some(self.filters);
        self.settings.activation.output_shape(picture.shape())
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        let picture: Picture<RANK> = self.settings.data_format.picture(inputs)?;
        let channels = picture.known_channels()?;
        let depthwise = self.settings.kernel_dims([channels, self.depth_multiplier]);
        let mut pointwise = vec![1; RANK];
        pointwise.extend([channels * self.depth_multiplier, self.filters]);
        let mut weights = vec![
            self.depthwise.spec("depthwise_kernel", &depthwise)?,
            self.pointwise.spec("pointwise_kernel", &pointwise)?,
        ];
        self.settings.push_bias(&mut weights, self.filters)?;
        Ok(weights)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = self.settings.data_format.channels_last(cx.graph, inputs[0])?;
        let y = self.settings.depthwise(cx.graph, x, cx.weights[0])?;
        let y = convolve(cx.graph, y, cx.weights[1], Conv::plain(RANK))?;
        let bias = cx.weights.get(2).copied();
        self.settings.finish(cx, y, bias)
    }
}
