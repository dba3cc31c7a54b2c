use cornu_graph::ValueId;
use cornu_tensor::Shape;

use super::cell::{Cell, Masks, masked};
use super::gates::{GateRules, block, gate_setters, product, read_recurrent_activation};
use super::recurrent::{Recurrent, units_shape};
use crate::layers::einsum::contract;
use crate::layers::{LowerCx, Sublayer, WeightSpec, inputs};
use crate::{Activation, ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// A gated recurrent unit: with `x @ kernel + bias` and `h @ recurrent_kernel` in three blocks,
/// `z, r = recurrent_activation(x_z + h_z, x_r + h_r)`, `h' = z * h + (1 - z) * c` with
/// `c = activation(x_h + r * h_h)`, or, unless `reset_after`,
/// `c = activation(x_h + (r * h) @ recurrent_kernel_h)`; the output is `h'`.
///
/// Steps `(samples, n)`, state `(samples, units)`. Weights, with the blocks `z`, `r`, `h`: `kernel`
/// `(n, 3 * units)`, `recurrent_kernel` `(units, 3 * units)`, `bias` if used: `(2, 3 * units)` for
/// both products with `reset_after`, else `(3 * units)`. Keras 3, keras/src/layers/rnn/gru.py.
#[derive(Debug, Clone, PartialEq)]
pub struct GRUCell {
    /// Size of the state.
    pub units: usize,
    /// Activation, weights, dropout.
    pub rules: GateRules,
    /// Of the gates. Default: sigmoid.
    pub recurrent_activation: Activation,
    /// Whether the reset gate comes after the product with the kernel. Default: true.
    pub reset_after: bool,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl GRUCell {
    /// With `units` units and Keras's defaults.
    pub fn new(units: usize) -> Self {
        Self {
            units,
            rules: GateRules::default(),
            recurrent_activation: Activation::Sigmoid,
            reset_after: true,
            seed: None,
        }
    }

    /// Row `index` of the bias.
    fn bias(
        &self,
        cx: &mut LowerCx<'_>,
        weights: &[ValueId],
        index: usize,
    ) -> Result<Option<ValueId>, LayerError> {
        match weights.get(2) {
            Some(&bias) if self.reset_after => {
                let row = cx.graph.slice(bias, 0, index, 1, 1)?;
                Ok(Some(cx.graph.reshape(row, Shape::fixed([3 * self.units]))?))
            }
            Some(&bias) if index == 0 => Ok(Some(bias)),
            _ => Ok(None),
        }
    }
}

impl Recurrent<GRUCell> {
    /// With `units` units and Keras's defaults.
    pub fn new(units: usize) -> Self {
        Self::of(GRUCell::new(units))
    }

    /// Sets `recurrent_activation`.
    pub fn recurrent_activation(mut self, activation: Activation) -> Self {
        self.cell.recurrent_activation = activation;
        self
    }

    /// Sets `reset_after`.
    pub fn reset_after(mut self, reset_after: bool) -> Self {
        self.cell.reset_after = reset_after;
        self
    }
}

gate_setters!(GRUCell);

impl Cell for GRUCell {
    fn layer_name(&self) -> &'static str {
        "GRU"
    }

    fn class_name(&self) -> &'static str {
        "GRUCell"
    }

    fn sublayer(&self) -> Sublayer {
        Sublayer::new("gru_cell", "cell")
    }

    fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            units: config.positive("units")?,
            rules: GateRules::read(config)?,
            recurrent_activation: read_recurrent_activation(config)?,
            reset_after: config.bool_or("reset_after", true)?,
            seed: config.seed()?,
        })
    }

    fn write(&self, config: ConfigWriter) -> ConfigWriter {
        self.rules
            .write(config.set("units", self.units))
            .set("recurrent_activation", self.recurrent_activation.to_config())
            .set("reset_after", self.reset_after)
            .set("seed", self.seed)
    }

    fn state_shapes(&self, step: &SymbolicShape) -> Result<Vec<SymbolicShape>, LayerError> {
        Ok(vec![units_shape(step, self.units)?])
    }

    fn weights(&self, step: &SymbolicShape) -> Result<Vec<WeightSpec>, LayerError> {
        let bias = [2, 3 * self.units];
        let bias = if self.reset_after { &bias[..] } else { &bias[1..] };
        self.rules.weights(&[], inputs::known(step, 1)?, self.units, 3, bias)
    }

    fn dropout(&self) -> [f64; 2] {
        [self.rules.dropout, self.rules.recurrent_dropout]
    }

    fn n_masks(&self) -> usize {
        // As in Keras, where dropout of the state takes the blocks apart.
        if self.rules.recurrent_dropout == 0.0 { 1 } else { 3 }
    }

    fn prepare(
        &self,
        cx: &mut LowerCx<'_>,
        weights: &[ValueId],
        sequence: ValueId,
        masks: &Masks,
    ) -> Result<ValueId, LayerError> {
        let x = self.rules.project(cx, sequence, weights[0], masks)?;
        let bias = self.bias(cx, weights, 0)?;
        bias.map_or(Ok(x), |bias| Ok(cx.graph.add(x, bias)?))
    }

    fn step(
        &self,
        cx: &mut LowerCx<'_>,
        weights: &[ValueId],
        prepared: ValueId,
        states: &[ValueId],
        masks: &Masks,
    ) -> Result<(ValueId, Vec<ValueId>), LayerError> {
        let units = self.units;
        let before = states[0];
        // The last block of the state's kernel is not for the state itself unless `reset_after`.
        let n_blocks = if self.reset_after { 3 } else { 2 };
        let kernel = cx.graph.slice(weights[1], 1, 0, n_blocks * units, 1)?;
        let factors = &masks.state[..masks.state.len().min(n_blocks)];
        let mut inner = product(cx, before, kernel, factors)?;
        if let Some(bias) = self.bias(cx, weights, 1)? {
            inner = cx.graph.add(inner, bias)?;
        }
        let mut gates = [inner; 2];
        for (index, gate) in gates.iter_mut().enumerate() {
            let of_input = block(cx, prepared, index, units)?;
            let of_state = block(cx, inner, index, units)?;
            let sum = cx.graph.add(of_input, of_state)?;
            *gate = self.recurrent_activation.lower(cx.graph, sum)?;
        }
        let [z, r] = gates;
        let of_input = block(cx, prepared, 2, units)?;
        let of_state = if self.reset_after {
            let of_state = block(cx, inner, 2, units)?;
            cx.graph.mul(r, of_state)?
        } else {
            let last = cx.graph.slice(weights[1], 1, 2 * units, units, 1)?;
            let h = masked(cx, before, Masks::of(&masks.state, 2))?;
            let reset = cx.graph.mul(r, h)?;
            contract(cx.graph, reset, last, 1)?
        };
        let g = &mut *cx.graph;
        let sum = g.add(of_input, of_state)?;
        let candidate = self.rules.activation.lower(g, sum)?;
        let kept = g.mul(z, before)?;
        let share = g.scalar_sub(1.0, z)?;
        let added = g.mul(share, candidate)?;
        let h = g.add(kept, added)?;
        Ok((h, vec![h]))
    }
}
