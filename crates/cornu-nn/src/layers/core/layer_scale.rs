use cornu_graph::ValueId;
use serde_json::{Map, Value};

use crate::layers::{Layer, LowerCx, WeightSpec, inputs};
use crate::{ConfigReader, ConfigWriter, Initializer, LayerError, SymbolicShape};

/// `x * gamma`, a factor for each channel of the last axis.
///
/// Weight of the channels: `gamma`, which starts with `init_values`; Keras gives it no name of its
/// own. No public class of Keras: its ConvNeXt networks are made of it. Touvron et al. 2021, "Going
/// deeper with image transformers"; Keras 3, keras/src/applications/convnext.py.
///
/// An input with another number of channels than `projection_dim` is an error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerScale {
    /// What all factors start with.
    pub init_values: f64,
    /// Channels.
    pub projection_dim: usize,
}

impl LayerScale {
    /// So many factors that start with this value.
    pub fn new(init_values: f64, projection_dim: usize) -> Self {
        Self { init_values, projection_dim }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            init_values: config.number("init_values")?,
            projection_dim: config.positive("projection_dim")?,
        })
    }
}

impl Layer for LayerScale {
    fn class_name(&self) -> &'static str {
        "LayerScale"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("init_values", self.init_values)
            .set("projection_dim", self.projection_dim)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let input = inputs::at_least(inputs, 2)?;
        if input.last().is_some_and(|channels| channels != self.projection_dim) {
            let expected = format!("{} channels on the last axis", self.projection_dim);
            return Err(LayerError::input_shape(expected, inputs));
        }
        Ok(input.with_last(Some(self.projection_dim)))
    }

    fn weights(&self, _inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        let initializer = Initializer::Constant { value: self.init_values };
        Ok(vec![WeightSpec::new("variable", [self.projection_dim], &initializer)?])
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        Ok(cx.graph.mul(inputs[0], cx.weights[0])?)
    }
}
