use cornu_graph::ValueId;
use serde_json::{Map, Value};

use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, inputs, output};
use crate::{ConfigReader, ConfigWriter, LayerError, Regularizer, SymbolicShape};

/// The identity, with a penalty `l1 * sum |x| + l2 * sum x^2` per sample. Keras 3,
/// keras/src/layers/regularization/activity_regularization.py.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ActivityRegularization {
    /// Factor of the absolute values. Default 0.
    pub l1: f64,
    /// Factor of the squares. Default 0.
    pub l2: f64,
}

impl ActivityRegularization {
    /// Without a penalty yet.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self { l1: config.number_or("l1", 0.0)?, l2: config.number_or("l2", 0.0)? })
    }
}

setters!(ActivityRegularization { l1: f64, l2: f64 });

impl Layer for ActivityRegularization {
    fn class_name(&self) -> &'static str {
        "ActivityRegularization"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("l1", self.l1).set("l2", self.l2).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        inputs::one(inputs).cloned()
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        output::penalise(cx, Regularizer::l1_l2(self.l1, self.l2), inputs[0])?;
        Ok(inputs[0])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
