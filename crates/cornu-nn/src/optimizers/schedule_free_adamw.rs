use cornu_graph::ValueId;

use super::common::{moving_average, one_minus_power, over_root_plus, rounded};
use super::settings::{common_methods, optimizer};
use super::{Optimizer, Prepared, SlotSpec, UpdateCx, VariableSpec};
use crate::LayerError;

optimizer! {
    /// Adam without a schedule (Defazio et al. 2024): steps are made from a point `z`, which is kept,
    /// and the variable lies between `z` and the mean `x` of all points:
    /// `v += (g^2 - v)(1 - b2)`, `z -= lr g / (sqrt(v / (1 - b2^t)) + epsilon)`,
    /// `x = (p - (1 - b1) z) / b1`, `x += (z - x) / t`, `p = (1 - b1) z + b1 x`.
    ///
    /// As in Keras on TensorFlow `x` is recovered from the new `z` (on JAX: from the old one). `z`
    /// begins at the variable, before its first decay. Source: Keras 3, `keras/src/optimizers/schedule_free_adamw.py`.
    ScheduleFreeAdamW, "schedule_free_adam_w", 0.0025, {
        /// How far the variable lies towards the mean. Default 0.9.
        beta_1: f64 = 0.9,
        /// How slowly the mean square moves. Default 0.999.
        beta_2: f64 = 0.999,
        /// Keeps the divisor from 0. Default 1e-8.
        epsilon: f64 = 1e-8,
        /// Steps in which the learning rate rises to its value. Default 0.
        warmup_steps: f64 = 0.0,
    }
}

impl Optimizer for ScheduleFreeAdamW {
    common_methods!(ScheduleFreeAdamW);

    fn slots(&self, variable: &VariableSpec) -> Vec<SlotSpec> {
        vec![SlotSpec::like(variable, "momentum"), SlotSpec::like(variable, "velocity")]
    }

    /// The learning rate with warm-up, `1 / (1 - b2^t)`, `1 / t`, and whether this is the first step.
    fn prepare(&self, cx: &mut UpdateCx<'_>, _shared: &[ValueId]) -> Result<Prepared, LayerError> {
        let square = one_minus_power(cx, self.beta_2)?;
        let graph = &mut *cx.graph;
        let correction = graph.reciprocal(square)?;
        let t = graph.add_scalar(cx.iteration, 1.0)?;
        let mut rate = cx.learning_rate;
        if 0.0 < self.warmup_steps {
            let share = graph.mul_scalar(t, 1.0 / self.warmup_steps)?;
            let share = graph.min_scalar(share, 1.0)?;
            rate = graph.mul(rate, share)?;
        }
        let weight = graph.reciprocal(t)?;
        let zero = graph.scalar(0.0)?;
        let is_first = graph.equal(cx.iteration, zero)?;
        Ok(Prepared { scalars: vec![rate, correction, weight, is_first], shared: Vec::new() })
    }

    fn update(
        &self,
        cx: &mut UpdateCx<'_>,
        variable: ValueId,
        gradient: ValueId,
        slots: &[ValueId],
    ) -> Result<(ValueId, Vec<ValueId>), LayerError> {
        let [rate, correction, weight, is_first] =
            [cx.scalars[0], cx.scalars[1], cx.scalars[2], cx.scalars[3]];
        let beta_1 = rounded(self.beta_1);
        let graph = &mut *cx.graph;
        let z = graph.select(is_first, cx.undecayed.unwrap_or(variable), slots[0])?;
        let square = graph.square(gradient)?;
        let v = moving_average(graph, slots[1], square, rounded(self.beta_2))?;
        let v_hat = graph.mul(v, correction)?;
        let way = graph.mul(rate, gradient)?;
        let step = over_root_plus(graph, way, v_hat, rounded(self.epsilon))?;
        let z = graph.sub(z, step)?;
        let of_z = graph.mul_scalar(z, 1.0 - beta_1)?;
        let of_x = graph.sub(variable, of_z)?;
        let x = graph.mul_scalar(of_x, 1.0 / beta_1)?;
        let rest = graph.scalar_sub(1.0, weight)?;
        let old = graph.mul(rest, x)?;
        let new = graph.mul(weight, z)?;
        let x = graph.add(old, new)?;
        let of_x = graph.mul_scalar(x, beta_1)?;
        Ok((graph.add(of_z, of_x)?, vec![z, v]))
    }
}
