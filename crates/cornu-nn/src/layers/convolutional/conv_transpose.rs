use cornu_graph::ValueId;
use serde_json::{Map, Value, json};

use super::ConvSettings;
use super::settings::{convolve_transposed, settings_setters};
use crate::layers::image::{Picture, spatial_sizes};
use crate::layers::setters::setters;
use crate::layers::{IntoSizes, Layer, LowerCx, Padding, WeightRules, WeightSpec};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// The transpose of a convolution: what [`Convolution`](super::Convolution) does to the gradient of
/// its input, used forwards to make pictures larger.
///
/// Input `(samples, *spatial, channels)`, result `(samples, *s, filters)`, where `s` is `n * stride`
/// (same) or `(n - 1) * stride + max(reach, stride)` (valid), unless `output_padding` says
/// otherwise. Weights: `kernel` `(*kernel_size, filters, channels)`, `bias` `(filters)` if used.
/// Strides and dilations must not both be other than 1. Keras 3,
/// keras/src/layers/convolutional/base_conv_transpose.py.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvolutionTranspose<const RANK: usize> {
    /// Channels of the result.
    pub filters: usize,
    /// Windows, bias and activation. Strides are distances in the result.
    pub settings: ConvSettings<RANK>,
    /// Cells added to the smallest result: `(n - 1) * stride + reach % 2` (same) or
    /// `(n - 1) * stride + reach` (valid). Less than the stride.
    pub output_padding: Option<[usize; RANK]>,
    /// Rules of the kernel.
    pub kernel: WeightRules,
}

/// [`ConvolutionTranspose`] along one axis.
pub type Conv1DTranspose = ConvolutionTranspose<1>;
/// [`ConvolutionTranspose`] over height and width.
pub type Conv2DTranspose = ConvolutionTranspose<2>;
/// [`ConvolutionTranspose`] over volumes.
pub type Conv3DTranspose = ConvolutionTranspose<3>;

impl<const RANK: usize> ConvolutionTranspose<RANK> {
    /// With `filters` kernels of a size such as `3` or `(3, 5)` and Keras's defaults.
    pub fn new(filters: usize, kernel_size: impl IntoSizes<RANK>) -> Self {
        Self {
            filters,
            settings: ConvSettings::new(kernel_size.into_sizes()),
            output_padding: None,
            kernel: WeightRules::kernel(),
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let padding = Padding::read(config)?;
        Ok(Self {
            filters: config.positive("filters")?,
            settings: ConvSettings::read(config, padding)?,
            output_padding: config.optional_counts("output_padding")?,
            kernel: WeightRules::read(config, "kernel", WeightRules::kernel())?,
        })
    }

    fn check(&self) -> Result<(), LayerError> {
        if self.filters == 0 {
            return Err(LayerError::config("filters", "at least 1", 0));
        }
        if self.settings.padding == Padding::Causal {
            return Err(LayerError::config("padding", "valid or same", "causal"));
        }
        let window = self.settings.window();
        window.check()?;
        window.check_dilation()?;
        let Some(added) = self.output_padding else { return Ok(()) };
        if (0..RANK).any(|axis| window.strides[axis] <= added[axis]) {
            let expected = format!("less than the strides {:?}", window.strides);
            return Err(LayerError::config("output_padding", expected, json!(&added[..])));
        }
        Ok(())
    }

    /// Size of the result along an axis of `n` cells.
    fn output_size(&self, axis: usize, n: usize) -> usize {
        let window = self.settings.window();
        let stride = window.strides[axis];
        let reach = (window.size[axis] - 1) * window.dilation[axis] + 1;
        let between = n.saturating_sub(1) * stride;
        match (window.padding, self.output_padding) {
            (Padding::Same, None) => n * stride,
            (Padding::Same, Some(added)) => between + reach % 2 + added[axis],
            (_, None) => between + reach.max(stride),
            (_, Some(added)) => between + reach + added[axis],
        }
    }
}

settings_setters!(ConvolutionTranspose);
setters!(ConvolutionTranspose<RANK> {
    sizes output_padding,
    rules kernel { kernel_initializer, kernel_regularizer, kernel_constraint },
});

impl<const RANK: usize> Layer for ConvolutionTranspose<RANK> {
    fn class_name(&self) -> &'static str {
        ["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"][RANK - 1]
    }

    fn config(&self) -> Map<String, Value> {
        let added = self.output_padding.as_ref().map(|added| json!(&added[..]));
        let config = ConfigWriter::new().set("filters", self.filters).set("output_padding", added);
        self.kernel.write(self.settings.write(config), "kernel").finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        self.check()?;
        let mut picture: Picture<RANK> = self.settings.data_format.picture(inputs)?;
        for axis in 0..RANK {
            picture.spatial[axis] = picture.spatial[axis].map(|n| self.output_size(axis, n));
        }
        picture.channels = Some(self.filters);
        self.settings.activation.output_shape(picture.shape())
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        let picture: Picture<RANK> = self.settings.data_format.picture(inputs)?;
        let dims = self.settings.kernel_dims([self.filters, picture.known_channels()?]);
        let mut weights = vec![self.kernel.spec("kernel", &dims)?];
        self.settings.push_bias(&mut weights, self.filters)?;
        Ok(weights)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = self.settings.data_format.channels_last(cx.graph, inputs[0])?;
        let mut spatial: [usize; RANK] = spatial_sizes(cx.graph, x);
        for (axis, size) in spatial.iter_mut().enumerate() {
            *size = self.output_size(axis, *size);
        }
        let conv = self.settings.conv(spatial, 1);
        let y = convolve_transposed(cx.graph, x, cx.weights[0], conv, &spatial)?;
        let bias = cx.weights.get(1).copied();
        self.settings.finish(cx, y, bias)
    }
}
