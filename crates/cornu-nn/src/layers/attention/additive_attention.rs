use cornu_graph::ValueId;
use serde_json::{Map, Value};

use super::dot_product::{attend, output_shape, pairwise_sums, scores_shape};
use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, WeightSpec};
use crate::{ConfigReader, ConfigWriter, Initializer, LayerError, SymbolicShape};

/// As [`Attention`](super::Attention) with the scores `sum(scale * tanh(q + k))` (Bahdanau et al.
/// 2015).
///
/// Inputs, result and masks as there. Weight: `scale` `(size)` if used. Keras 3,
/// keras/src/layers/attention/additive_attention.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdditiveAttention {
    /// Whether each feature has a weight. Default: true.
    pub use_scale: bool,
    /// Share of the softmax's numbers that training drops. Default 0.
    pub dropout: f64,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl Default for AdditiveAttention {
    fn default() -> Self {
        Self::new()
    }
}

impl AdditiveAttention {
    /// With a scale, without dropout.
    pub fn new() -> Self {
        Self { use_scale: true, dropout: 0.0, seed: None }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            use_scale: config.bool_or("use_scale", true)?,
            dropout: config.number_or("dropout", 0.0)?,
            seed: config.seed()?,
        })
    }
}

setters!(AdditiveAttention { use_scale: bool, dropout: f64, seed: Option<u64> });

impl Layer for AdditiveAttention {
    fn class_name(&self) -> &'static str {
        "AdditiveAttention"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("use_scale", self.use_scale)
            .set("dropout", self.dropout)
            .set("seed", self.seed)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        output_shape(inputs, self.dropout)
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        if !self.use_scale {
            return Ok(Vec::new());
        }
        let size = inputs.first().and_then(SymbolicShape::last).ok_or_else(|| {
            LayerError::input_shape("a known size of the query's last axis", inputs)
        })?;
        Ok(vec![WeightSpec::new("scale", [size], &Initializer::default())?])
    }

    fn scores_shape(&self, inputs: &[SymbolicShape]) -> Option<SymbolicShape> {
        scores_shape(inputs)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        Ok(self.lower_outputs(cx, inputs)?[0])
    }

    fn lower_outputs(
        &self,
        cx: &mut LowerCx<'_>,
        inputs: &[ValueId],
    ) -> Result<Vec<ValueId>, LayerError> {
        let (query, value) = (inputs[0], inputs[1]);
        let key = inputs.get(2).copied().unwrap_or(value);
        let g = &mut *cx.graph;
        let sums = pairwise_sums(g, query, key)?;
        let mut bent = g.tanh(sums)?;
        if let Some(&scale) = cx.weights.first() {
            bent = g.mul(bent, scale)?;
        }
        let axis = g.shape(bent).rank() - 1;
        let scores = g.sum(bent, &[axis], false)?;
        attend(cx, scores, value, self.dropout)
    }

    fn output_mask(
        &self,
        cx: &mut LowerCx<'_>,
        _inputs: &[ValueId],
    ) -> Result<Option<ValueId>, LayerError> {
        Ok(cx.mask(0))
    }

    fn takes_list(&self) -> bool {
        true
    }
}
