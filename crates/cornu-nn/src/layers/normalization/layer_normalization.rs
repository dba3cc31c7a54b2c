use cornu_graph::ValueId;
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value, json};

use super::normalize;
use crate::config::one_or_list;
use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, WeightRules, WeightSpec, inputs};
use crate::{ConfigReader, ConfigWriter, Initializer, LayerError, SymbolicShape};

/// `(x - mean) / sqrt(variance + epsilon) * gamma + beta`, with mean and variance of each sample
/// over the given axes.
///
/// Weights of the sizes of those axes: `gamma`, `beta` (if used). Keras 3,
/// keras/src/layers/normalization/layer_normalization.py.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNormalization {
    /// Axes that are normalized together. Default: the last.
    pub axis: Vec<i64>,
    /// Added to the variance. Default 1e-3.
    pub epsilon: f64,
    /// Whether `beta` is added. Default: true.
    pub center: bool,
    /// Whether it is multiplied by `gamma`. Default: true.
    pub scale: bool,
    /// Rules of `beta`; starts with zeros.
    pub beta: WeightRules,
    /// Rules of `gamma`; starts with ones.
    pub gamma: WeightRules,
}

impl Default for LayerNormalization {
    fn default() -> Self {
        Self::new()
    }
}

impl LayerNormalization {
    /// With Keras's defaults.
    pub fn new() -> Self {
        Self {
            axis: vec![-1],
            epsilon: 1e-3,
            center: true,
            scale: true,
            beta: WeightRules::zeros(),
            gamma: WeightRules::new(Initializer::Ones),
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        config.only("rms_scaling", &[json!(false)], "only mean and variance are known here")?;
        Ok(Self {
            axis: config.integers_or("axis", &[-1])?,
            epsilon: config.number_or("epsilon", 1e-3)?,
            center: config.bool_or("center", true)?,
            scale: config.bool_or("scale", true)?,
            beta: WeightRules::read(config, "beta", WeightRules::zeros())?,
            gamma: WeightRules::read(config, "gamma", WeightRules::new(Initializer::Ones))?,
        })
    }
}

setters!(LayerNormalization {
    axis: Vec<i64>,
    epsilon: f64,
    center: bool,
    scale: bool,
    rules beta { beta_initializer, beta_regularizer, beta_constraint },
    rules gamma { gamma_initializer, gamma_regularizer, gamma_constraint },
});

impl Layer for LayerNormalization {
    fn class_name(&self) -> &'static str {
        "LayerNormalization"
    }

    fn config(&self) -> Map<String, Value> {
        let config = ConfigWriter::new()
            .set("axis", one_or_list(&self.axis))
            .set("epsilon", self.epsilon)
            .set("center", self.center)
            .set("scale", self.scale)
            .set("rms_scaling", false);
        self.gamma.write(self.beta.write(config, "beta"), "gamma").finish()
    }

    fn built_config(&self, _inputs: &[SymbolicShape]) -> Map<String, Value> {
        // Keras makes a list of a single axis when the layer is built.
        let mut config = self.config();
        config.insert("axis".to_owned(), json!(self.axis));
        config
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let input = inputs::at_least(inputs, 2)?;
        inputs::sample_axes(input, &self.axis)?;
        Ok(input.clone())
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        let input = inputs::at_least(inputs, 2)?;
        let axes = inputs::sample_axes(input, &self.axis)?;
        let dims =
            axes.iter().map(|&axis| inputs::known(input, axis)).collect::<Result<Vec<_>, _>>()?;
        let mut weights = Vec::new();
        if self.scale {
            weights.push(self.gamma.spec("gamma", &dims)?);
        }
        if self.center {
            weights.push(self.beta.spec("beta", &dims)?);
        }
        Ok(weights)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = inputs[0];
        let shape = cx.graph.shape(x).clone();
        let axes = inputs::sample_axes(&SymbolicShape::from_graph(&shape), &self.axis)?;
        let mut own = cx.weights.iter().copied();
        let gamma = if self.scale { own.next() } else { None };
        let beta = if self.center { own.next() } else { None };

        let g = &mut *cx.graph;
        let mean = g.mean(x, &axes, true)?;
        let centred = g.sub(x, mean)?;
        let square = g.square(centred)?;
        let variance = g.mean(square, &axes, true)?;
        let dims = (0..shape.rank()).map(|axis| match axes.contains(&axis) {
            true => shape.dims()[axis],
            false => Dim::Fixed(1),
        });
        let along = Shape::new(dims.collect::<Vec<_>>());
        let gamma = gamma.map(|gamma| g.reshape(gamma, along.clone())).transpose()?;
        let beta = beta.map(|beta| g.reshape(beta, along)).transpose()?;
        Ok(normalize(g, x, [mean, variance], self.epsilon, gamma, beta)?)
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
