use cornu_graph::ValueId;
use cornu_graph::ops::ReduceKind;
use serde_json::{Map, Value};

use super::global_shape;
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// The largest cell of each channel of a picture; the gradient is shared evenly among all that
/// attain it. Keras 3,
/// keras/src/layers/pooling/global_max_pooling2d.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GlobalMaxPooling2D {
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Whether height and width stay, with size 1. Default: false.
    pub keepdims: bool,
}

impl GlobalMaxPooling2D {
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

setters!(GlobalMaxPooling2D { data_format: DataFormat, keepdims: bool });

impl Layer for GlobalMaxPooling2D {
    fn class_name(&self) -> &'static str {
        "GlobalMaxPooling2D"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("keepdims", self.keepdims)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        global_shape(self.data_format, self.keepdims, inputs)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let axes = self.data_format.spatial();
        Ok(cx.graph.reduce(ReduceKind::Max, inputs[0], &axes, self.keepdims)?)
    }
}
