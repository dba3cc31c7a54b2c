use cornu_graph::ValueId;
use serde_json::{Map, Value};

use super::ConvSettings;
use super::settings::settings_setters;
use crate::layers::image::Picture;
use crate::layers::setters::setters;
use crate::layers::{IntoSizes, Layer, LowerCx, Padding, WeightRules, WeightSpec};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Each channel convolved with `depth_multiplier` kernels of its own: channel `c`'s `j`-th becomes
/// channel `c * depth_multiplier + j` of the result.
///
/// Input `(samples, *spatial, channels)`, result `(samples, *s, channels * depth_multiplier)` with
/// `s` as [`Padding`] says. Weights: `kernel` `(*kernel_size, channels, depth_multiplier)`, `bias` if
/// used. Keras 3, keras/src/layers/convolutional/base_depthwise_conv.py.
#[derive(Debug, Clone, PartialEq)]
pub struct DepthwiseConvolution<const RANK: usize> {
    /// Windows, bias and activation.
    pub settings: ConvSettings<RANK>,
    /// Kernels of each channel. Default 1.
    pub depth_multiplier: usize,
    /// Rules of the kernel.
    pub depthwise: WeightRules,
}

/// [`DepthwiseConvolution`] along one axis.
pub type DepthwiseConv1D = DepthwiseConvolution<1>;
/// [`DepthwiseConvolution`] over height and width.
pub type DepthwiseConv2D = DepthwiseConvolution<2>;

impl<const RANK: usize> DepthwiseConvolution<RANK> {
    /// With kernels of a size such as `3` or `(3, 5)` and Keras's defaults.
    pub fn new(kernel_size: impl IntoSizes<RANK>) -> Self {
        Self {
            settings: ConvSettings::new(kernel_size.into_sizes()),
            depth_multiplier: 1,
            depthwise: WeightRules::kernel(),
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let padding = Padding::read(config)?;
        Ok(Self {
            settings: ConvSettings::read(config, padding)?,
            depth_multiplier: config.positive_or("depth_multiplier", 1)?,
            depthwise: WeightRules::read(config, "depthwise", WeightRules::kernel())?,
        })
    }
}

settings_setters!(DepthwiseConvolution);
setters!(DepthwiseConvolution<RANK> {
    depth_multiplier: usize,
    rules depthwise { depthwise_initializer, depthwise_regularizer, depthwise_constraint },
});

impl<const RANK: usize> Layer for DepthwiseConvolution<RANK> {
    fn class_name(&self) -> &'static str {
        ["DepthwiseConv1D", "DepthwiseConv2D"][RANK - 1]
    }

    fn config(&self) -> Map<String, Value> {
        let config = ConfigWriter::new().set("depth_multiplier", self.depth_multiplier);
        self.depthwise.write(self.settings.write(config), "depthwise").finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        if self.depth_multiplier == 0 {
            return Err(LayerError::config("depth_multiplier", "at least 1", 0));
        }
        if self.settings.padding == Padding::Causal {
            return Err(LayerError::config("padding", "valid or same", "causal"));
        }
        let mut picture: Picture<RANK> = self.settings.data_format.picture(inputs)?;
        picture.spatial = self.settings.window().positions(picture.spatial)?;
        picture.channels = picture.channels.map(|n| n * self.depth_multiplier);
        self.settings.activation.output_shape(picture.shape())
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        let picture: Picture<RANK> = self.settings.data_format.picture(inputs)?;
        let channels = picture.known_channels()?;
        let dims = self.settings.kernel_dims([channels, self.depth_multiplier]);
        let mut weights = vec![self.depthwise.spec("kernel", &dims)?];
        self.settings.push_bias(&mut weights, channels * self.depth_multiplier)?;
        Ok(weights)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = self.settings.data_format.channels_last(cx.graph, inputs[0])?;
        let y = self.settings.depthwise(cx.graph, x, cx.weights[0])?;
        let bias = cx.weights.get(1).copied();
        self.settings.finish(cx, y, bias)
    }
}
