use cornu_graph::ValueId;

use super::common::over_root_of_sum;
use super::settings::{common_methods, optimizer};
use super::{Optimizer, SlotSpec, UpdateCx, VariableSpec};
use crate::LayerError;

optimizer! {
    /// `v = rho v + (1 - rho) g^2`, `p -= lr g / sqrt(v + epsilon)`: epsilon is under the root.
    ///
    /// Centered: `v - a^2` in the root, `a` being the mean gradient. With momentum:
    /// `m = mu m + step; p -= m`. Source: Keras 3, `keras/src/optimizers/rmsprop.py`.
    RMSprop, "rm_sprop", 0.001, {
        /// How slowly the mean square moves. Default 0.9.
        rho: f64 = 0.9,
        /// How much of the last step is repeated. Default 0.
        momentum: f64 = 0.0,
        /// Keeps the divisor from 0. Default 1e-7.
        epsilon: f64 = 1e-7,
        /// Whether the variance divides, not the mean square. Default false.
        centered: bool = false,
    }
}

impl Optimizer for RMSprop {
    common_methods!(RMSprop);

    fn slots(&self, variable: &VariableSpec) -> Vec<SlotSpec> {
        let mut slots = vec![SlotSpec::like(variable, "velocity")];
        if 0.0 < self.momentum {
            slots.push(SlotSpec::like(variable, "momentum").group(1));
        }
        if self.centered {
            slots.push(SlotSpec::like(variable, "average_gradient").group(2));
        }
        slots
    }

    fn update(
        &self,
        cx: &mut UpdateCx<'_>,
        variable: ValueId,
        gradient: ValueId,
        slots: &[ValueId],
    ) -> Result<(ValueId, Vec<ValueId>), LayerError> {
        let graph = &mut *cx.graph;
        let mean = |graph: &mut cornu_graph::Graph, old: ValueId, new: ValueId| {
            let kept = graph.mul_scalar(old, self.rho)?;
            let added = graph.mul_scalar(new, 1.0 - self.rho)?;
            graph.add(kept, added)
        };
        let square = graph.square(gradient)?;
        let velocity = mean(graph, slots[0], square)?;
        let mut variance = velocity;
        let mut average = None;
        if let Some(&old) = slots.last().filter(|_| self.centered) {
            let new = mean(graph, old, gradient)?;
            let square = graph.square(new)?;
            variance = graph.sub(velocity, square)?;
            average = Some(new);
        }
        let step = graph.mul(gradient, cx.learning_rate)?;
        let mut step = over_root_of_sum(graph, step, variance, self.epsilon)?;
        let mut new_slots = vec![velocity];
        if 0.0 < self.momentum {
            let kept = graph.mul_scalar(slots[1], self.momentum)?;
            step = graph.add(kept, step)?;
            new_slots.push(step);
        }
        new_slots.extend(average);
        Ok((graph.sub(variable, step)?, new_slots))
    }
}
