use cornu_graph::ValueId;

use super::cell::{Cell, Masks};
use super::gates::{GateRules, block, gate_setters, product, read_recurrent_activation};
use super::recurrent::{Recurrent, units_shape};
use crate::layers::{LowerCx, Sublayer, WeightSpec, inputs};
use crate::{Activation, ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Long short-term memory: with `z = x @ kernel + h @ recurrent_kernel + bias` in four blocks,
/// `i, f, o = recurrent_activation(z_i, z_f, z_o)`, `c' = f * c + i * activation(z_c)`,
/// `h' = o * activation(c')`; the output is `h'`.
///
/// Steps `(samples, n)`, states `h` and `c` `(samples, units)`. Weights, with the blocks `i`, `f`,
/// `c`, `o`: `kernel` `(n, 4 * units)`, `recurrent_kernel` `(units, 4 * units)`, `bias`
/// `(4 * units)` if used. Keras 3, keras/src/layers/rnn/lstm.py.
#[derive(Debug, Clone, PartialEq)]
pub struct LSTMCell {
    /// Size of the states.
    pub units: usize,
    /// Activation, weights, dropout.
    pub rules: GateRules,
    /// Of the gates. Default: sigmoid.
    pub recurrent_activation: Activation,
    /// Whether the bias of the forget gate starts with 1. Default: true.
    pub unit_forget_bias: bool,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl LSTMCell {
    /// With `units` units and Keras's defaults.
    pub fn new(units: usize) -> Self {
        Self {
            units,
            rules: GateRules::default(),
            recurrent_activation: Activation::Sigmoid,
            unit_forget_bias: true,
            seed: None,
        }
    }
}

impl Recurrent<LSTMCell> {
    /// With `units` units and Keras's defaults.
    pub fn new(units: usize) -> Self {
        Self::of(LSTMCell::new(units))
    }

    /// Sets `recurrent_activation`.
    pub fn recurrent_activation(mut self, activation: Activation) -> Self {
        self.cell.recurrent_activation = activation;
        self
    }
}

gate_setters!(LSTMCell);

impl Cell for LSTMCell {
    fn layer_name(&self) -> &'static str {
        "LSTM"
    }

    fn class_name(&self) -> &'static str {
        "LSTMCell"
    }

    fn sublayer(&self) -> Sublayer {
        Sublayer::new("lstm_cell", "cell")
    }

    fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            units: config.positive("units")?,
            rules: GateRules::read(config)?,
            recurrent_activation: read_recurrent_activation(config)?,
            unit_forget_bias: config.bool_or("unit_forget_bias", true)?,
            seed: config.seed()?,
        })
    }

    fn write(&self, config: ConfigWriter) -> ConfigWriter {
        self.rules
            .write(config.set("units", self.units))
            .set("recurrent_activation", self.recurrent_activation.to_config())
            .set("unit_forget_bias", self.unit_forget_bias)
            .set("seed", self.seed)
    }

    fn state_shapes(&self, step: &SymbolicShape) -> Result<Vec<SymbolicShape>, LayerError> {
        Ok(vec![units_shape(step, self.units)?; 2])
    }

    fn weights(&self, step: &SymbolicShape) -> Result<Vec<WeightSpec>, LayerError> {
        let n = inputs::known(step, 1)?;
        let mut weights = self.rules.weights(&[], n, self.units, 4, &[4 * self.units])?;
        if self.unit_forget_bias
            && let Some(bias) = weights.get_mut(2)
        {
            bias.ones = Some(self.units..2 * self.units);
        }
        Ok(weights)
    }

    fn dropout(&self) -> [f64; 2] {
        [self.rules.dropout, self.rules.recurrent_dropout]
    }

    fn n_masks(&self) -> usize {
        // As in Keras, where dropout of the state takes the blocks apart.
        if self.rules.recurrent_dropout == 0.0 { 1 } else { 4 }
    }

    fn prepare(
        &self,
        cx: &mut LowerCx<'_>,
        weights: &[ValueId],
        sequence: ValueId,
        masks: &Masks,
    ) -> Result<ValueId, LayerError> {
        let z = self.rules.project(cx, sequence, weights[0], masks)?;
        weights.get(2).map_or(Ok(z), |&bias| Ok(cx.graph.add(z, bias)?))
    }

    fn step(
        &self,
        cx: &mut LowerCx<'_>,
        weights: &[ValueId],
        prepared: ValueId,
        states: &[ValueId],
        masks: &Masks,
    ) -> Result<(ValueId, Vec<ValueId>), LayerError> {
        let recurrent = product(cx, states[0], weights[1], &masks.state)?;
        let z = cx.graph.add(prepared, recurrent)?;
        let mut blocks = [z; 4];
        for (index, part) in blocks.iter_mut().enumerate() {
            *part = block(cx, z, index, self.units)?;
        }
        remember(cx, blocks, states[1], self.rules.activation, self.recurrent_activation)
    }
}

/// New `h` and `c` from the four blocks `i`, `f`, `c`, `o` of sums and the old `c`.
pub(super) fn remember(
    cx: &mut LowerCx<'_>,
    [i, f, z, o]: [ValueId; 4],
    c: ValueId,
    activation: Activation,
    recurrent_activation: Activation,
) -> Result<(ValueId, Vec<ValueId>), LayerError> {
    let g = &mut *cx.graph;
    let i = recurrent_activation.lower(g, i)?;
    let f = recurrent_activation.lower(g, f)?;
    let o = recurrent_activation.lower(g, o)?;
    let z = activation.lower(g, z)?;
    let kept = g.mul(f, c)?;
    let added = g.mul(i, z)?;
    let c = g.add(kept, added)?;
    let shown = activation.lower(g, c)?;
    let h = g.mul(o, shown)?;
    Ok((h, vec![h, c]))
}
