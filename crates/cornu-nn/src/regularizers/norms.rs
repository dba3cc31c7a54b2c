use cornu_graph::{Graph, GraphError, ValueId};

/// `factor * sum |w|`.
pub(super) fn absolute(g: &mut Graph, w: ValueId, factor: f64) -> Result<ValueId, GraphError> {
    let size = g.abs(w)?;
    let sum = g.sum_all(size)?;
    g.mul_scalar(sum, factor)
}

/// `factor * sum w^2`.
pub(super) fn squares(g: &mut Graph, w: ValueId, factor: f64) -> Result<ValueId, GraphError> {
    let square = g.square(w)?;
    let sum = g.sum_all(square)?;
    g.mul_scalar(sum, factor)
}
