use cornu_graph::ops::ReduceKind;
use cornu_graph::{Graph, ValueId};
use cornu_tensor::{Array, Dim, Shape};
use serde_json::{Map, Value, json};

use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// What a [`CategoryEncoding`] makes of the categories of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputMode {
    /// One row per category, 1 at its number.
    OneHot,
    /// One row per sample, 1 at the number of each category that is there.
    MultiHot,
    /// One row per sample: how often each category is there.
    Count,
}

impl OutputMode {
    /// Keras's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::OneHot => "one_hot",
            Self::MultiHot => "multi_hot",
            Self::Count => "count",
        }
    }
}

/// Whole numbers from 0 to `num_tokens - 1` as rows of zeros and ones, or of counts.
///
/// Input `(samples, n)`; result `(samples, num_tokens)`, for one-hot `(samples, n, num_tokens)`. A
/// last axis of size 1 is left out of a one-hot result. Numbers outside count as no category. Counts
/// may be weighted by `count_weights` of the call. Keras 3,
/// keras/src/layers/preprocessing/category_encoding.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CategoryEncoding {
    /// Number of categories.
    pub num_tokens: usize,
    /// Default: multi-hot.
    pub output_mode: OutputMode,
}

impl CategoryEncoding {
    /// Of so many categories, multi-hot.
    pub fn new(num_tokens: usize) -> Self {
        Self { num_tokens, output_mode: OutputMode::MultiHot }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        config.only("sparse", &[json!(false)], "rows are dense here")?;
        let output_mode = match config.string_or("output_mode", "multi_hot")?.as_str() {
            "one_hot" => OutputMode::OneHot,
            "multi_hot" => OutputMode::MultiHot,
            "count" => OutputMode::Count,
            other => {
                let expected = "one_hot, multi_hot or count";
                return Err(LayerError::config("output_mode", expected, other));
            }
        };
        Ok(Self { num_tokens: config.positive("num_tokens")?, output_mode })
    }
}

setters!(CategoryEncoding { output_mode: OutputMode });

impl Layer for CategoryEncoding {
    fn class_name(&self) -> &'static str {
        "CategoryEncoding"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("num_tokens", self.num_tokens)
            .set("output_mode", self.output_mode.name())
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        self.output_mode.encoded_shape(inputs, self.num_tokens)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let weights = cx.call.count_weights;
        if weights.is_some() && self.output_mode != OutputMode::Count {
            return Err(LayerError::Unsupported {
                setting: format!("count_weights with output_mode={}", self.output_mode.name()),
                hint: "only counts can be weighted: use output_mode=count".to_owned(),
            });
        }
        encode(cx.graph, inputs[0], self.output_mode, self.num_tokens, weights)
    }
}

impl OutputMode {
    /// The shape of `n` categories encoded.
    pub(super) fn encoded_shape(
        self,
        inputs: &[SymbolicShape],
        n: usize,
    ) -> Result<SymbolicShape, LayerError> {
        let input = inputs::at_least(inputs, 2)?;
        let mut dims = input.dims().to_vec();
        if self != Self::OneHot || input.last() == Some(1) {
            dims.pop();
        }
        dims.push(Some(n));
        Ok(SymbolicShape::new(dims))
    }
}

/// Whole numbers from 0 to below `n` encoded; counts are sums of the `weights`, if there are any.
pub(super) fn encode(
    g: &mut Graph,
    x: ValueId,
    mode: OutputMode,
    n: usize,
    weights: Option<ValueId>,
) -> Result<ValueId, LayerError> {
    let mut dims = g.shape(x).dims().to_vec();
    if let Some(weights) = weights
        && g.shape(weights).dims() != dims
    {
        let got = [x, weights].map(|value| SymbolicShape::from_graph(g.shape(value)));
        return Err(LayerError::input_shape("one of `count_weights` for each category", &got));
    }
    let axis = dims.len() - 1;
    let is_single = dims[axis] == Dim::Fixed(1);
    dims.push(Dim::Fixed(1));
    let x = g.reshape(x, Shape::new(dims.clone()))?;
    let tokens = g.constant(Array::from_fn([n], |i| i as f64))?;
    let one_hot = g.equal(x, tokens)?;
    Ok(match mode {
        OutputMode::OneHot if is_single => g.sum(one_hot, &[axis], false)?,
        OutputMode::OneHot => one_hot,
        OutputMode::MultiHot => g.reduce(ReduceKind::Max, one_hot, &[axis], false)?,
        OutputMode::Count => {
            let counted = match weights {
                Some(weights) => {
                    let weights = g.reshape(weights, Shape::new(dims))?;
                    g.mul(one_hot, weights)?
                }
                None => one_hot,
            };
            g.sum(counted, &[axis], false)?
        }
    })
}
