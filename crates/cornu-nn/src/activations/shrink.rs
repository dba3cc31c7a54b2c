use cornu_graph::{Graph, GraphError, ValueId};

/// `x` where `|x| > threshold`, else 0.
///
/// # Errors
///
/// None that depend on `x`.
pub fn hard_shrink(g: &mut Graph, x: ValueId, threshold: f64) -> Result<ValueId, GraphError> {
    let (limit, zero) = (g.scalar(threshold)?, g.scalar(0.0)?);
    let size = g.abs(x)?;
    let beyond = g.greater(size, limit)?;
    g.select(beyond, x, zero)
}

/// `x` moved by `threshold` towards 0; 0 within the threshold.
///
/// # Errors
///
/// None that depend on `x`.
pub fn soft_shrink(g: &mut Graph, x: ValueId, threshold: f64) -> Result<ValueId, GraphError> {
    let (high, low, zero) = (g.scalar(threshold)?, g.scalar(-threshold)?, g.scalar(0.0)?);
    let (lowered, raised) = (g.add_scalar(x, -threshold)?, g.add_scalar(x, threshold)?);
    let (above, below) = (g.greater(x, high)?, g.less(x, low)?);
    let negative_side = g.select(below, raised, zero)?;
    g.select(above, lowered, negative_side)
}

/// `x - tanh(x)`.
///
/// # Errors
///
/// None that depend on `x`.
pub fn tanh_shrink(g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
    let tanh = g.tanh(x)?;
    g.sub(x, tanh)
}

/// `x` where `x > threshold`, else `default_value`.
///
/// # Errors
///
/// None that depend on `x`.
pub fn threshold(
    g: &mut Graph,
    x: ValueId,
    threshold: f64,
    default_value: f64,
) -> Result<ValueId, GraphError> {
    let (limit, default_value) = (g.scalar(threshold)?, g.scalar(default_value)?);
    let above = g.greater(x, limit)?;
    g.select(above, x, default_value)
}
