use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value};

use super::masks;
use crate::layers::regularization::{check_rate, drop};
use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, WeightSpec};
use crate::{ConfigReader, ConfigWriter, Initializer, LayerError, SymbolicShape};

/// How [`Attention`] compares a query with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScoreMode {
    /// `scale * (q . k)`
    #[default]
    Dot,
    /// `concat_score_weight * sum(tanh(scale * (q + k)))`
    Concat,
}

impl ScoreMode {
    /// Keras's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dot => "dot",
            Self::Concat => "concat",
        }
    }
}

/// `softmax(score(query, key)) @ value` (Luong et al. 2015).
///
/// Inputs, as one list: query `(samples, ..., queries, size)`, value `(samples, ..., keys, n)` and
/// key `(samples, ..., keys, size)`, by default the value. Result `(samples, ..., queries, n)`.
/// Weights: `scale` if used, `concat_score_weight` in that mode, both single numbers. The value's
/// mask leaves keys out, the query's sets results to 0; `use_causal_mask` lets a query see the keys
/// up to its position. Keras 3, keras/src/layers/attention/attention.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attention {
    /// Whether scores are multiplied by a weight. Default: false.
    pub use_scale: bool,
    /// How scores are made. Default: dot products.
    pub score_mode: ScoreMode,
    /// Share of the softmax's numbers that training drops. Default 0.
    pub dropout: f64,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl Default for Attention {
    fn default() -> Self {
        Self::new()
    }
}

impl Attention {
    /// Dot products without scale and dropout.
    pub fn new() -> Self {
        Self { use_scale: false, score_mode: ScoreMode::Dot, dropout: 0.0, seed: None }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let score_mode = match config.string_or("score_mode", "dot")?.as_str() {
            "dot" => ScoreMode::Dot,
            "concat" => ScoreMode::Concat,
            other => return Err(LayerError::config("score_mode", "dot or concat", other)),
        };
        Ok(Self {
            use_scale: config.bool_or("use_scale", false)?,
            score_mode,
            dropout: config.number_or("dropout", 0.0)?,
            seed: config.seed()?,
        })
    }
}

setters!(Attention {
    use_scale: bool,
    score_mode: ScoreMode,
    dropout: f64,
    seed: Option<u64>,
});

impl Layer for Attention {
    fn class_name(&self) -> &'static str {
        "Attention"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("use_scale", self.use_scale)
            .set("score_mode", self.score_mode.name())
            .set("dropout", self.dropout)
            .set("seed", self.seed)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        output_shape(inputs, self.dropout)
    }

    fn weights(&self, _inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        let mut weights = Vec::new();
        if self.use_scale {
            weights.push(WeightSpec::new("scale", [], &Initializer::Ones)?);
        }
        if self.score_mode == ScoreMode::Concat {
            weights.push(WeightSpec::new("concat_score_weight", [], &Initializer::Ones)?);
        }
        Ok(weights)
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
        let scale = cx.weights.first().copied().filter(|_| self.use_scale);
        let last = cx.weights.last().copied();
        let g = &mut *cx.graph;
        let scores = match (self.score_mode, last) {
            (ScoreMode::Concat, Some(weight)) => {
                let mut sums = pairwise_sums(g, query, key)?;
                if let Some(scale) = scale {
                    sums = g.mul(sums, scale)?;
                }
                let bent = g.tanh(sums)?;
                let axis = g.shape(bent).rank() - 1;
                let scores = g.sum(bent, &[axis], false)?;
                g.mul(scores, weight)?
            }
            _ => {
                let scores = g.matmul(query, key, false, true)?;
                match scale {
                    Some(scale) => g.mul(scores, scale)?,
                    None => scores,
                }
            }
        };
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

/// The query's shape with the value's last axis.
pub(super) fn output_shape(
    inputs: &[SymbolicShape],
    dropout: f64,
) -> Result<SymbolicShape, LayerError> {
    check_rate("dropout", dropout)?;
    let rank = inputs.first().map_or(0, SymbolicShape::rank);
    if !(2..=3).contains(&inputs.len())
        || rank < 3
        || inputs.iter().any(|input| input.rank() != rank)
    {
        let expected = "query, value and perhaps key of one rank, at least 3";
        return Err(LayerError::input_shape(expected, inputs));
    }
    Ok(inputs[0].with_last(inputs[1].last()))
}

/// `(samples, ..., queries, keys)`.
pub(super) fn scores_shape(inputs: &[SymbolicShape]) -> Option<SymbolicShape> {
    let key = inputs.get(2).or(inputs.get(1))?.dims();
    Some(inputs.first()?.with_last(*key.get(key.len().checked_sub(2)?)?))
}

/// `query + key` for each pair: `(..., queries, keys, size)`.
pub(super) fn pairwise_sums(
    g: &mut Graph,
    query: ValueId,
    key: ValueId,
) -> Result<ValueId, GraphError> {
    let rank = g.shape(query).rank();
    let expand = |g: &mut Graph, x: ValueId, axis: usize| {
        let mut dims = g.shape(x).dims().to_vec();
        dims.insert(axis, Dim::Fixed(1));
        g.reshape(x, Shape::new(dims))
    };
    let query = expand(g, query, rank - 1)?;
    let key = expand(g, key, rank - 2)?;
    g.add(query, key)
}

/// The softmax of the scores that the masks leave, with dropout, times the values; and the softmax
/// itself, if the call asks for it.
pub(super) fn attend(
    cx: &mut LowerCx<'_>,
    scores: ValueId,
    value: ValueId,
    dropout: f64,
) -> Result<Vec<ValueId>, LayerError> {
    let (of_query, of_value, is_causal) = (cx.mask(0), cx.mask(1), cx.call.use_causal_mask);
    let g = &mut *cx.graph;
    let shape = g.shape(scores).clone();
    let sizes = shape.sizes(1);
    let rank = shape.rank();
    let of_value = match of_value {
        // (samples, keys) to (samples, 1, keys)
        Some(mask) if is_causal || g.shape(mask).rank() == 2 => {
            let rank = g.shape(mask).rank();
            Some(masks::expand(g, mask, rank - 1)?)
        }
        mask => mask,
    };
    let of_position =
        if is_causal { Some(masks::causal(g, sizes[rank - 2], sizes[rank - 1])?) } else { None };
    let seen = match masks::both(g, of_value, of_position)? {
        None => scores,
        Some(mask) => {
            let low = g.add_scalar(scores, -1e9)?;
            g.select(mask, scores, low)?
        }
    };
    let weights = g.softmax(seen, rank - 1)?;
    let weights = drop(cx, weights, dropout, shape)?;
    let returns_scores = cx.call.return_attention_scores;
    let g = &mut *cx.graph;
    let mut y = g.matmul(weights, value, false, false)?;
    if let Some(mask) = of_query {
        let mask_rank = g.shape(mask).rank();
        let mask = masks::expand(g, mask, mask_rank)?;
        let zero = g.scalar(0.0)?;
        y = g.select(mask, y, zero)?;
    }
    Ok(if returns_scores { vec![y, weights] } else { vec![y] })
}
