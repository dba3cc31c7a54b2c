use cornu_graph::ValueId;
use cornu_graph::ops::ReduceKind;
use serde_json::{Map, Value};

use super::global_shape;
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// The largest cell of each channel of a picture; the gradient is shared evenly among all that
/// attain it.
///
/// Input `(samples, *spatial, channels)`, result `(samples, channels)`, or with spatial sizes of 1.
/// Keras 3, keras/src/layers/pooling/base_global_pooling.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GlobalMaxPooling<const RANK: usize> {
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Whether the spatial axes stay, with size 1. Default: false.
    pub keepdims: bool,
}

/// [`GlobalMaxPooling`] along one axis.
pub type GlobalMaxPooling1D = GlobalMaxPooling<1>;
/// [`GlobalMaxPooling`] over height and width.
pub type GlobalMaxPooling2D = GlobalMaxPooling<2>;
/// [`GlobalMaxPooling`] over volumes.
pub type GlobalMaxPooling3D = GlobalMaxPooling<3>;

impl<const RANK: usize> GlobalMaxPooling<RANK> {
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

setters!(GlobalMaxPooling<RANK> { data_format: DataFormat, keepdims: bool });

impl<const RANK: usize> Layer for GlobalMaxPooling<RANK> {
    fn class_name(&self) -> &'static str {
        ["GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D"][RANK - 1]
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
        Ok(cx.graph.reduce(ReduceKind::Max, inputs[0], &axes, self.keepdims)?)
    }
}
