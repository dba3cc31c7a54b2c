use cornu_graph::{Graph, GraphError, ValueId};

use super::relu6;

/// `relu6(x + 3) / 6`.
///
/// # Errors
///
/// None that depend on `x`.
pub fn hard_sigmoid(g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
    let shifted = g.add_scalar(x, 3.0)?;
    let y = relu6(g, shifted)?;
    g.mul_scalar(y, 1.0 / 6.0)
}

/// `x * hard_sigmoid(x)` (Howard et al. 2019).
///
/// # Errors
///
/// None that depend on `x`.
pub fn hard_silu(g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
    let gate = hard_sigmoid(g, x)?;
    g.mul(x, gate)
}

/// `x` clipped to `-1 ... 1`.
///
/// # Errors
///
/// None that depend on `x`.
pub fn hard_tanh(g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
    g.clip(x, -1.0, 1.0)
}

/// `(x + 1) / 2` clipped to `0 ... 1`.
///
/// # Errors
///
/// None that depend on `x`.
pub fn sparse_sigmoid(g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
    let inside = g.add_scalar(x, 1.0)?;
    let inside = g.mul_scalar(inside, 0.5)?;
    between(g, x, inside, |g| g.scalar(1.0))
}

/// 0 up to -1, `(x + 1)^2 / 4` up to 1, then `x`.
///
/// # Errors
///
/// None that depend on `x`.
pub fn sparse_plus(g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
    let shifted = g.add_scalar(x, 1.0)?;
    let square = g.square(shifted)?;
    let inside = g.mul_scalar(square, 0.25)?;
    between(g, x, inside, |_| Ok(x))
}

/// 0 up to -1, `inside` up to 1, then `above`.
fn between(
    g: &mut Graph,
    x: ValueId,
    inside: ValueId,
    above: impl FnOnce(&mut Graph) -> Result<ValueId, GraphError>,
) -> Result<ValueId, GraphError> {
    let (low, high, zero) = (g.scalar(-1.0)?, g.scalar(1.0)?, g.scalar(0.0)?);
    let above = above(g)?;
    let is_inside = g.less(x, high)?;
    let upper = g.select(is_inside, inside, above)?;
    let is_low = g.less_equal(x, low)?;
    g.select(is_low, zero, upper)
}
