use cornu_graph::ValueId;

use super::cell::{Cell, Masks};
use super::gates::{GateRules, gate_setters, product};
use super::recurrent::{Recurrent, units_shape};
use crate::layers::{LowerCx, Sublayer, WeightSpec, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// `h' = activation(x @ kernel + bias + h @ recurrent_kernel)`, which is the output too.
///
/// Steps `(samples, n)`, state `(samples, units)`. Weights: `kernel` `(n, units)`,
/// `recurrent_kernel` `(units, units)`, `bias` `(units)` if used. Keras 3,
/// keras/src/layers/rnn/simple_rnn.py.
#[derive(Debug, Clone, PartialEq)]
pub struct SimpleRNNCell {
    /// Size of the state.
    pub units: usize,
    /// Activation, weights, dropout.
    pub rules: GateRules,
    /// Kept for the configuration of the cell; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl SimpleRNNCell {
    /// With `units` units and Keras's defaults.
    pub fn new(units: usize) -> Self {
        Self { units, rules: GateRules::default(), seed: None }
    }
}

impl Recurrent<SimpleRNNCell> {
    /// With `units` units and Keras's defaults.
    pub fn new(units: usize) -> Self {
        Self::of(SimpleRNNCell::new(units))
    }
}

gate_setters!(SimpleRNNCell);

impl Cell for SimpleRNNCell {
    fn layer_name(&self) -> &'static str {
        "SimpleRNN"
    }

    fn class_name(&self) -> &'static str {
        "SimpleRNNCell"
    }

    fn sublayer(&self) -> Sublayer {
        Sublayer::new("simple_rnn_cell", "cell")
    }

    fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            units: config.positive("units")?,
            rules: GateRules::read(config)?,
            seed: config.seed()?,
        })
    }

    fn write(&self, config: ConfigWriter) -> ConfigWriter {
        // Keras's layer forgets the seed; it is written only where there is one.
        let config = self.rules.write(config.set("units", self.units));
        match self.seed {
            None => config,
            seed => config.set("seed", seed),
        }
    }

    fn state_shapes(&self, step: &SymbolicShape) -> Result<Vec<SymbolicShape>, LayerError> {
        Ok(vec![units_shape(step, self.units)?])
    }

    fn weights(&self, step: &SymbolicShape) -> Result<Vec<WeightSpec>, LayerError> {
        self.rules.weights(&[], inputs::known(step, 1)?, self.units, 1, &[self.units])
    }

    fn dropout(&self) -> [f64; 2] {
        [self.rules.dropout, self.rules.recurrent_dropout]
    }

    fn prepare(
        &self,
        cx: &mut LowerCx<'_>,
        weights: &[ValueId],
        sequence: ValueId,
        masks: &Masks,
    ) -> Result<ValueId, LayerError> {
        let x = self.rules.project(cx, sequence, weights[0], masks)?;
        weights.get(2).map_or(Ok(x), |&bias| Ok(cx.graph.add(x, bias)?))
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
        let sum = cx.graph.add(prepared, recurrent)?;
        let h = self.rules.activation.lower(cx.graph, sum)?;
        Ok((h, vec![h]))
    }
}
