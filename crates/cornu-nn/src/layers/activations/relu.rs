use cornu_graph::ValueId;
use serde_json::{Map, Value};

use crate::activations::Rectifier;
use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// `max_value` from there on, `x` above `threshold`, else `negative_slope * (x - threshold)`.
///
/// Keras 3, keras/src/layers/activations/relu.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReLU {
    /// Largest output; none by default.
    pub max_value: Option<f64>,
    /// Slope below the threshold. Default 0.
    pub negative_slope: f64,
    /// Above it, `x` passes. Default 0.
    pub threshold: f64,
}

impl Default for ReLU {
    fn default() -> Self {
        Self::new()
    }
}

impl ReLU {
    /// `max(x, 0)`.
    pub fn new() -> Self {
        Self { max_value: None, negative_slope: 0.0, threshold: 0.0 }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            max_value: config.optional_number("max_value")?,
            negative_slope: config.number_or("negative_slope", 0.0)?,
            threshold: config.number_or("threshold", 0.0)?,
        })
    }

    /// As Keras does, none of the arguments may be negative.
    fn check(&self) -> Result<(), LayerError> {
        for (key, value) in [
            ("max_value", self.max_value.unwrap_or(0.0)),
            ("negative_slope", self.negative_slope),
            ("threshold", self.threshold),
        ] {
            if value.is_nan() || value < 0.0 {
                return Err(LayerError::config(key, "a number that is not negative", value));
            }
        }
        Ok(())
    }
}

setters!(ReLU { max_value: Option<f64>, negative_slope: f64, threshold: f64, });

impl Layer for ReLU {
    fn class_name(&self) -> &'static str {
        "ReLU"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("max_value", self.max_value)
            .set("negative_slope", self.negative_slope)
            .set("threshold", self.threshold)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        self.check()?;
        inputs::one(inputs).cloned()
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let Self { max_value, negative_slope, threshold } = *self;
        Ok(Rectifier { negative_slope, max_value, threshold }.lower(cx.graph, inputs[0])?)
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
