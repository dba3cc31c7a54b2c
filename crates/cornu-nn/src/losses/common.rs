//! Pieces that several losses are made of.

use cornu_graph::ops::UnaryKind;
use cornu_graph::{Graph, Op, ValueId};
use cornu_tensor::{Dim, Shape};

use super::Built;
use crate::{LayerError, SymbolicShape};

/// Keras's `epsilon()`: probabilities are kept this far from 0 and 1.
pub(super) const EPSILON: f64 = 1e-7;

/// Brings `(N, ..., 1)` and `(N, ...)` to one rank: the longer loses its last axis, unless the shorter
/// has one axis only, which then gets another.
pub(crate) fn equalize_ranks(
    graph: &mut Graph,
    a: ValueId,
    b: ValueId,
) -> Result<(ValueId, ValueId), LayerError> {
    let (rank_a, rank_b) = (graph.shape(a).rank(), graph.shape(b).rank());
    if rank_a == rank_b + 1 {
        let (long, short) = equalize(graph, a, b)?;
        Ok((long, short))
    } else if rank_b == rank_a + 1 {
        let (long, short) = equalize(graph, b, a)?;
        Ok((short, long))
    } else {
        Ok((a, b))
    }
}

fn equalize(
    graph: &mut Graph,
    long: ValueId,
    short: ValueId,
) -> Result<(ValueId, ValueId), LayerError> {
    let shape = graph.shape(long).clone();
    if shape.dims().last() != Some(&Dim::Fixed(1)) {
        return Ok((long, short));
    }
    if graph.shape(short).rank() == 1 {
        let mut dims = graph.shape(short).dims().to_vec();
        dims.push(Dim::Fixed(1));
        let expanded = graph.reshape(short, Shape::new(dims))?;
        return Ok((long, expanded));
    }
    let squeezed = graph.reshape(long, without_axis(&shape, shape.rank() - 1))?;
    Ok((squeezed, short))
}

/// The shape without one of its axes.
pub(super) fn without_axis(shape: &Shape, axis: usize) -> Shape {
    let mut dims = shape.dims().to_vec();
    dims.remove(axis);
    Shape::new(dims)
}

/// `axis` counted from the front.
pub(super) fn resolve_axis(graph: &Graph, x: ValueId, axis: i64) -> Result<usize, LayerError> {
    let rank = graph.shape(x).rank();
    let resolved = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(resolved)
        .ok()
        .filter(|&axis| axis < rank)
        .ok_or_else(|| LayerError::config("axis", format!("an axis of {rank}"), axis))
}

/// Size of `axis`, which may count from the end; `None` if there is no such axis.
pub(super) fn size_along(dims: &[usize], axis: i64) -> Option<usize> {
    let axis = if axis < 0 { axis + dims.len() as i64 } else { axis };
    usize::try_from(axis).ok().and_then(|axis| dims.get(axis)).copied()
}

/// Size of `axis`, which must be known.
pub(super) fn axis_size(graph: &Graph, x: ValueId, axis: usize) -> Result<usize, LayerError> {
    let shape = graph.shape(x);
    shape.dims()[axis].fixed().ok_or_else(|| {
        LayerError::input_shape(
            "predictions of at least 2 axes",
            &[SymbolicShape::from_graph(shape)],
        )
    })
}

/// Mean over the last axis; a scalar stays what it is.
pub(super) fn mean_last(graph: &mut Graph, x: ValueId) -> Built {
    match graph.shape(x).rank() {
        0 => Ok(x),
        rank => Ok(graph.mean(x, &[rank - 1], false)?),
    }
}

/// What `y_pred` is the sigmoid or softmax of.
///
/// Keras on TensorFlow computes cross-entropies from there even if `from_logits` is false: no
/// clipping, and exact gradients where a probability saturates.
pub(super) fn logits_behind(graph: &Graph, y_pred: ValueId, function: Link) -> Option<ValueId> {
    let node = graph.node(y_pred);
    let matches = match function {
        Link::Sigmoid => matches!(node.op, Op::Unary(unary) if unary.0 == UnaryKind::Sigmoid),
        Link::Softmax => matches!(node.op, Op::Softmax(_)),
    };
    if matches { node.inputs.first().copied() } else { None }
}

/// The function that makes probabilities of logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Sigmoid,
    Softmax,
}

/// `y (1 - smoothing) + smoothing / n`.
pub(super) fn smooth(graph: &mut Graph, y: ValueId, smoothing: f64, n: f64) -> Built {
    if smoothing == 0.0 {
        return Ok(y);
    }
    let shrunk = graph.mul_scalar(y, 1.0 - smoothing)?;
    Ok(graph.add_scalar(shrunk, smoothing / n)?)
}

/// Probabilities along `axis` that sum to 1, kept away from 0 and 1.
pub(super) fn normalized(graph: &mut Graph, p: ValueId, axis: usize) -> Built {
    let sum = graph.sum(p, &[axis], true)?;
    let p = graph.div(p, sum)?;
    Ok(graph.clip(p, EPSILON, 1.0 - EPSILON)?)
}
