use cornu_graph::ValueId;
use cornu_graph::ops::Distribution;
use serde_json::{Map, Value};

use super::check_rate;
use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, adds normal noise; else the identity. Keras 3,
/// keras/src/layers/regularization/gaussian_noise.py.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianNoise {
    /// Standard deviation, 0 to 1.
    pub stddev: f64,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl GaussianNoise {
    /// Noise of this standard deviation.
    pub fn new(stddev: f64) -> Self {
        Self { stddev, seed: None }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self { stddev: config.number("stddev")?, seed: config.seed()? })
    }
}

setters!(GaussianNoise { seed: Option<u64>, });

impl Layer for GaussianNoise {
    fn class_name(&self) -> &'static str {
        "GaussianNoise"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("stddev", self.stddev).set("seed", self.seed).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        check_rate("stddev", self.stddev)?;
        inputs::one(inputs).cloned()
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = inputs[0];
        if !cx.training || self.stddev == 0.0 {
            return Ok(x);
        }
        let stream = cx.random_stream();
        let shape = cx.graph.shape(x).clone();
        let normal = cx.graph.random(Distribution::Normal, stream, shape)?;
        let noise = cx.graph.mul_scalar(normal, self.stddev)?;
        Ok(cx.graph.add(x, noise)?)
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
