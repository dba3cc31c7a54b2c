use cornu_graph::ValueId;

use super::settings::{common_methods, optimizer};
use super::{Optimizer, SlotSpec, UpdateCx, VariableSpec};
use crate::LayerError;

optimizer! {
    /// Follow the regularized leader, for large sparse linear models: with
    /// `a' = a + g^2`, `z += g + 2 l2_shrinkage p - (a'^(-power) - a^(-power)) / lr p` the variable is
    /// `(clip(z, -l1, l1) - z) / (a'^(-power) / lr + 2 l2)`, where `l2` includes `beta / (2 lr)`. Source:
    /// Keras 3, `keras/src/optimizers/ftrl.py`.
    Ftrl, "ftrl", 0.001, {
        /// Minus the exponent of the accumulator; at most 0. Default -0.5.
        learning_rate_power: f64 = -0.5,
        /// What the accumulator starts from. Default 0.1.
        initial_accumulator_value: f64 = 0.1,
        /// Pull to exact zeros. Default 0.
        l1_regularization_strength: f64 = 0.0,
        /// Pull towards 0. Default 0.
        l2_regularization_strength: f64 = 0.0,
        /// Pull towards 0 that is part of the gradient. Default 0.
        l2_shrinkage_regularization_strength: f64 = 0.0,
        /// Added to the accumulator's root. Default 0.
        beta: f64 = 0.0,
    }
}

impl Optimizer for Ftrl {
    common_methods!(Ftrl);

    fn slots(&self, variable: &VariableSpec) -> Vec<SlotSpec> {
        vec![
            SlotSpec::like(variable, "accumulator").initial(self.initial_accumulator_value),
            SlotSpec::like(variable, "linear"),
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
        let (accumulator, linear, rate) = (slots[0], slots[1], cx.learning_rate);
        let square = graph.square(gradient)?;
        let new_accumulator = graph.add(accumulator, square)?;
        let shrinkage =
            graph.mul_scalar(variable, 2.0 * self.l2_shrinkage_regularization_strength)?;
        let shrunk_gradient = graph.add(gradient, shrinkage)?;
        let exponent = graph.scalar(-self.learning_rate_power)?;
        let power = graph.pow(new_accumulator, exponent)?;
        let old_power = graph.pow(accumulator, exponent)?;
        let growth = graph.sub(power, old_power)?;
        let growth = graph.div(growth, rate)?;
        let growth = graph.mul(growth, variable)?;
        let change = graph.sub(shrunk_gradient, growth)?;
        let linear = graph.add(linear, change)?;
        let root = graph.div(power, rate)?;
        let beta = graph.scalar(self.beta)?;
        let extra = graph.div(beta, rate)?;
        let extra = graph.add_scalar(extra, 2.0 * self.l2_regularization_strength)?;
        let divisor = graph.add(root, extra)?;
        let l1 = self.l1_regularization_strength;
        let clipped = graph.clip(linear, -l1, l1)?;
        let rest = graph.sub(clipped, linear)?;
        Ok((graph.div(rest, divisor)?, vec![new_accumulator, linear]))
    }
}
