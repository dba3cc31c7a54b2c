use cornu_graph::ValueId;

use super::settings::{common_methods, optimizer};
use super::{Optimizer, SlotSpec, UpdateCx, VariableSpec};
use crate::LayerError;

optimizer! {
    /// `a = rho a + (1 - rho) g^2`, `s = g sqrt(d + epsilon) / sqrt(a + epsilon)`,
    /// `d = rho d + (1 - rho) s^2`, `p -= lr s`. Source: Keras 3, `keras/src/optimizers/adadelta.py`.
    Adadelta, "adadelta", 0.001, {
        /// How slowly the mean squares move. Default 0.95.
        rho: f64 = 0.95,
        /// Keeps the divisor from 0. Default 1e-7.
        epsilon: f64 = 1e-7,
    }
}

impl Optimizer for Adadelta {
    common_methods!(Adadelta);

    fn slots(&self, variable: &VariableSpec) -> Vec<SlotSpec> {
        vec![
            SlotSpec::like(variable, "accumulated_grad"),
            SlotSpec::like(variable, "accumulated_delta_var"),
        ]
    }

    fn update(
        &self,
        cx: &mut UpdateCx<'_>,
        variable: ValueId,
        gradient: ValueId,
        slots: &[ValueId],
    ) -> Result<(ValueId, Vec<ValueId>), LayerError> {
        let graph = &mut *cx.graph;
        let mean_square = |graph: &mut cornu_graph::Graph, old: ValueId, new: ValueId| {
            let kept = graph.mul_scalar(old, self.rho)?;
            let square = graph.square(new)?;
            let added = graph.mul_scalar(square, 1.0 - self.rho)?;
            graph.add(kept, added)
        };
        let root = |graph: &mut cornu_graph::Graph, x: ValueId| {
            let x = graph.add_scalar(x, self.epsilon)?;
            graph.sqrt(x)
        };
        let gradients = mean_square(graph, slots[0], gradient)?;
        let (numerator, divisor) = (root(graph, slots[1])?, root(graph, gradients)?);
        let scaled = graph.mul(numerator, gradient)?;
        let step = graph.div(scaled, divisor)?;
        let steps = mean_square(graph, slots[1], step)?;
        let step = graph.mul(step, cx.learning_rate)?;
        Ok((graph.sub(variable, step)?, vec![gradients, steps]))
    }
}
