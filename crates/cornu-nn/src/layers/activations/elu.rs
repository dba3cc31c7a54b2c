use cornu_graph::ValueId;
use serde_json::{Map, Value};

use crate::activations::elu;
use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// `x` above 0, else `alpha * (e^x - 1)`. Keras 3, keras/src/layers/activations/elu.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ELU {
    /// Default 1.
    pub alpha: f64,
}

impl Default for ELU {
    fn default() -> Self {
        Self::new()
    }
}

impl ELU {
    /// With `alpha` 1.
    pub fn new() -> Self {
        Self { alpha: 1.0 }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self { alpha: config.number_or("alpha", 1.0)? })
    }
}

setters!(ELU { alpha: f64 });

impl Layer for ELU {
    fn class_name(&self) -> &'static str {
        "ELU"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("alpha", self.alpha).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        inputs::one(inputs).cloned()
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        Ok(elu(cx.graph, inputs[0], self.alpha)?)
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
