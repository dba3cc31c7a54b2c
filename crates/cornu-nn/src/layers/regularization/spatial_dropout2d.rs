use cornu_graph::ValueId;
use cornu_tensor::Dim;
use serde_json::{Map, Value};

use super::{check_rate, drop};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// [`Dropout`](crate::layers::Dropout) of whole channels of pictures. Keras 3,
/// keras/src/layers/regularization/spatial_dropout.py.
#[derive(Debug, Clone, PartialEq)]
pub struct SpatialDropout2D {
    /// Share of channels that is dropped, 0 to 1.
    pub rate: f64,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl SpatialDropout2D {
    /// Drops a share `rate` of the channels.
    pub fn new(rate: f64) -> Self {
        Self { rate, data_format: DataFormat::ChannelsLast, seed: None }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            rate: config.number("rate")?,
            data_format: DataFormat::read(config)?,
            seed: config.seed()?,
        })
    }
}

setters!(SpatialDropout2D { data_format: DataFormat, seed: Option<u64>, });

impl Layer for SpatialDropout2D {
    fn class_name(&self) -> &'static str {
        "SpatialDropout2D"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("rate", self.rate)
            .set("seed", self.seed)
            .set("data_format", self.data_format.name())
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        check_rate("rate", self.rate)?;
        Ok(self.data_format.picture(inputs)?.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let mut mask_shape = cx.graph.shape(inputs[0]).clone();
        for axis in self.data_format.spatial() {
            mask_shape = mask_shape.with(axis, Dim::Fixed(1));
        }
        drop(cx, inputs[0], self.rate, mask_shape)
    }
}
