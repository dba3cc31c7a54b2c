use cornu_graph::ValueId;
use cornu_graph::ops::Distribution;
use serde_json::{Map, Value};

use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, multiplies by normal noise of mean 1 and deviation `sqrt(rate / (1 - rate))`; else
/// the identity. Keras 3, keras/src/layers/regularization/gaussian_dropout.py.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianDropout {
    /// The share that a dropout of the same variance drops, from 0 to below 1.
    pub rate: f64,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl GaussianDropout {
    /// Noise like that of a dropout of this rate.
    pub fn new(rate: f64) -> Self {
        Self { rate, seed: None }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self { rate: config.number("rate")?, seed: config.seed()? })
    }
}

setters!(GaussianDropout { seed: Option<u64>, });

impl Layer for GaussianDropout {
    fn class_name(&self) -> &'static str {
        "GaussianDropout"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("rate", self.rate).set("seed", self.seed).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        // At 1 the deviation would be infinite.
        if !(0.0..1.0).contains(&self.rate) {
            return Err(LayerError::config("rate", "a number from 0 to below 1", self.rate));
        }
        inputs::one(inputs).cloned()
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = inputs[0];
        if !cx.training || self.rate == 0.0 {
            return Ok(x);
        }
        let stream = cx.random_stream();
        let shape = cx.graph.shape(x).clone();
        let normal = cx.graph.random(Distribution::Normal, stream, shape)?;
        let noise = cx.graph.mul_scalar(normal, (self.rate / (1.0 - self.rate)).sqrt())?;
        let factor = cx.graph.add_scalar(noise, 1.0)?;
        Ok(cx.graph.mul(x, factor)?)
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
