use cornu_graph::ValueId;
use serde_json::{Map, Value, json};

use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, WeightRules, WeightSpec, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// `max(x, 0) - alpha * max(-x, 0)` with a slope `alpha` that is learnt.
///
/// Weight: `alpha`, of the shape of a sample with 1 on the shared axes. Keras 3,
/// keras/src/layers/activations/prelu.py.
#[derive(Debug, Clone, PartialEq)]
pub struct PReLU {
    /// Rules of the slope; starts with zeros.
    pub alpha: WeightRules,
    /// Axes (the samples' is 0) along which one slope serves all.
    pub shared_axes: Vec<i64>,
}

impl Default for PReLU {
    fn default() -> Self {
        Self::new()
    }
}

impl PReLU {
    /// With one slope for each element of a sample.
    pub fn new() -> Self {
        Self { alpha: WeightRules::zeros(), shared_axes: Vec::new() }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let shared_axes = match config.present("shared_axes") {
            None => Vec::new(),
            Some(_) => config.integers_or("shared_axes", &[])?,
        };
        Ok(Self { alpha: WeightRules::read(config, "alpha", WeightRules::zeros())?, shared_axes })
    }
}

setters!(PReLU {
    shared_axes: Vec<i64>,
    rules alpha { alpha_initializer, alpha_regularizer, alpha_constraint },
});

impl Layer for PReLU {
    fn class_name(&self) -> &'static str {
        "PReLU"
    }

    fn config(&self) -> Map<String, Value> {
        let config = self.alpha.write(ConfigWriter::new(), "alpha");
        let shared = !self.shared_axes.is_empty();
        config.set("shared_axes", shared.then(|| json!(self.shared_axes))).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        inputs::at_least(inputs, 2).cloned()
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        let input = inputs::at_least(inputs, 2)?;
        let mut is_shared = vec![false; input.rank()];
        for &axis in &self.shared_axes {
            is_shared[inputs::sample_axis(input, axis)?] = true;
        }
        let dims = (1..input.rank())
            .map(|axis| if is_shared[axis] { Ok(1) } else { inputs::known(input, axis) })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(vec![self.alpha.spec("alpha", &dims)?])
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let (x, alpha) = (inputs[0], cx.weights[0]);
        let g = &mut *cx.graph;
        let positive = g.relu(x)?;
        let minus = g.neg(x)?;
        let negative = g.relu(minus)?;
        let leak = g.mul(alpha, negative)?;
        Ok(g.sub(positive, leak)?)
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
