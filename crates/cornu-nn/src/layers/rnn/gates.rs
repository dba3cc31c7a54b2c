use cornu_graph::ValueId;
use cornu_tensor::{Dim, Shape};

use super::cell::{Masks, masked};
use crate::layers::einsum::contract;
use crate::layers::{LowerCx, WeightRules, WeightSpec};
use crate::{Activation, ConfigReader, ConfigWriter, Initializer, LayerError};

/// What the cells have in common: activation, the rules of the weights, and dropout.
#[derive(Debug, Clone, PartialEq)]
pub struct GateRules {
    /// Of the new state. Default: tanh.
    pub activation: Activation,
    /// Whether a bias is added. Default: true.
    pub use_bias: bool,
    /// Rules of the input's kernel.
    pub kernel: WeightRules,
    /// Rules of the state's kernel; starts orthogonal.
    pub recurrent: WeightRules,
    /// Rules of the bias.
    pub bias: WeightRules,
    /// Share of the input's elements that training drops, the same in all steps. Default 0.
    pub dropout: f64,
    /// Share of the state's elements that training drops, the same in all steps. Default 0.
    pub recurrent_dropout: f64,
}

impl Default for GateRules {
    fn default() -> Self {
        Self {
            activation: Activation::Tanh,
            use_bias: true,
            kernel: WeightRules::kernel(),
            recurrent: Self::orthogonal(),
            bias: WeightRules::zeros(),
            dropout: 0.0,
            recurrent_dropout: 0.0,
        }
    }
}

impl GateRules {
    fn orthogonal() -> WeightRules {
        WeightRules::new(Initializer::Orthogonal { gain: 1.0, seed: None })
    }

    pub(super) fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        // How a cell arranges its products is not a matter of what it computes.
        config.ignore(&["implementation"]);
        let activation = match config.value("activation") {
            None => Activation::Tanh,
            Some(_) => config.activation("activation")?,
        };
        Ok(Self {
            activation,
            use_bias: config.bool_or("use_bias", true)?,
            kernel: WeightRules::read(config, "kernel", WeightRules::kernel())?,
            recurrent: WeightRules::read(config, "recurrent", Self::orthogonal())?,
            bias: WeightRules::read(config, "bias", WeightRules::zeros())?,
            // Keras cuts these to the range, too.
            dropout: config.number_or("dropout", 0.0)?.clamp(0.0, 1.0),
            recurrent_dropout: config.number_or("recurrent_dropout", 0.0)?.clamp(0.0, 1.0),
        })
    }

    pub(super) fn write(&self, config: ConfigWriter) -> ConfigWriter {
        let mut config =
            config.set("activation", self.activation.to_config()).set("use_bias", self.use_bias);
        config = self.kernel.write(config, "kernel");
        config = self.recurrent.write(config, "recurrent");
        self.bias
            .write(config, "bias")
            .set("dropout", self.dropout)
            .set("recurrent_dropout", self.recurrent_dropout)
    }

    /// `kernel` `(*window, inputs, blocks * units)`, `recurrent_kernel`
    /// `(*window, units, blocks * units)` and `bias` with these sizes.
    pub(super) fn weights(
        &self,
        window: &[usize],
        inputs: usize,
        units: usize,
        blocks: usize,
        bias: &[usize],
    ) -> Result<Vec<WeightSpec>, LayerError> {
        if units == 0 {
            return Err(LayerError::config("units", "at least 1", 0));
        }
        let kernel = [window, &[inputs, blocks * units]].concat();
        let recurrent = [window, &[units, blocks * units]].concat();
        let mut weights = vec![
            self.kernel.spec("kernel", &kernel)?,
            self.recurrent.spec("recurrent_kernel", &recurrent)?,
        ];
        if self.use_bias {
            weights.push(self.bias.spec("bias", bias)?);
        }
        Ok(weights)
    }

    /// `x @ kernel` for all steps, with dropout.
    pub(super) fn project(
        &self,
        cx: &mut LowerCx<'_>,
        sequence: ValueId,
        kernel: ValueId,
        masks: &Masks,
    ) -> Result<ValueId, LayerError> {
        let mut factors = Vec::with_capacity(masks.input.len());
        for &factor in &masks.input {
            let mut dims = cx.graph.shape(factor).dims().to_vec();
            dims.insert(1, Dim::Fixed(1));
            factors.push(cx.graph.reshape(factor, Shape::new(dims))?);
        }
        product(cx, sequence, kernel, &factors)
    }
}

/// `x @ kernel`; each block of the kernel's columns sees `x` times its own factor, if there are
/// several.
pub(super) fn product(
    cx: &mut LowerCx<'_>,
    x: ValueId,
    kernel: ValueId,
    factors: &[ValueId],
) -> Result<ValueId, LayerError> {
    if factors.len() <= 1 {
        let x = masked(cx, x, factors.first().copied())?;
        return Ok(contract(cx.graph, x, kernel, 1)?);
    }
    let columns = cx.graph.shape(kernel).dims()[1].size(1) / factors.len();
    let mut blocks = Vec::with_capacity(factors.len());
    for (index, &factor) in factors.iter().enumerate() {
        let x = masked(cx, x, Some(factor))?;
        let kernel = block(cx, kernel, index, columns)?;
        blocks.push(contract(cx.graph, x, kernel, 1)?);
    }
    let last = cx.graph.shape(blocks[0]).rank() - 1;
    Ok(cx.graph.concat(&blocks, last)?)
}

/// Block `index` of `units` elements along the last axis.
pub(super) fn block(
    cx: &mut LowerCx<'_>,
    x: ValueId,
    index: usize,
    units: usize,
) -> Result<ValueId, LayerError> {
    let last = cx.graph.shape(x).rank() - 1;
    Ok(cx.graph.slice(x, last, index * units, units, 1)?)
}

/// Reads `recurrent_activation`, by default sigmoid.
pub(super) fn read_recurrent_activation(
    config: &mut ConfigReader,
) -> Result<Activation, LayerError> {
    match config.value("recurrent_activation") {
        None => Ok(Activation::Sigmoid),
        Some(_) => config.activation("recurrent_activation"),
    }
}

/// Chained setters of [`GateRules`] on a recurrent layer whose cell holds them as `rules`.
macro_rules! gate_setters {
    ($cell:ident$(<$rank:ident>)?) => {
        /// Chained setters of what all cells have in common; each is documented at the field of the
        /// same name of [`GateRules`](crate::layers::GateRules).
        impl$(<const $rank: usize>)? $crate::layers::Recurrent<$cell$(<$rank>)?> {
            /// Sets `activation`.
            pub fn activation(mut self, activation: $crate::Activation) -> Self {
                self.cell.rules.activation = activation;
                self
            }

            /// Sets `use_bias`.
            pub fn use_bias(mut self, use_bias: bool) -> Self {
                self.cell.rules.use_bias = use_bias;
                self
            }

            /// Sets `dropout`.
            pub fn dropout(mut self, rate: f64) -> Self {
                self.cell.rules.dropout = rate;
                self
            }

            /// Sets `recurrent_dropout`.
            pub fn recurrent_dropout(mut self, rate: f64) -> Self {
                self.cell.rules.recurrent_dropout = rate;
                self
            }
        }
    };
}

pub(super) use gate_setters;
