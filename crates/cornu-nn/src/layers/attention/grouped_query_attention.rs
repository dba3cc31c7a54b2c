use cornu_graph::{Graph, ValueId};
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value};

use super::heads::{HeadSettings, Projection, head_setters};
use super::masks;
use crate::layers::activations::masked_softmax;
use crate::layers::regularization::{check_rate, drop};
use crate::layers::{Layer, LowerCx, Sublayer, WeightSpec, output};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Attention of several heads, of which groups share their keys and values (Ainslie et al. 2023);
/// else as [`MultiHeadAttention`](super::MultiHeadAttention).
///
/// Inputs: query `(samples, queries, n)`, value `(samples, keys, m)` and, by default the value, key.
/// Result: the query's shape. Weights: `query` with `kernel` `(n, num_query_heads, head_dim)`, `key`
/// and `value` with `num_key_value_heads`, (`gate` as `query`,) `attention_output` with `kernel`
/// `(num_query_heads, head_dim, n)`; biases if used. Masks as there. Keras 3,
/// keras/src/layers/attention/grouped_query_attention.py.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupQueryAttention {
    /// Size of queries, keys and values in each head.
    pub head_dim: usize,
    /// Number of heads; a multiple of `num_key_value_heads`.
    pub num_query_heads: usize,
    /// Number of heads of keys and values.
    pub num_key_value_heads: usize,
    /// Dropout, gate, window and the rules of the projections.
    pub settings: HeadSettings,
}

impl GroupQueryAttention {
    /// With these sizes and Keras's defaults.
    pub fn new(head_dim: usize, num_query_heads: usize, num_key_value_heads: usize) -> Self {
        let settings = HeadSettings::default();
        Self { head_dim, num_query_heads, num_key_value_heads, settings }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            head_dim: config.positive("head_dim")?,
            num_query_heads: config.positive("num_query_heads")?,
            num_key_value_heads: config.positive("num_key_value_heads")?,
            settings: HeadSettings::read(config)?,
        })
    }

    /// `x` `(N, places, heads, size)` as `(N, query heads, places, size)`: each head as often as it
    /// is shared.
    fn heads_first(&self, g: &mut Graph, x: ValueId) -> Result<ValueId, LayerError> {
        let x = g.transpose(x, &[0, 2, 1, 3])?;
        let shape = g.shape(x).clone();
        let &[samples, heads, places, size] = shape.dims() else {
            return Ok(x);
        };
        let times = self.num_query_heads / heads.size(1);
        let one = Shape::new([samples, heads, Dim::Fixed(1), places, size]);
        let x = g.reshape(x, one)?;
        let x = g.broadcast_to(x, Shape::new([samples, heads, Dim::Fixed(times), places, size]))?;
        Ok(g.reshape(x, shape.with(1, Dim::Fixed(self.num_query_heads)))?)
    }
}

head_setters!(GroupQueryAttention);

impl Layer for GroupQueryAttention {
    fn class_name(&self) -> &'static str {
        "GroupQueryAttention"
    }

    fn config(&self) -> Map<String, Value> {
        let config = ConfigWriter::new()
            .set("head_dim", self.head_dim)
            .set("num_query_heads", self.num_query_heads)
            .set("num_key_value_heads", self.num_key_value_heads);
        self.settings.write(config).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        check_rate("dropout", self.settings.dropout)?;
        if self.head_dim == 0 {
            return Err(LayerError::config("head_dim", "at least 1", 0));
        }
        let (all, groups) = (self.num_query_heads, self.num_key_value_heads);
        if groups == 0 || all == 0 || !all.is_multiple_of(groups) {
            let expected = format!("a multiple of num_key_value_heads={groups}");
            return Err(LayerError::config("num_query_heads", expected, all));
        }
        if !(2..=3).contains(&inputs.len()) || inputs.iter().any(|input| input.rank() != 3) {
            let expected = "query, value and perhaps key (samples, steps, features)";
            return Err(LayerError::input_shape(expected, inputs));
        }
        Ok(inputs[0].clone())
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        self.output_shape(inputs)?;
        let last = inputs.iter().map(SymbolicShape::last).collect::<Option<Vec<_>>>();
        let last =
            last.ok_or_else(|| LayerError::input_shape("known sizes of the last axes", inputs))?;
        let key = last.get(2).copied().unwrap_or(last[1]);
        let all = vec![self.num_query_heads, self.head_dim];
        let shared = vec![self.num_key_value_heads, self.head_dim];
        self.settings.weights("_", |projection| match projection {
            Projection::Query | Projection::Gate => [vec![last[0]], all.clone()],
            Projection::Key => [vec![key], shared.clone()],
            Projection::Value => [vec![last[1]], shared.clone()],
            Projection::Output => [all.clone(), vec![last[0]]],
        })
    }

    fn scores_shape(&self, inputs: &[SymbolicShape]) -> Option<SymbolicShape> {
        let [query, value, ..] = inputs else { return None };
        let steps = |shape: &SymbolicShape| shape.dims().get(1).copied().flatten();
        let heads = Some(self.num_query_heads);
        let samples = query.dims().first().copied().flatten();
        Some(SymbolicShape::new([samples, heads, steps(query), steps(value)]))
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        Ok(self.lower_outputs(cx, inputs)?[0])
    }

    fn lower_outputs(
        &self,
        cx: &mut LowerCx<'_>,
        inputs: &[ValueId],
    ) -> Result<Vec<ValueId>, LayerError> {
        let settings = &self.settings;
        let (query_in, value_in) = (inputs[0], inputs[1]);
        let key_in = inputs.get(2).copied().unwrap_or(value_in);
        let n_queries = cx.graph.shape(query_in).dims()[1].size(1);
        let n_keys = cx.graph.shape(value_in).dims()[1].size(1);
        let mask = masks::combined(cx, n_queries, n_keys, settings.sliding_window)?;
        let query = settings.project(cx, Projection::Query, query_in, 1)?;
        let key = settings.project(cx, Projection::Key, key_in, 1)?;
        let value = settings.project(cx, Projection::Value, value_in, 1)?;
        let gate = match settings.use_gate {
            true => Some(settings.project(cx, Projection::Gate, query_in, 1)?),
            false => None,
        };
        let returns_scores = cx.call.return_attention_scores;
        let g = &mut *cx.graph;
        let query = self.heads_first(g, query)?;
        let key = self.heads_first(g, key)?;
        let value = self.heads_first(g, value)?;
        let scores = g.matmul(query, key, false, true)?;
        let scores = g.mul_scalar(scores, masks::score_scale(self.head_dim))?;
        let scores_shape = g.shape(scores).clone();
        let weights = match mask {
            None => g.softmax(scores, 3)?,
            Some(mask) => {
                let mask =
                    if g.shape(mask).rank() == 3 { masks::expand(g, mask, 1)? } else { mask };
                // As in multi-head attention, a query that sees nothing takes the mean of all.
                if settings.dropout == 0.0 && !returns_scores {
                    let low = g.scalar(-1e9)?;
                    let seen = g.select(mask, scores, low)?;
                    g.softmax(seen, 3)?
                } else {
                    masked_softmax(g, scores, mask, &[3])?
                }
            }
        };
        let dropped = drop(cx, weights, settings.dropout, scores_shape)?;
        let y = cx.graph.matmul(dropped, value, false, false)?;
        let mut y = cx.graph.transpose(y, &[0, 2, 1, 3])?;
        if let Some(gate) = gate {
            y = cx.graph.mul(y, gate)?;
        }
        let y = settings.project(cx, Projection::Output, y, 2)?;
        // Unlike multi-head attention the layer has the penalty itself, too.
        if let Some(regularizer) = settings.activity_regularizer {
            output::penalise(cx, regularizer, y)?;
        }
        Ok(if returns_scores { vec![y, weights] } else { vec![y] })
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn weightless_sublayers(&self) -> Vec<Vec<Sublayer>> {
        self.settings.weightless_sublayers()
    }
}
