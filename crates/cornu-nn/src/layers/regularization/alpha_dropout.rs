use cornu_graph::ValueId;
use cornu_graph::ops::Distribution;
use serde_json::{Map, Value, json};

use super::Dropout;
use crate::layers::{Layer, LowerCx};
use crate::{ConfigReader, LayerError, SymbolicShape};

/// What SELU tends to far below 0: minus its scale times its alpha.
const LOWEST: f64 = -1.758_099_340_847_376_6;

/// Dropout for networks of SELU units: dropped elements become SELU's lowest value, and all are
/// scaled and shifted so that mean 0 and variance 1 stay (Klambauer et al. 2017).
///
/// Keras 3, keras/src/layers/regularization/alpha_dropout.py.
#[derive(Debug, Clone, PartialEq)]
pub struct AlphaDropout {
    /// Rate, shape of the mask and seed.
    pub dropout: Dropout,
}

impl AlphaDropout {
    /// Drops a share `rate`.
    pub fn new(rate: f64) -> Self {
        Self { dropout: Dropout::new(rate) }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self { dropout: Dropout::from_config(config)? })
    }
}

impl Layer for AlphaDropout {
    fn class_name(&self) -> &'static str {
        "AlphaDropout"
    }

    fn config(&self) -> Map<String, Value> {
        self.dropout.config()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let rate = self.dropout.rate;
        // With a rate of 1 there is nothing left to scale.
        if rate == 1.0 {
            return Err(LayerError::config("rate", "a number below 1", json!(rate)));
        }
        self.dropout.output_shape(inputs)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let (x, rate) = (inputs[0], self.dropout.rate);
        if !cx.training || rate == 0.0 {
            return Ok(x);
        }
        let scale = ((1.0 - rate) * (1.0 + rate * LOWEST * LOWEST)).powf(-0.5);
        let shift = -scale * LOWEST * rate;
        let stream = cx.random_stream();
        let g = &mut *cx.graph;
        let mask_shape = self.dropout.mask_shape(g.shape(x));
        let uniform = g.random(Distribution::Uniform, stream, mask_shape)?;
        let limit = g.scalar(1.0 - rate)?;
        let is_kept = g.less(uniform, limit)?;
        let lowest = g.scalar(LOWEST)?;
        let y = g.select(is_kept, x, lowest)?;
        let y = g.mul_scalar(y, scale)?;
        Ok(g.add_scalar(y, shift)?)
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
