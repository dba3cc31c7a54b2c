use cornu_graph::{Graph, ValueId};
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value, json};

use super::heads::{HeadSettings, Projection, head_setters};
use super::masks;
use crate::layers::activations::masked_softmax;
use crate::layers::regularization::{check_rate, drop};
use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, Sublayer, WeightSpec};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Attention of several heads, each on projections of its own (Vaswani et al. 2017):
/// `softmax(Q K' / sqrt(key_dim)) V` with `Q`, `K`, `V` linear in query, key and value, and a linear
/// map of all heads' results.
///
/// Inputs: query `(samples, *axes, n)`, value and, by default the value, key. The attention goes over
/// `attention_axes`, by default all but the samples' and the last. Result: the query's shape with
/// `output_shape` in place of the last axis, if given. Weights: `query`, `key`, (`gate`,) `value` with
/// `kernel` `(n, num_heads, size)` and `bias` `(num_heads, size)`; `attention_output` with `kernel`
/// `(num_heads, value_dim, *output_shape)` and `bias`. Masks of query, value and key leave out pairs,
/// as `attention_mask` and `use_causal_mask` of the call do; a query that sees nothing takes the mean
/// of all values (with dropout, or more than one attention axis: nothing). Keras 3,
/// keras/src/layers/attention/multi_head_attention.py.
#[derive(Debug, Clone, PartialEq)]
pub struct MultiHeadAttention {
    /// Number of heads.
    pub num_heads: usize,
    /// Size of queries and keys in each head.
    pub key_dim: usize,
    /// Size of values in each head. Default: `key_dim`.
    pub value_dim: usize,
    /// Last axes of the result. Default: that of the query.
    pub output_shape: Option<Vec<usize>>,
    /// Axes that the attention goes over. Default: all but the first and the last.
    pub attention_axes: Option<Vec<i64>>,
    /// Dropout, gate, window and the rules of the projections.
    pub settings: HeadSettings,
}

impl MultiHeadAttention {
    /// With so many heads, of this size each, and Keras's defaults.
    pub fn new(num_heads: usize, key_dim: usize) -> Self {
        Self {
            num_heads,
            key_dim,
            value_dim: key_dim,
            output_shape: None,
            attention_axes: None,
            settings: HeadSettings::default(),
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let key_dim = config.positive("key_dim")?;
        let value_dim = match config.present("value_dim") {
            None => key_dim,
            Some(_) => config.positive("value_dim")?,
        };
        let output_shape = match config.present("output_shape") {
            None => None,
            Some(value) => {
                let sizes = config.integers_or("output_shape", &[])?;
                let sizes: Option<Vec<usize>> =
                    sizes.iter().map(|&n| usize::try_from(n).ok().filter(|&n| 0 < n)).collect();
                let wrong = || LayerError::config("output_shape", "sizes of at least 1", &value);
                Some(sizes.filter(|sizes| !sizes.is_empty()).ok_or_else(wrong)?)
            }
        };
        let attention_axes = match config.present("attention_axes") {
            None => None,
            Some(_) => Some(config.integers_or("attention_axes", &[])?),
        };
        Ok(Self {
            num_heads: config.positive("num_heads")?,
            key_dim,
            value_dim,
            output_shape,
            attention_axes,
            settings: HeadSettings::read(config)?,
        })
    }

    /// The attention axes of inputs of this rank, from the front.
    fn axes(&self, rank: usize) -> Result<Vec<usize>, LayerError> {
        let Some(axes) = &self.attention_axes else { return Ok((1..rank - 1).collect()) };
        axes.iter()
            .map(|&axis| {
                let from_front = if axis < 0 { axis + rank as i64 } else { axis };
                usize::try_from(from_front).ok().filter(|axis| (1..rank - 1).contains(axis))
            })
            .collect::<Option<Vec<_>>>()
            .filter(|axes| !axes.is_empty() && axes.is_sorted_by(|a, b| a < b))
            .ok_or_else(|| {
                let expected = format!("rising axes from 1 to {}", rank.saturating_sub(2));
                LayerError::config("attention_axes", expected, json!(axes))
            })
    }

    fn check(&self, inputs: &[SymbolicShape]) -> Result<(), LayerError> {
        check_rate("dropout", self.settings.dropout)?;
        for (key, n) in [
            ("num_heads", self.num_heads),
            ("key_dim", self.key_dim),
            ("value_dim", self.value_dim),
        ] {
            if n == 0 {
                return Err(LayerError::config(key, "at least 1", 0));
            }
        }
        let rank = inputs.first().map_or(0, SymbolicShape::rank);
        if !(2..=3).contains(&inputs.len())
            || rank < 3
            || inputs.iter().any(|input| input.rank() != rank)
        {
            let expected = "query, value and perhaps key of one rank, at least 3";
            return Err(LayerError::input_shape(expected, inputs));
        }
        self.axes(rank)?;
        if let [_, value, key] = inputs {
            let sizes = |shape: &SymbolicShape| shape.dims()[1..rank - 1].to_vec();
            let differ =
                |(a, b): (Option<usize>, Option<usize>)| a.zip(b).is_some_and(|(a, b)| a != b);
            if sizes(value).into_iter().zip(sizes(key)).any(differ) {
                let expected = "value and key alike but for the last axis";
                return Err(LayerError::input_shape(expected, inputs));
            }
        }
        Ok(())
    }

    /// `x` `(N, *axes, heads, size)` as stacks of matrices `(N, others * heads, places, size)`,
    /// where `places` are those of the attention axes.
    fn stacked(&self, g: &mut Graph, x: ValueId, axes: &[usize]) -> Result<ValueId, LayerError> {
        let shape = g.shape(x).clone();
        let rank = shape.rank();
        let others = (1..rank - 2).filter(|axis| !axes.contains(axis));
        let order: Vec<usize> = [0]
            .into_iter()
            .chain(others)
            .chain([rank - 2])
            .chain(axes.iter().copied())
            .chain([rank - 1])
            .collect();
        let moved = g.transpose(x, &order)?;
        let sizes = g.shape(moved).sizes(1);
        let first_place = rank - 1 - axes.len();
        let stacks = sizes[1..first_place].iter().product();
        let places = sizes[first_place..rank - 1].iter().product();
        let plain = Shape::new([
            shape.dims()[0],
            Dim::Fixed(stacks),
            Dim::Fixed(places),
            Dim::Fixed(sizes[rank - 1]),
        ]);
        Ok(g.reshape(moved, plain)?)
    }

    /// The way back from [`Self::stacked`] to heads of queries of this shape.
    fn unstacked(
        &self,
        g: &mut Graph,
        y: ValueId,
        axes: &[usize],
        query: &Shape,
    ) -> Result<ValueId, LayerError> {
        let rank = query.rank() + 1;
        let others: Vec<usize> = (1..rank - 2).filter(|axis| !axes.contains(axis)).collect();
        let order: Vec<usize> = [0]
            .into_iter()
            .chain(others)
            .chain([rank - 2])
            .chain(axes.iter().copied())
            .chain([rank - 1])
            .collect();
        let dims: Vec<Dim> = order
            .iter()
            .map(|&axis| match axis {
                axis if axis == rank - 2 => Dim::Fixed(self.num_heads),
                axis if axis == rank - 1 => Dim::Fixed(self.value_dim),
                axis => query.dims()[axis],
            })
            .collect();
        let y = g.reshape(y, Shape::new(dims))?;
        let mut back = vec![0; rank];
        for (position, &axis) in order.iter().enumerate() {
            back[axis] = position;
        }
        Ok(g.transpose(y, &back)?)
    }

    /// `mask` `(..., *queries, *keys)` for scores `(N, others * heads, queries, keys)`.
    fn mask_of_scores(
        &self,
        g: &mut Graph,
        mask: ValueId,
        axes: &[usize],
        query: &Shape,
        scores: &Shape,
    ) -> Result<ValueId, LayerError> {
        let shape = g.shape(mask).clone();
        let n_lead = shape.rank().checked_sub(2 * axes.len());
        let n_others = query.rank() - 2 - axes.len();
        let Some(n_lead) = n_lead.filter(|&n| n <= n_others + 2) else {
            let got = SymbolicShape::from_graph(&shape);
            let expected = format!(
                "an attention mask of {} axes at the end for queries and keys",
                2 * axes.len()
            );
            return Err(LayerError::input_shape(expected, &[got]));
        };
        // Missing axes are put in front of those of the queries.
        let mut dims = shape.dims()[..n_lead].to_vec();
        dims.resize(n_others + 2, Dim::Fixed(1));
        let pairs = [scores.dims()[2], scores.dims()[3]];
        let stack: Vec<Dim> = query.dims()[1..query.rank() - 1]
            .iter()
            .enumerate()
            .filter(|(axis, _)| !axes.contains(&(axis + 1)))
            .map(|(_, dim)| *dim)
            .chain([Dim::Fixed(self.num_heads)])
            .collect();
        if shape.dims()[n_lead..].iter().map(|dim| dim.size(1)).product::<usize>()
            != pairs.iter().map(|dim| dim.size(1)).product::<usize>()
        {
            // Masks of queries or keys alone, which broadcast; there is one attention axis then.
            dims.extend(&shape.dims()[n_lead..]);
        } else {
            dims.extend(pairs);
        }
        let mask = g.reshape(mask, Shape::new(dims.clone()))?;
        if n_others == 0 {
            return Ok(mask);
        }
        let first = dims[0];
        let pair_dims = dims[dims.len() - 2..].to_vec();
        let full = [&[first][..], &stack[..], &pair_dims[..]].concat();
        let mask = g.broadcast_to(mask, Shape::new(full))?;
        Ok(g.reshape(mask, Shape::new([first, scores.dims()[1], pair_dims[0], pair_dims[1]]))?)
    }
}

head_setters!(MultiHeadAttention);
setters!(MultiHeadAttention {
    value_dim: usize,
    output_shape: Option<Vec<usize>>,
    attention_axes: Option<Vec<i64>>,
});

impl Layer for MultiHeadAttention {
    fn class_name(&self) -> &'static str {
        "MultiHeadAttention"
    }

    fn config(&self) -> Map<String, Value> {
        let config = ConfigWriter::new()
            .set("num_heads", self.num_heads)
            .set("key_dim", self.key_dim)
            .set("value_dim", self.value_dim)
            .set("output_shape", json!(self.output_shape))
            .set("attention_axes", json!(self.attention_axes));
        self.settings.write(config).finish()
    }

    fn built_config(&self, inputs: &[SymbolicShape]) -> Map<String, Value> {
        // Keras resolves the axes when the layer is built.
        let mut config = self.config();
        let rank = inputs.first().map_or(0, SymbolicShape::rank);
        if let (true, Ok(axes)) = (3 <= rank, self.axes(rank.max(3))) {
            config.insert("attention_axes".to_owned(), json!(axes));
        }
        config
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        self.check(inputs)?;
        let Some(sizes) = &self.output_shape else { return Ok(inputs[0].clone()) };
        let mut dims = inputs[0].dims().to_vec();
        dims.pop();
        dims.extend(sizes.iter().map(|&n| Some(n)));
        Ok(SymbolicShape::new(dims))
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        self.check(inputs)?;
        let last = inputs.iter().map(SymbolicShape::last).collect::<Option<Vec<_>>>();
        let last =
            last.ok_or_else(|| LayerError::input_shape("known sizes of the last axes", inputs))?;
        let key = last.get(2).copied().unwrap_or(last[1]);
        self.settings.weights("", |projection| match projection {
            Projection::Query => [vec![last[0]], vec![self.num_heads, self.key_dim]],
            Projection::Key => [vec![key], vec![self.num_heads, self.key_dim]],
            Projection::Gate => [vec![last[0]], vec![self.num_heads, self.value_dim]],
            Projection::Value => [vec![last[1]], vec![self.num_heads, self.value_dim]],
            Projection::Output => [
                vec![self.num_heads, self.value_dim],
                self.output_shape.clone().unwrap_or_else(|| vec![last[0]]),
            ],
        })
    }

    fn scores_shape(&self, inputs: &[SymbolicShape]) -> Option<SymbolicShape> {
        let [query, value, ..] = inputs else { return None };
        let axes = self.axes(query.rank()).ok()?;
        let (mut dims, mut others) = (Vec::new(), Vec::new());
        for (axis, &dim) in query.dims().iter().enumerate().take(query.rank() - 1) {
            if axes.contains(&axis) { dims.push(dim) } else { others.push(dim) }
        }
        others.push(Some(self.num_heads));
        dims.extend(axes.iter().map(|&axis| value.dims()[axis]));
        Some(SymbolicShape::new([others, dims].concat()))
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
        let query_shape = cx.graph.shape(query_in).clone();
        let axes = self.axes(query_shape.rank())?;
        let n_keys = cx.graph.shape(value_in).dims()[1].size(1);
        let says_positions = cx.call.use_causal_mask || settings.sliding_window.is_some();
        if says_positions && axes != [1] {
            return Err(LayerError::Unsupported {
                setting: format!("a causal mask or sliding window with attention_axes={axes:?}"),
                hint: "the attention must go over axis 1 alone".to_owned(),
            });
        }
        let n_queries = query_shape.dims()[1].size(1);
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
        let query = self.stacked(g, query, &axes)?;
        let key = self.stacked(g, key, &axes)?;
        let value = self.stacked(g, value, &axes)?;
        let scores = g.matmul(query, key, false, true)?;
        let scores = g.mul_scalar(scores, masks::score_scale(self.key_dim))?;
        let scores_shape = g.shape(scores).clone();
        // Keras's fused attention leaves the mean of all values to a query that sees none; its
        // explicit one, for dropout, pictures and scores that are returned, leaves nothing.
        let is_fused = settings.dropout == 0.0 && query_shape.rank() == 3 && !returns_scores;
        let weights = match mask {
            None => g.softmax(scores, 3)?,
            Some(mask) => {
                let mask = self.mask_of_scores(g, mask, &axes, &query_shape, &scores_shape)?;
                if is_fused {
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
        let mut y = self.unstacked(cx.graph, y, &axes, &query_shape)?;
        if let Some(gate) = gate {
            y = cx.graph.mul(y, gate)?;
        }
        let y = settings.project(cx, Projection::Output, y, 2)?;
        if !returns_scores {
            return Ok(vec![y]);
        }
        let shapes = [query_in, value_in].map(|x| SymbolicShape::from_graph(cx.graph.shape(x)));
        let shape = self.scores_shape(&shapes).and_then(|shape| shape.to_graph());
        let shape = shape.ok_or_else(|| LayerError::input_shape("known sizes", &shapes))?;
        Ok(vec![y, cx.graph.reshape(weights, shape)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn weightless_sublayers(&self) -> Vec<Vec<Sublayer>> {
        self.settings.weightless_sublayers()
    }
}
