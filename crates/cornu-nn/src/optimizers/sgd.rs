use cornu_graph::ValueId;
use serde_json::{Map, Value};

use super::common::rounded;
use super::settings::optimizer_settings;
use super::{Optimizer, OptimizerSettings, SlotSpec, UpdateCx, VariableSpec};
use crate::{ConfigReader, ConfigWriter, LayerError};

/// Gradient descent: `p -= lr g`.
///
/// With momentum `m = mu m - lr g; p += m`, with Nesterov's look ahead `p += mu m - lr g`. Source:
/// Keras 3, `keras/src/optimizers/sgd.py`.
#[derive(Debug, Clone, PartialEq)]
pub struct SGD {
    settings: OptimizerSettings,
    momentum: f64,
    nesterov: bool,
}

impl SGD {
    /// With Keras's defaults: learning rate 0.01, no momentum.
    pub fn new() -> Self {
        Self { settings: OptimizerSettings::new("sgd", 0.01), momentum: 0.0, nesterov: false }
    }

    /// How much of the last step is repeated, 0 to 1. Default 0.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Whether to look ahead. Default false.
    pub fn nesterov(mut self, nesterov: bool) -> Self {
        self.nesterov = nesterov;
        self
    }

    pub(super) fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let momentum = config.number_or("momentum", 0.0)?;
        if !(0.0..=1.0).contains(&momentum) {
            return Err(LayerError::config("momentum", "a number from 0 to 1", momentum));
        }
        Ok(Self::new().momentum(momentum).nesterov(config.bool_or("nesterov", false)?))
    }
}

optimizer_settings!(SGD);

impl Optimizer for SGD {
    fn class_name(&self) -> &'static str {
        "SGD"
    }

    fn settings(&self) -> &OptimizerSettings {
        &self.settings
    }

    fn settings_mut(&mut self) -> &mut OptimizerSettings {
        &mut self.settings
    }

    fn own_config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("momentum", self.momentum).set("nesterov", self.nesterov).finish()
    }

    fn slots(&self, variable: &VariableSpec) -> Vec<SlotSpec> {
        if self.momentum == 0.0 {
            return Vec::new();
        }
        vec![SlotSpec::like(variable, "momentum")]
    }

    fn update(
        &self,
        cx: &mut UpdateCx<'_>,
        variable: ValueId,
        gradient: ValueId,
        slots: &[ValueId],
    ) -> Result<(ValueId, Vec<ValueId>), LayerError> {
        let graph = &mut *cx.graph;
        let step = graph.mul(gradient, cx.learning_rate)?;
        let &[momentum] = slots else { return Ok((graph.sub(variable, step)?, Vec::new())) };
        let kept = graph.mul_scalar(momentum, rounded(self.momentum))?;
        let momentum = graph.sub(kept, step)?;
        let way = if self.nesterov {
            let ahead = graph.mul_scalar(momentum, rounded(self.momentum))?;
            graph.sub(ahead, step)?
        } else {
            momentum
        };
        Ok((graph.add(variable, way)?, vec![momentum]))
    }
}
