use cornu_graph::{Graph, GraphError, ValueId};

/// `x / (1 + |x|)`.
///
/// # Errors
///
/// None that depend on `x`.
pub fn softsign(g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
    let size = g.abs(x)?;
    let below = g.add_scalar(size, 1.0)?;
    g.div(x, below)
}

/// `log(sigmoid(x)) = -softplus(-x)`.
///
/// # Errors
///
/// None that depend on `x`.
pub fn log_sigmoid(g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
    let minus = g.neg(x)?;
    let softplus = g.softplus(minus)?;
    g.neg(softplus)
}

/// `(x + sqrt(x^2 + b)) / 2`.
///
/// # Errors
///
/// None that depend on `x`.
pub fn squareplus(g: &mut Graph, x: ValueId, b: f64) -> Result<ValueId, GraphError> {
    let square = g.square(x)?;
    let raised = g.add_scalar(square, b)?;
    let root = g.sqrt(raised)?;
    let sum = g.add(x, root)?;
    g.mul_scalar(sum, 0.5)
}
