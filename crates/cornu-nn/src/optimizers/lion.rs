use cornu_graph::ValueId;

use super::common::moving_average;
use super::settings::{common_methods, optimizer};
use super::{Optimizer, SlotSpec, UpdateCx, VariableSpec};
use crate::LayerError;

optimizer! {
    /// `p -= lr sign(b1 m + (1 - b1) g)`, then `m = b2 m + (1 - b2) g`. Source: Keras 3,
    /// `keras/src/optimizers/lion.py`.
    Lion, "lion", 0.001, {
        /// Weight of `m` in the step. Default 0.9.
        beta_1: f64 = 0.9,
        /// How slowly `m` moves. Default 0.99.
        beta_2: f64 = 0.99,
    }
}

impl Optimizer for Lion {
    common_methods!(Lion);

    fn slots(&self, variable: &VariableSpec) -> Vec<SlotSpec> {
        vec![SlotSpec::like(variable, "momentum")]
    }

    fn update(
        &self,
        cx: &mut UpdateCx<'_>,
        variable: ValueId,
        gradient: ValueId,
        slots: &[ValueId],
    ) -> Result<(ValueId, Vec<ValueId>), LayerError> {
        let graph = &mut *cx.graph;
        let kept = graph.mul_scalar(slots[0], self.beta_1)?;
        let added = graph.mul_scalar(gradient, 1.0 - self.beta_1)?;
        let way = graph.add(kept, added)?;
        let sign = graph.sign(way)?;
        let step = graph.mul(sign, cx.learning_rate)?;
        let momentum = moving_average(graph, slots[0], gradient, self.beta_2)?;
        Ok((graph.sub(variable, step)?, vec![momentum]))
    }
}
