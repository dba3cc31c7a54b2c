use cornu_graph::ValueId;
use serde_json::{Map, Value};

use crate::layers::{Layer, LowerCx, inputs};
use crate::{ConfigReader, LayerError, SymbolicShape};

/// The input as it is. Keras 3, keras/src/layers/core/identity.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Identity;

impl Identity {
    /// Without arguments.
    pub fn new() -> Self {
        Self
    }

    pub(crate) fn from_config(_config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self)
    }
}

impl Layer for Identity {
    fn class_name(&self) -> &'static str {
        "Identity"
    }

    fn config(&self) -> Map<String, Value> {
        Map::new()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        inputs::one(inputs).cloned()
    }

    fn lower(&self, _cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        Ok(inputs[0])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
