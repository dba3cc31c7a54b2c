use cornu_graph::ValueId;
use serde_json::{Map, Value};

use crate::activations::leaky_relu;
use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// `x` above 0, else `negative_slope * x`. The layer's slope is 0.3 by default, that of the
/// activation of the same name 0.2. Keras 3, keras/src/layers/activations/leaky_relu.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeakyReLU {
    /// Slope below 0. Default 0.3.
    pub negative_slope: f64,
}

impl Default for LeakyReLU {
    fn default() -> Self {
        Self::new()
    }
}

impl LeakyReLU {
    /// With slope 0.3.
    pub fn new() -> Self {
        Self { negative_slope: 0.3 }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self { negative_slope: config.number_or("negative_slope", 0.3)? })
    }
}

setters!(LeakyReLU { negative_slope: f64 });

impl Layer for LeakyReLU {
    fn class_name(&self) -> &'static str {
        "LeakyReLU"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("negative_slope", self.negative_slope).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        inputs::one(inputs).cloned()
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        Ok(leaky_relu(cx.graph, inputs[0], self.negative_slope)?)
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
