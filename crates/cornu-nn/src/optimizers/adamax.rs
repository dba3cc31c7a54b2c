use cornu_graph::ValueId;

use super::common::{moving_average, one_minus_power};
use super::settings::{common_methods, optimizer};
use super::{Optimizer, Prepared, SlotSpec, UpdateCx, VariableSpec};
use crate::LayerError;

optimizer! {
    /// `m += (g - m)(1 - b1)`, `u = max(b2 u, |g|)`, `p -= lr m / ((1 - b1^t)(u + epsilon))`. Source:
    /// Keras 3, `keras/src/optimizers/adamax.py`.
    Adamax, "adamax", 0.001, {
        /// How slowly the mean gradient moves. Default 0.9.
        beta_1: f64 = 0.9,
        /// How slowly the largest gradient moves. Default 0.999.
        beta_2: f64 = 0.999,
        /// Keeps the divisor from 0. Default 1e-7.
        epsilon: f64 = 1e-7,
    }
}

impl Optimizer for Adamax {
    common_methods!(Adamax);

    fn slots(&self, variable: &VariableSpec) -> Vec<SlotSpec> {
        vec![SlotSpec::like(variable, "momentum"), SlotSpec::like(variable, "norm")]
    }

    fn prepare(&self, cx: &mut UpdateCx<'_>, _shared: &[ValueId]) -> Result<Prepared, LayerError> {
        let divisor = one_minus_power(cx, self.beta_1)?;
        let rate = cx.graph.div(cx.learning_rate, divisor)?;
        Ok(Prepared { scalars: vec![rate], shared: Vec::new() })
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
        let kept = graph.mul_scalar(slots[1], self.beta_2)?;
        let size = graph.abs(gradient)?;
        let norm = graph.max(kept, size)?;
        let step = graph.mul(m, cx.scalars[0])?;
        let divisor = graph.add_scalar(norm, self.epsilon)?;
        let step = graph.div(step, divisor)?;
        Ok((graph.sub(variable, step)?, vec![m, norm]))
    }
}
