//! Pieces that several optimizers are made of.

use cornu_graph::{Graph, ValueId};

use super::UpdateCx;
use crate::LayerError;

/// A setting as Keras's `cast` makes it: rounded to 32 bits, also when Keras computes in 64.
///
/// Used where Keras casts, so that the reference runtime agrees with Keras's `float64` to all digits; in
/// 32 bits there is no difference.
pub(super) fn rounded(setting: f64) -> f64 {
    f64::from(setting as f32)
}

pub(super) type Built = Result<ValueId, LayerError>;

/// `1 - base^(iteration + 1)`, exact also where the power is close to 1.
pub(super) fn one_minus_power(cx: &mut UpdateCx<'_>, base: f64) -> Built {
    let t = cx.graph.add_scalar(cx.iteration, 1.0)?;
    let exponent = cx.graph.mul_scalar(t, rounded(base).ln())?;
    let minus = cx.graph.expm1(exponent)?;
    Ok(cx.graph.neg(minus)?)
}

/// `average + (new - average) (1 - momentum)`.
pub(super) fn moving_average(
    graph: &mut Graph,
    average: ValueId,
    new: ValueId,
    momentum: f64,
) -> Built {
    let way = graph.sub(new, average)?;
    let step = graph.mul_scalar(way, 1.0 - momentum)?;
    Ok(graph.add(average, step)?)
}

/// `numerator / (sqrt(square) + epsilon)`.
pub(super) fn over_root_plus(
    graph: &mut Graph,
    numerator: ValueId,
    square: ValueId,
    epsilon: f64,
) -> Built {
    let root = graph.sqrt(square)?;
    let divisor = graph.add_scalar(root, epsilon)?;
    Ok(graph.div(numerator, divisor)?)
}

/// `numerator / sqrt(square + epsilon)`.
pub(super) fn over_root_of_sum(
    graph: &mut Graph,
    numerator: ValueId,
    square: ValueId,
    epsilon: f64,
) -> Built {
    let sum = graph.add_scalar(square, epsilon)?;
    let root = graph.sqrt(sum)?;
    Ok(graph.div(numerator, root)?)
}
