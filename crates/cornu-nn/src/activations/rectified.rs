use cornu_graph::{Graph, GraphError, ValueId};

/// Arguments of Keras's `relu`: `max_value` from there on, `x` above `threshold`, else
/// `negative_slope * (x - threshold)`. With a `max_value` nothing above the threshold is below 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rectifier {
    /// Slope below the threshold. Default 0.
    pub negative_slope: f64,
    /// Largest output; none by default.
    pub max_value: Option<f64>,
    /// Above it, `x` passes. Default 0.
    pub threshold: f64,
}

impl Default for Rectifier {
    fn default() -> Self {
        Self { negative_slope: 0.0, max_value: None, threshold: 0.0 }
    }
}

impl Rectifier {
    /// Adds the function of each element to the graph. The usual cases become the usual ops.
    ///
    /// # Errors
    ///
    /// None that depend on `x`.
    pub fn lower(self, g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
        let Self { negative_slope, max_value, threshold } = self;
        if max_value.is_none() && threshold == 0.0 && negative_slope != 0.0 {
            return leaky_relu(g, x, negative_slope);
        }
        let mut y = if threshold == 0.0 { g.relu(x)? } else { above(g, x, threshold)? };
        y = match max_value {
            None => y,
            Some(6.0) if threshold == 0.0 => at_most(g, y, 6.0)?,
            Some(max_value) if threshold == 0.0 => g.min_scalar(y, max_value)?,
            // A limit keeps what lies between a negative threshold and 0 out, too.
            Some(max_value) => g.clip(y, 0.0, max_value)?,
        };
        if negative_slope != 0.0 {
            let below = g.scalar_sub(threshold, x)?;
            let below = g.relu(below)?;
            let leak = g.mul_scalar(below, negative_slope)?;
            y = g.sub(y, leak)?;
        }
        Ok(y)
    }
}

/// `x` above `threshold`, else 0.
fn above(g: &mut Graph, x: ValueId, threshold: f64) -> Result<ValueId, GraphError> {
    let (threshold, zero) = (g.scalar(threshold)?, g.scalar(0.0)?);
    let passes = g.greater(x, threshold)?;
    g.select(passes, x, zero)
}

/// `min(y, max_value)` with derivative 0 where they are equal, as Keras's `relu6` has it; other limits
/// let it through.
fn at_most(g: &mut Graph, y: ValueId, max_value: f64) -> Result<ValueId, GraphError> {
    let max_value = g.scalar(max_value)?;
    g.min(max_value, y)
}

/// `x` above 0, else `negative_slope * x`; the derivative at 0 is the slope.
///
/// # Errors
///
/// None that depend on `x`.
pub fn leaky_relu(g: &mut Graph, x: ValueId, negative_slope: f64) -> Result<ValueId, GraphError> {
    let zero = g.scalar(0.0)?;
    let positive = g.greater(x, zero)?;
    let below = g.mul_scalar(x, negative_slope)?;
    g.select(positive, x, below)
}

/// `min(max(x, 0), 6)`; the derivative at 0 and 6 is 0.
///
/// # Errors
///
/// None that depend on `x`.
pub fn relu6(g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
    let y = g.relu(x)?;
    at_most(g, y, 6.0)
}
