use cornu_graph::ValueId;
use serde_json::{Map, Value};

use crate::layers::{Layer, LowerCx, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Any activation by its name. Keras 3, keras/src/layers/activations/activation.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activation {
    /// The function.
    pub activation: crate::Activation,
}

impl Activation {
    /// The layer of `activation`.
    pub fn new(activation: crate::Activation) -> Self {
        Self { activation }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self { activation: config.activation("activation")? })
    }
}

impl Layer for Activation {
    fn class_name(&self) -> &'static str {
        "Activation"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("activation", self.activation.to_config()).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        self.activation.output_shape(inputs::one(inputs)?.clone())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        Ok(self.activation.lower(cx.graph, inputs[0])?)
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
