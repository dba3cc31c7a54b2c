use cornu_graph::ValueId;
use serde_json::{Map, Value};

use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, WeightRules, WeightSpec, inputs};
use crate::{ConfigReader, ConfigWriter, Initializer, LayerError, Regularizer, SymbolicShape};

/// A vector for each whole number: row `x` of a table.
///
/// Input any shape of whole numbers from 0 to below `input_dim` (other numbers give NaN), result the
/// same with an axis of `output_dim` at the end. Weight: `embeddings` `(input_dim, output_dim)`. With
/// `mask_zero` the output has a mask that leaves out zeros. The gradient of a row that occurs more than
/// once is a sum, which clipping and optimizers then see, as in Keras on JAX and torch (on TensorFlow
/// they see, and square, each part by itself). Keras 3, keras/src/layers/core/embedding.py.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// Rows of the table.
    pub input_dim: usize,
    /// Size of the vectors.
    pub output_dim: usize,
    /// Rules of the table; starts uniform within 0.05.
    pub embeddings: WeightRules,
    /// Penalty on the result, divided by the number of samples.
    pub activity_regularizer: Option<Regularizer>,
    /// Whether 0 means that there is nothing. Default: false.
    pub mask_zero: bool,
}

impl Embedding {
    /// Of `input_dim` numbers, to vectors of `output_dim`.
    pub fn new(input_dim: usize, output_dim: usize) -> Self {
        Self {
            input_dim,
            output_dim,
            embeddings: Self::default_rules(),
            activity_regularizer: None,
            mask_zero: false,
        }
    }

    fn default_rules() -> WeightRules {
        WeightRules::new(Initializer::RandomUniform { minval: -0.05, maxval: 0.05, seed: None })
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let hint = "train with a full-size float32 table";
        for key in ["quantization_config", "lora_rank", "lora_alpha"] {
            config.only(key, &[], hint)?;
        }
        config.only("weights", &[], "set the model's weights")?;
        config.ignore(&["input_length"]);
        Ok(Self {
            input_dim: config.positive("input_dim")?,
            output_dim: config.positive("output_dim")?,
            embeddings: WeightRules::read(config, "embeddings", Self::default_rules())?,
            activity_regularizer: config.regularizer("activity_regularizer")?,
            mask_zero: config.bool_or("mask_zero", false)?,
        })
    }
}

setters!(Embedding {
    activity_regularizer: Option<Regularizer>,
    mask_zero: bool,
    rules embeddings { embeddings_initializer, embeddings_regularizer, embeddings_constraint },
});

impl Layer for Embedding {
    fn class_name(&self) -> &'static str {
        "Embedding"
    }

    fn config(&self) -> Map<String, Value> {
        let config =
            ConfigWriter::new().set("input_dim", self.input_dim).set("output_dim", self.output_dim);
        self.embeddings
            .write(config, "embeddings")
            .set("activity_regularizer", self.activity_regularizer.map(|r| r.to_config()))
            .set("mask_zero", self.mask_zero)
            .set("quantization_config", Value::Null)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        for (key, size) in [("input_dim", self.input_dim), ("output_dim", self.output_dim)] {
            if size == 0 {
                return Err(LayerError::config(key, "at least 1", 0));
            }
        }
        let mut dims = inputs::one(inputs)?.dims().to_vec();
        dims.push(Some(self.output_dim));
        Ok(SymbolicShape::new(dims))
    }

    fn weights(&self, _inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        Ok(vec![self.embeddings.spec("embeddings", &[self.input_dim, self.output_dim])?])
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let y = cx.graph.gather(cx.weights[0], inputs[0])?;
        if let Some(regularizer) = self.activity_regularizer {
            crate::layers::output::penalise(cx, regularizer, y)?;
        }
        Ok(y)
    }

    fn output_mask(
        &self,
        cx: &mut LowerCx<'_>,
        inputs: &[ValueId],
    ) -> Result<Option<ValueId>, LayerError> {
        if !self.mask_zero {
            return Ok(None);
        }
        let zero = cx.graph.scalar(0.0)?;
        Ok(Some(cx.graph.not_equal(inputs[0], zero)?))
    }

    fn supports_masking(&self) -> bool {
        self.mask_zero
    }
}
