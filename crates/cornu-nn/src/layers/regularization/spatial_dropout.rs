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
pub struct SpatialDropout<const RANK: usize> {
    /// Share of channels that is dropped, 0 to 1.
    pub rate: f64,
    /// Where the channels are. Default: last. `SpatialDropout1D` has them last always.
    pub data_format: DataFormat,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

/// [`SpatialDropout`] of sequences: `(samples, steps, channels)`.
pub type SpatialDropout1D = SpatialDropout<1>;
/// [`SpatialDropout`] of pictures.
pub type SpatialDropout2D = SpatialDropout<2>;
/// [`SpatialDropout`] of volumes.
pub type SpatialDropout3D = SpatialDropout<3>;

impl<const RANK: usize> SpatialDropout<RANK> {
    /// Drops a share `rate` of the channels.
    pub fn new(rate: f64) -> Self {
        Self { rate, data_format: DataFormat::ChannelsLast, seed: None }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            rate: config.number("rate")?,
            data_format: match RANK {
                1 => DataFormat::ChannelsLast,
                _ => DataFormat::read(config)?,
            },
            seed: config.seed()?,
        })
    }
}

setters!(SpatialDropout<RANK> { data_format: DataFormat, seed: Option<u64>, });

impl<const RANK: usize> Layer for SpatialDropout<RANK> {
    fn class_name(&self) -> &'static str {
        ["SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"][RANK - 1]
    }

    fn config(&self) -> Map<String, Value> {
        let config = ConfigWriter::new().set("rate", self.rate).set("seed", self.seed);
        match RANK {
            1 => config.finish(),
            _ => config.set("data_format", self.data_format.name()).finish(),
        }
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        check_rate("rate", self.rate)?;
        Ok(self.data_format.picture::<RANK>(inputs)?.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let mut mask_shape = cx.graph.shape(inputs[0]).clone();
        for axis in self.data_format.spatial::<RANK>() {
            mask_shape = mask_shape.with(axis, Dim::Fixed(1));
        }
        drop(cx, inputs[0], self.rate, mask_shape)
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
