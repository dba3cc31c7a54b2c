use cornu_graph::ValueId;
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value};

use super::global_shape;
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// The mean of each channel of a picture. Along one axis a mask may leave out steps: their number
/// does not count either, and a sample without any step is 0 / 0.
///
/// Input `(samples, *spatial, channels)`, result `(samples, channels)`, or with spatial sizes of 1.
/// Keras 3, keras/src/layers/pooling/base_global_pooling.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GlobalAveragePooling<const RANK: usize> {
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Whether the spatial axes stay, with size 1. Default: false.
    pub keepdims: bool,
}

/// [`GlobalAveragePooling`] along one axis.
pub type GlobalAveragePooling1D = GlobalAveragePooling<1>;
/// [`GlobalAveragePooling`] over height and width.
pub type GlobalAveragePooling2D = GlobalAveragePooling<2>;
/// [`GlobalAveragePooling`] over volumes.
pub type GlobalAveragePooling3D = GlobalAveragePooling<3>;

impl<const RANK: usize> GlobalAveragePooling<RANK> {
    /// With channels last, to `(samples, channels)`.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            data_format: DataFormat::read(config)?,
            keepdims: config.bool_or("keepdims", false)?,
        })
    }
}

setters!(GlobalAveragePooling<RANK> { data_format: DataFormat, keepdims: bool });

impl<const RANK: usize> Layer for GlobalAveragePooling<RANK> {
    fn class_name(&self) -> &'static str {
        ["GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D"][RANK - 1]
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("keepdims", self.keepdims)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        global_shape::<RANK>(self.data_format, self.keepdims, inputs)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let axes: [usize; RANK] = self.data_format.spatial();
        let Some(mask) = cx.mask(0).filter(|_| RANK == 1) else {
            return Ok(cx.graph.mean(inputs[0], &axes, self.keepdims)?);
        };
        let g = &mut *cx.graph;
        let own_axis = match self.data_format {
            DataFormat::ChannelsLast => 2,
            DataFormat::ChannelsFirst => 1,
        };
        let shape = g.shape(mask).clone();
        let mut dims = shape.dims().to_vec();
        dims.insert(own_axis, Dim::Fixed(1));
        let mask = g.reshape(mask, Shape::new(dims))?;
        let zero = g.scalar(0.0)?;
        let kept = g.select(mask, inputs[0], zero)?;
        let sum = g.sum(kept, &axes, self.keepdims)?;
        let n = g.sum(mask, &axes, self.keepdims)?;
        Ok(g.div(sum, n)?)
    }
}
