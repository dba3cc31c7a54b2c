use cornu_graph::ValueId;

use super::common::{moving_average, one_minus_power, over_root_plus};
use super::settings::{common_methods, optimizer};
use super::{Optimizer, Prepared, SlotSpec, UpdateCx, VariableSpec};
use crate::LayerError;

optimizer! {
    /// Adam's direction `d` (with corrected `m` and `v`), as long as the variable is:
    /// `p -= lr |p| / |d| d`; the quotient is 1 if either is 0. Source: Keras 3,
    /// `keras/src/optimizers/lamb.py`.
    Lamb, "lamb", 0.001, {
        /// How slowly the mean gradient moves. Default 0.9.
        beta_1: f64 = 0.9,
        /// How slowly the mean square moves. Default 0.999.
        beta_2: f64 = 0.999,
        /// Keeps the divisor from 0. Default 1e-7.
        epsilon: f64 = 1e-7,
    }
}

impl Optimizer for Lamb {
    common_methods!(Lamb);

    fn slots(&self, variable: &VariableSpec) -> Vec<SlotSpec> {
        vec![SlotSpec::like(variable, "momentum"), SlotSpec::like(variable, "velocity")]
    }

    fn prepare(&self, cx: &mut UpdateCx<'_>, _shared: &[ValueId]) -> Result<Prepared, LayerError> {
        let m_rest = one_minus_power(cx, self.beta_1)?;
        let m_factor = cx.graph.reciprocal(m_rest)?;
        let v_rest = one_minus_power(cx, self.beta_2)?;
        let v_factor = cx.graph.reciprocal(v_rest)?;
        Ok(Prepared { scalars: vec![m_factor, v_factor], shared: Vec::new() })
    }

    fn update(
        &self,
        cx: &mut UpdateCx<'_>,
        variable: ValueId,
        gradient: ValueId,
        slots: &[ValueId],
    ) -> Result<(ValueId, Vec<ValueId>), LayerError> {
        let graph = &mut *cx.graph;
        let m = moving_average(graph, slots[0], gradient, self.beta_1)?;
        let square = graph.square(gradient)?;
        let v = moving_average(graph, slots[1], square, self.beta_2)?;
        let m_hat = graph.mul(m, cx.scalars[0])?;
        let v_hat = graph.mul(v, cx.scalars[1])?;
        let way = over_root_plus(graph, m_hat, v_hat, self.epsilon)?;
        let (size, length) = (norm(graph, variable)?, norm(graph, way)?);
        let (zero, one) = (graph.scalar(0.0)?, graph.scalar(1.0)?);
        let has_size = graph.greater(size, zero)?;
        let has_length = graph.greater(length, zero)?;
        let divisor = graph.select(has_length, length, one)?;
        let ratio = graph.div(size, divisor)?;
        let has_both = graph.and(has_size, has_length)?;
        let ratio = graph.select(has_both, ratio, one)?;
        let rate = graph.mul(ratio, cx.learning_rate)?;
        let step = graph.mul(way, rate)?;
        Ok((graph.sub(variable, step)?, vec![m, v]))
    }
}

/// Length of all elements as one vector.
fn norm(graph: &mut cornu_graph::Graph, x: ValueId) -> Result<ValueId, LayerError> {
    let square = graph.square(x)?;
    let sum = graph.sum_all(square)?;
    Ok(graph.sqrt(sum)?)
}
