use std::sync::Arc;

use cornu_graph::ValueId;
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value, json};

use super::Embedding;
use super::dense::rows_of;
use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, WeightRules, WeightSpec, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// An [`Embedding`] that can be called the other way round, with `reverse=true`: from vectors of
/// `output_dim` to a score for each of the `input_dim` numbers, `x tableᵀ`.
///
/// With a `logit_soft_cap` `c` the scores are `c tanh(score / c)`. Weights: `embeddings`
/// `(input_dim, output_dim)`, and for untied weights `reverse_embeddings` `(output_dim, input_dim)`,
/// which starts likewise and has neither penalty nor limit. Keras 3,
/// keras/src/layers/core/reversible_embedding.py.
#[derive(Debug, Clone, PartialEq)]
pub struct ReversibleEmbedding {
    /// The table, and what is done with its rows.
    pub embedding: Embedding,
    /// Whether both ways use the same table. Default: true.
    pub tie_weights: bool,
    /// What scores are limited to, above 0. Default: nothing.
    pub logit_soft_cap: Option<f64>,
    /// Whether this is the layer as a call the other way round sees it; not part of the configuration.
    reverse: bool,
}

impl ReversibleEmbedding {
    /// Of `input_dim` numbers, to vectors of `output_dim`.
    pub fn new(input_dim: usize, output_dim: usize) -> Self {
        Self {
            embedding: Embedding::new(input_dim, output_dim),
            tie_weights: true,
            logit_soft_cap: None,
            reverse: false,
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        config.only("reverse_dtype", &[json!("float32")], "layers compute in float32")?;
        Ok(Self {
            embedding: Embedding::from_config(config)?,
            tie_weights: config.bool_or("tie_weights", true)?,
            logit_soft_cap: config.optional_number("logit_soft_cap")?,
            reverse: false,
        })
    }

    /// From vectors to scores.
    fn lower_reverse(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<ValueId, LayerError> {
        let shape = cx.graph.shape(x).clone();
        let last = shape.rank() - 1;
        let g = &mut *cx.graph;
        let rows = g.reshape(x, Shape::new([rows_of(&shape), shape.dims()[last]]))?;
        let mut y = match cx.weights.get(1) {
            Some(&table) => g.matmul(rows, table, false, false)?,
            None => g.matmul(rows, cx.weights[0], false, true)?,
        };
        if let Some(cap) = self.logit_soft_cap {
            let cap = g.scalar(cap)?;
            let share = g.div(y, cap)?;
            let bent = g.tanh(share)?;
            y = g.mul(bent, cap)?;
        }
        let y = g.reshape(y, shape.with(last, Dim::Fixed(self.embedding.input_dim)))?;
        if let Some(regularizer) = self.embedding.activity_regularizer {
            crate::layers::output::penalise(cx, regularizer, y)?;
        }
        Ok(y)
    }
}

setters!(ReversibleEmbedding {
    embedding: Embedding,
    tie_weights: bool,
    logit_soft_cap: Option<f64>,
});

impl Layer for ReversibleEmbedding {
    fn class_name(&self) -> &'static str {
        "ReversibleEmbedding"
    }

    fn config(&self) -> Map<String, Value> {
        let mut config = self.embedding.config();
        let own = ConfigWriter::new()
            .set("tie_weights", self.tie_weights)
            .set("reverse_dtype", Value::Null)
            .set("logit_soft_cap", self.logit_soft_cap);
        config.extend(own.finish());
        config
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        if self.logit_soft_cap.is_some_and(|cap| cap.is_nan() || cap <= 0.0) {
            let got = json!(self.logit_soft_cap);
            return Err(LayerError::config("logit_soft_cap", "a number above 0", got));
        }
        if !self.reverse {
            return self.embedding.output_shape(inputs);
        }
        let input = inputs::at_least(inputs, 2)?;
        if input.last().is_some_and(|n| n != self.embedding.output_dim) {
            let expected = format!("vectors of {}", self.embedding.output_dim);
            return Err(LayerError::input_shape(expected, inputs));
        }
        Ok(input.with_last(Some(self.embedding.input_dim)))
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        let mut weights = self.embedding.weights(inputs)?;
        if !self.tie_weights {
            let rules = WeightRules::new(self.embedding.embeddings.initializer.clone());
            let dims = [self.embedding.output_dim, self.embedding.input_dim];
            weights.push(rules.spec("reverse_embeddings", &dims)?);
        }
        Ok(weights)
    }

    fn called_with(&self, arguments: &Map<String, Value>) -> Option<Arc<dyn Layer>> {
        let reverse = arguments.get("reverse").is_some_and(|value| value == true);
        reverse.then(|| Arc::new(Self { reverse, ..self.clone() }) as Arc<dyn Layer>)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        if self.reverse {
            return self.lower_reverse(cx, inputs[0]);
        }
        self.embedding.lower(cx, inputs)
    }

    fn output_mask(
        &self,
        cx: &mut LowerCx<'_>,
        inputs: &[ValueId],
    ) -> Result<Option<ValueId>, LayerError> {
        if self.reverse {
            return Ok(None);
        }
        self.embedding.output_mask(cx, inputs)
    }

    fn supports_masking(&self) -> bool {
        self.embedding.supports_masking()
    }
}
