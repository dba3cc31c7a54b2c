use cornu_graph::ValueId;
use cornu_tensor::Array;
use serde_json::{Map, Value, json};

use super::{adaptive_shape, adaptive_window};
use crate::layers::image::mix_axis;
use crate::layers::setters::setters;
use crate::layers::{DataFormat, IntoSizes, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// The mean of each of `output_size` windows that share out each axis.
///
/// Window `i` of `m` over `n` cells goes from `floor(i n / m)` to before `ceil((i + 1) n / m)`;
/// neighbours may overlap. Input `(samples, *spatial, channels)`, result
/// `(samples, *output_size, channels)`. Keras 3, keras/src/layers/pooling/base_adaptive_pooling.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdaptiveAveragePooling<const RANK: usize> {
    /// Number of windows along each axis.
    pub output_size: [usize; RANK],
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
}

/// [`AdaptiveAveragePooling`] along one axis.
pub type AdaptiveAveragePooling1D = AdaptiveAveragePooling<1>;
/// [`AdaptiveAveragePooling`] over height and width.
pub type AdaptiveAveragePooling2D = AdaptiveAveragePooling<2>;
/// [`AdaptiveAveragePooling`] over volumes.
pub type AdaptiveAveragePooling3D = AdaptiveAveragePooling<3>;

impl<const RANK: usize> AdaptiveAveragePooling<RANK> {
    /// To so many cells, such as `3` or `(3, 2)`.
    pub fn new(output_size: impl IntoSizes<RANK>) -> Self {
        Self { output_size: output_size.into_sizes(), data_format: DataFormat::ChannelsLast }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            output_size: config.sizes("output_size")?,
            data_format: DataFormat::read(config)?,
        })
    }
}

setters!(AdaptiveAveragePooling<RANK> { data_format: DataFormat });

impl<const RANK: usize> Layer for AdaptiveAveragePooling<RANK> {
    fn class_name(&self) -> &'static str {
        ["AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D"]
            [RANK - 1]
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("output_size", json!(&self.output_size[..]))
            .set("data_format", self.data_format.name())
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        adaptive_shape(self.data_format, self.output_size, inputs)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let axes: [usize; RANK] = self.data_format.spatial();
        let mut y = inputs[0];
        for (axis, m) in axes.into_iter().zip(self.output_size) {
            let n = cx.graph.shape(y).dims()[axis].size(1);
            let weights = Array::from_fn([m, n], |at| {
                let (start, end) = adaptive_window(at / n, n, m);
                let inside = (start..end).contains(&(at % n));
                if inside { 1.0 / (end - start) as f64 } else { 0.0 }
            });
            y = mix_axis(cx.graph, y, axis, weights)?;
        }
        Ok(y)
    }
}
