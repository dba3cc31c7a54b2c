use cornu_graph::ops::ReduceKind;
use cornu_graph::{Graph, GraphError, ValueId};

/// `e^x / sum e^x` along `axis` (negative: from the end).
///
/// # Errors
///
/// If the axis does not exist or is the samples'.
pub fn softmax(g: &mut Graph, x: ValueId, axis: i64) -> Result<ValueId, GraphError> {
    let axis = axis_of(g, x, axis, "softmax")?;
    g.softmax(x, axis)
}

/// [`softmax`] with the sum over several axes together.
///
/// # Errors
///
/// As for [`softmax`].
pub fn softmax_over(g: &mut Graph, x: ValueId, axes: &[i64]) -> Result<ValueId, GraphError> {
    if let [axis] = *axes {
        return softmax(g, x, axis);
    }
    let axes = axes_of(g, x, axes, "softmax")?;
    let shifted = below_maximum(g, x, &axes)?;
    let powers = g.exp(shifted)?;
    let sum = g.sum(powers, &axes, true)?;
    g.div(powers, sum)
}

/// `x - log(sum e^x)` along `axis` (negative: from the end).
///
/// # Errors
///
/// As for [`softmax`].
pub fn log_softmax(g: &mut Graph, x: ValueId, axis: i64) -> Result<ValueId, GraphError> {
    let axis = axis_of(g, x, axis, "log_softmax")?;
    g.log_softmax(x, axis)
}

/// `x - max(x)`: no power overflows, and the result does not depend on what is subtracted.
fn below_maximum(g: &mut Graph, x: ValueId, axes: &[usize]) -> Result<ValueId, GraphError> {
    let fixed = g.stop_gradient(x)?;
    let maximum = g.reduce(ReduceKind::Max, fixed, axes, true)?;
    g.sub(x, maximum)
}

/// `axes` counted from the front, rising.
fn axes_of(
    g: &Graph,
    x: ValueId,
    axes: &[i64],
    op: &'static str,
) -> Result<Vec<usize>, GraphError> {
    let mut from_front =
        axes.iter().map(|&axis| axis_of(g, x, axis, op)).collect::<Result<Vec<_>, _>>()?;
    from_front.sort_unstable();
    from_front.dedup();
    Ok(from_front)
}

/// `axis` counted from the front.
pub(super) fn axis_of(
    g: &Graph,
    x: ValueId,
    axis: i64,
    op: &'static str,
) -> Result<usize, GraphError> {
    let rank = g.shape(x).rank();
    crate::shape::resolve_axis(axis, rank).ok_or_else(|| GraphError::Attribute {
        op,
        attribute: "axis",
        problem: format!("there is no axis {axis} in {}", g.shape(x)),
    })
}
