use cornu_graph::{Graph, GraphError, ValueId};

const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

/// `x` above 0, else `alpha * (e^x - 1)` (Clevert et al. 2015).
///
/// # Errors
///
/// None that depend on `x`.
pub fn elu(g: &mut Graph, x: ValueId, alpha: f64) -> Result<ValueId, GraphError> {
    let zero = g.scalar(0.0)?;
    let positive = g.greater(x, zero)?;
    let below = exp_below(g, x, alpha)?;
    g.select(positive, x, below)
}

/// `alpha * (e^min(x, 0) - 1)`: without the minimum, a large `x` would make an infinite branch that
/// is not taken but whose gradient, 0 times infinity, is.
fn exp_below(g: &mut Graph, x: ValueId, alpha: f64) -> Result<ValueId, GraphError> {
    let negative = g.min_scalar(x, 0.0)?;
    let below = g.expm1(negative)?;
    if alpha == 1.0 { Ok(below) } else { g.mul_scalar(below, alpha) }
}

/// `scale * elu(x, alpha)` with the constants that keep mean 0 and variance 1 (Klambauer et al.
/// 2017).
///
/// # Errors
///
/// None that depend on `x`.
pub fn selu(g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
    let y = elu(g, x, SELU_ALPHA)?;
    g.mul_scalar(y, SELU_SCALE)
}

/// `max(x, 0) + alpha * (e^(min(x, 0) / alpha) - 1)` (Barron 2017).
///
/// # Errors
///
/// None that depend on `x`.
pub fn celu(g: &mut Graph, x: ValueId, alpha: f64) -> Result<ValueId, GraphError> {
    let positive = g.relu(x)?;
    let scaled = if alpha == 1.0 { x } else { g.mul_scalar(x, 1.0 / alpha)? };
    let below = exp_below(g, scaled, alpha)?;
    g.add(positive, below)
}
