use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Array, Dim, Shape};

use crate::layers::LowerCx;

/// 1 where a query may see a key by their positions, `(1, queries, keys)`.
pub(super) fn by_position(
    g: &mut Graph,
    queries: usize,
    keys: usize,
    may_see: impl Fn(usize, usize) -> bool,
) -> Result<ValueId, GraphError> {
    g.constant(Array::from_fn([1, queries, keys], |at| {
        f64::from(u8::from(may_see(at / keys, at % keys)))
    }))
}

/// Each query sees the keys up to its own position.
pub(super) fn causal(g: &mut Graph, queries: usize, keys: usize) -> Result<ValueId, GraphError> {
    by_position(g, queries, keys, |query, key| key <= query)
}

/// `1 / sqrt(size)`, rounded to `f32` as TensorFlow does in every precision.
pub(super) fn score_scale(size: usize) -> f64 {
    f64::from((1.0 / (size as f64).sqrt()) as f32)
}

/// A mask with an axis of size 1 more, in front of `axis`.
pub(super) fn expand(g: &mut Graph, mask: ValueId, axis: usize) -> Result<ValueId, GraphError> {
    let mut dims = g.shape(mask).dims().to_vec();
    dims.insert(axis, Dim::Fixed(1));
    g.reshape(mask, Shape::new(dims))
}

/// What is in both masks; one that is missing leaves nothing out.
pub(super) fn both(
    g: &mut Graph,
    a: Option<ValueId>,
    b: Option<ValueId>,
) -> Result<Option<ValueId>, GraphError> {
    match (a, b) {
        (Some(a), Some(b)) => g.and(a, b).map(Some),
        (a, b) => Ok(a.or(b)),
    }
}

/// Which of `keys` keys each of `queries` queries may see, `(samples, queries, keys)`: the masks of
/// the three inputs, what the call says, and a window of this many keys on either side.
pub(super) fn combined(
    cx: &mut LowerCx<'_>,
    queries: usize,
    keys: usize,
    sliding_window: Option<usize>,
) -> Result<Option<ValueId>, GraphError> {
    let (of_query, of_value, of_key) = (cx.mask(0), cx.mask(1), cx.mask(2));
    let (given, is_causal) = (cx.call.attention_mask, cx.call.use_causal_mask);
    let g = &mut *cx.graph;
    let mut all = given;
    if let Some(mask) = of_query {
        let rank = g.shape(mask).rank();
        let mask = expand(g, mask, rank)?;
        all = both(g, all, Some(mask))?;
    }
    for mask in [of_value, of_key].into_iter().flatten() {
        let rank = g.shape(mask).rank();
        let mask = expand(g, mask, rank - 1)?;
        all = both(g, all, Some(mask))?;
    }
    if is_causal {
        let mask = causal(g, queries, keys)?;
        all = both(g, all, Some(mask))?;
    }
    if let Some(window) = sliding_window {
        let mask = by_position(g, queries, keys, |query, key| query.abs_diff(key) < window)?;
        all = both(g, all, Some(mask))?;
    }
    Ok(all)
}
