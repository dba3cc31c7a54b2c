use cornu_graph::ValueId;

use super::common::over_root_of_sum;
use super::settings::{common_methods, optimizer};
use super::{Optimizer, SlotSpec, UpdateCx, VariableSpec};
use crate::LayerError;

optimizer! {
    /// `a += g^2`, `p -= lr g / sqrt(a + epsilon)`. Source: Keras 3, `keras/src/optimizers/adagrad.py`.
    Adagrad, "adagrad", 0.001, {
        /// What `a` starts from. Default 0.1.
        initial_accumulator_value: f64 = 0.1,
        /// Keeps the divisor from 0. Default 1e-7.
        epsilon: f64 = 1e-7,
    }
}

impl Optimizer for Adagrad {
    common_methods!(Adagrad);

    fn slots(&self, variable: &VariableSpec) -> Vec<SlotSpec> {
        vec![SlotSpec::like(variable, "accumulator").initial(self.initial_accumulator_value)]
    }

    fn update(
        &self,
        cx: &mut UpdateCx<'_>,
        variable: ValueId,
        gradient: ValueId,
        slots: &[ValueId],
    ) -> Result<(ValueId, Vec<ValueId>), LayerError> {
        let graph = &mut *cx.graph;
        let square = graph.square(gradient)?;
        let accumulator = graph.add(slots[0], square)?;
        let step = graph.mul(gradient, cx.learning_rate)?;
        let step = over_root_of_sum(graph, step, accumulator, self.epsilon)?;
        Ok((graph.sub(variable, step)?, vec![accumulator]))
    }
}
