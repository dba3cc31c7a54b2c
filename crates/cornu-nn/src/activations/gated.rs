use std::f64::consts::{FRAC_1_SQRT_2, PI};

use cornu_graph::{Graph, GraphError, ValueId};

/// `x * sigmoid(x)`.
///
/// # Errors
///
/// None that depend on `x`.
pub fn silu(g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
    let gate = g.sigmoid(x)?;
    g.mul(x, gate)
}

/// `x * tanh(softplus(x))` (Misra 2019).
///
/// # Errors
///
/// None that depend on `x`.
pub fn mish(g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
    let softplus = g.softplus(x)?;
    let gate = g.tanh(softplus)?;
    g.mul(x, gate)
}

/// `x * (1 + erf(x / sqrt 2)) / 2`, or with `tanh(sqrt(2/pi) (x + 0.044715 x^3))` in place of the
/// error function if `approximate` (Hendrycks and Gimpel 2016).
///
/// # Errors
///
/// None that depend on `x`.
pub fn gelu(g: &mut Graph, x: ValueId, approximate: bool) -> Result<ValueId, GraphError> {
    let bent = if approximate {
        let square = g.square(x)?;
        let cube = g.mul(square, x)?;
        let cube = g.mul_scalar(cube, 0.044_715)?;
        let sum = g.add(x, cube)?;
        let sum = g.mul_scalar(sum, (2.0 / PI).sqrt())?;
        g.tanh(sum)?
    } else {
        let scaled = g.mul_scalar(x, FRAC_1_SQRT_2)?;
        g.erf(scaled)?
    };
    let gate = g.add_scalar(bent, 1.0)?;
    let half = g.mul_scalar(x, 0.5)?;
    g.mul(half, gate)
}

/// First half of `x` along `axis` times the sigmoid of the second half (Dauphin et al. 2016).
///
/// # Errors
///
/// If the axis does not exist, is the samples' or has an odd size.
pub fn glu(g: &mut Graph, x: ValueId, axis: i64) -> Result<ValueId, GraphError> {
    let axis = super::softmax::axis_of(g, x, axis, "glu")?;
    let n = g.shape(x).dims()[axis].fixed().filter(|n| n.is_multiple_of(2)).ok_or_else(|| {
        GraphError::Shapes {
            op: "glu",
            expected: format!("an even size on axis {axis}"),
            got: vec![g.shape(x).clone()],
        }
    })?;
    let value = g.slice(x, axis, 0, n / 2, 1)?;
    let gate = g.slice(x, axis, n / 2, n / 2, 1)?;
    let gate = g.sigmoid(gate)?;
    g.mul(value, gate)
}
