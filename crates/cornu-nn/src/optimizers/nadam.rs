use cornu_graph::ValueId;

use super::common::{Built, moving_average, one_minus_power, over_root_plus, rounded};
use super::settings::{common_methods, optimizer};
use super::{Optimizer, Prepared, SlotSpec, UpdateCx, VariableSpec};
use crate::LayerError;

optimizer! {
    /// [`Adam`](super::Adam) with Nesterov's look ahead: with `u_t = b1 (1 - 0.96^t / 2)`,
    /// `p -= lr (u_(t+1) m / (1 - u_1...u_(t+1)) + (1 - u_t) g / (1 - u_1...u_t)) /
    /// (sqrt(v / (1 - b2^t)) + epsilon)`. Source: Keras 3, `keras/src/optimizers/nadam.py`.
    Nadam, "nadam", 0.001, {
        /// How slowly the mean gradient moves. Default 0.9.
        beta_1: f64 = 0.9,
        /// How slowly the mean square moves. Default 0.999.
        beta_2: f64 = 0.999,
        /// Keeps the divisor from 0. Default 1e-7.
        epsilon: f64 = 1e-7,
    }
}

/// By which the look ahead grows.
const DECAY: f64 = 0.96;

impl Nadam {
    /// `b1 (1 - decay^t / 2)` for `t` = iteration + `ahead`.
    fn u(cx: &mut UpdateCx<'_>, beta_1: f64, decay: f64, ahead: f64) -> Built {
        let t = cx.graph.add_scalar(cx.iteration, ahead)?;
        let base = cx.graph.scalar(decay)?;
        let power = cx.graph.pow(base, t)?;
        let half = cx.graph.mul_scalar(power, 0.5)?;
        let rest = cx.graph.scalar_sub(1.0, half)?;
        Ok(cx.graph.mul_scalar(rest, beta_1)?)
    }
}

impl Optimizer for Nadam {
    common_methods!(Nadam);

    fn slots(&self, variable: &VariableSpec) -> Vec<SlotSpec> {
        vec![SlotSpec::like(variable, "momentum"), SlotSpec::like(variable, "velocity")]
    }

    /// The product `u_1...u_t`, which Keras saves under the name `variable`.
    fn shared_slots(&self) -> Vec<SlotSpec> {
        vec![SlotSpec { name: "variable", dims: Vec::new(), initial: 1.0, group: 0 }]
    }

    fn prepare(&self, cx: &mut UpdateCx<'_>, shared: &[ValueId]) -> Result<Prepared, LayerError> {
        let (beta_1, decay) = (rounded(self.beta_1), rounded(DECAY));
        let now = Self::u(cx, beta_1, decay, 1.0)?;
        let next = Self::u(cx, beta_1, decay, 2.0)?;
        // The product's factor is the same number, but for the rounding.
        let factor = Self::u(cx, self.beta_1, DECAY, 1.0)?;
        let product = cx.graph.mul(shared[0], factor)?;
        let next_product = cx.graph.mul(product, next)?;
        let rest = cx.graph.scalar_sub(1.0, next_product)?;
        let m_factor = cx.graph.div(next, rest)?;
        let rest = cx.graph.scalar_sub(1.0, product)?;
        let numerator = cx.graph.scalar_sub(1.0, now)?;
        let g_factor = cx.graph.div(numerator, rest)?;
        let square = one_minus_power(cx, self.beta_2)?;
        let v_factor = cx.graph.reciprocal(square)?;
        Ok(Prepared { scalars: vec![m_factor, g_factor, v_factor], shared: vec![product] })
    }

    fn update(
        &self,
        cx: &mut UpdateCx<'_>,
        variable: ValueId,
        gradient: ValueId,
        slots: &[ValueId],
    ) -> Result<(ValueId, Vec<ValueId>), LayerError> {
        let graph = &mut *cx.graph;
        let m = moving_average(graph, slots[0], gradient, rounded(self.beta_1))?;
        let square = graph.square(gradient)?;
        let v = moving_average(graph, slots[1], square, rounded(self.beta_2))?;
        let from_m = graph.mul(m, cx.scalars[0])?;
        let from_g = graph.mul(gradient, cx.scalars[1])?;
        let way = graph.add(from_m, from_g)?;
        let way = graph.mul(way, cx.learning_rate)?;
        let v_hat = graph.mul(v, cx.scalars[2])?;
        let step = over_root_plus(graph, way, v_hat, self.epsilon)?;
        Ok((graph.sub(variable, step)?, vec![m, v]))
    }
}
