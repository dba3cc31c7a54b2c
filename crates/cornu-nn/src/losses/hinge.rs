//! Losses with a margin. Source: Keras 3, `keras/src/losses/losses.py`.

use cornu_graph::{Graph, ValueId};

use super::Built;
use super::common::mean_last;
use super::simple::simple_loss;

simple_loss! {
    /// Mean of `max(1 - y p, 0)` over the last axis, labels -1 and 1; if all of the batch's labels are
    /// 0 or 1 they stand for -1 and 1.
    Hinge, "hinge", |graph, y_true, y_pred| {
        let losses = margin(graph, y_true, y_pred)?;
        mean_last(graph, losses)
    }
}

simple_loss! {
    /// Mean of `max(1 - y p, 0)^2` over the last axis; labels as for [`Hinge`].
    SquaredHinge, "squared_hinge", |graph, y_true, y_pred| {
        let losses = margin(graph, y_true, y_pred)?;
        let losses = graph.square(losses)?;
        mean_last(graph, losses)
    }
}

simple_loss! {
    /// `max(max((1 - y) p) - sum(y p) + 1, 0)` along the last axis, labels one-hot.
    CategoricalHinge, "categorical_hinge", |graph, y_true, y_pred| {
        let last = graph.shape(y_pred).rank().saturating_sub(1);
        let right = graph.mul(y_true, y_pred)?;
        let right = graph.sum(right, &[last], false)?;
        let others = graph.scalar_sub(1.0, y_true)?;
        let wrong = graph.mul(others, y_pred)?;
        let wrong = graph.reduce(cornu_graph::ops::ReduceKind::Max, wrong, &[last], false)?;
        let distance = graph.sub(wrong, right)?;
        let distance = graph.add_scalar(distance, 1.0)?;
        Ok(graph.max_scalar(distance, 0.0)?)
    }
}

fn margin(graph: &mut Graph, y_true: ValueId, y_pred: ValueId) -> Built {
    let y = signed_labels(graph, y_true)?;
    let product = graph.mul(y, y_pred)?;
    let short = graph.scalar_sub(1.0, product)?;
    Ok(graph.max_scalar(short, 0.0)?)
}

/// `2 y - 1` if all labels are 0 or 1, else `y`.
fn signed_labels(graph: &mut Graph, y: ValueId) -> Built {
    let (zero, one) = (graph.scalar(0.0)?, graph.scalar(1.0)?);
    let (is_zero, is_one) = (graph.equal(y, zero)?, graph.equal(y, one)?);
    let is_binary = graph.or(is_zero, is_one)?;
    let axes: Vec<usize> = (0..graph.shape(y).rank()).collect();
    let all = graph.reduce(cornu_graph::ops::ReduceKind::Min, is_binary, &axes, false)?;
    let twice = graph.mul_scalar(y, 2.0)?;
    let signed = graph.add_scalar(twice, -1.0)?;
    Ok(graph.select(all, signed, y)?)
}
