use cornu_graph::ValueId;
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value, json};

use super::normalize;
use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, WeightRules, WeightSpec, inputs};
use crate::{ConfigReader, ConfigWriter, Initializer, LayerError, SymbolicShape};

/// `(x - mean) / sqrt(variance + epsilon) * gamma + beta`, with mean and variance of each block of
/// channels of each sample.
///
/// Weights of one number per channel: `gamma`, `beta` (if used). Keras 3,
/// keras/src/layers/normalization/group_normalization.py.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupNormalization {
    /// Number of blocks, which divides the channels; -1 for one block per channel. Default 32.
    pub groups: i64,
    /// The channels' axis. Default: the last.
    pub axis: i64,
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

impl Default for GroupNormalization {
    fn default() -> Self {
        Self::new()
    }
}

impl GroupNormalization {
    /// With Keras's defaults.
    pub fn new() -> Self {
        Self {
            groups: 32,
            axis: -1,
            epsilon: 1e-3,
            center: true,
            scale: true,
            beta: WeightRules::zeros(),
            gamma: WeightRules::new(Initializer::Ones),
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            groups: config.integer_or("groups", 32)?,
            axis: config.integer_or("axis", -1)?,
            epsilon: config.number_or("epsilon", 1e-3)?,
            center: config.bool_or("center", true)?,
            scale: config.bool_or("scale", true)?,
            beta: WeightRules::read(config, "beta", WeightRules::zeros())?,
            gamma: WeightRules::read(config, "gamma", WeightRules::new(Initializer::Ones))?,
        })
    }

    /// Number of blocks of this many channels.
    fn n_groups(&self, channels: usize) -> Result<usize, LayerError> {
        if self.groups == -1 {
            return Ok(channels);
        }
        usize::try_from(self.groups)
            .ok()
            .filter(|&groups| 0 < groups && channels.is_multiple_of(groups))
            .ok_or_else(|| {
                let expected = format!("-1 or a divisor of the {channels} channels");
                LayerError::config("groups", expected, self.groups)
            })
    }
}

setters!(GroupNormalization {
    groups: i64,
    axis: i64,
    epsilon: f64,
    center: bool,
    scale: bool,
    rules beta { beta_initializer, beta_regularizer, beta_constraint },
    rules gamma { gamma_initializer, gamma_regularizer, gamma_constraint },
});

impl Layer for GroupNormalization {
    fn class_name(&self) -> &'static str {
        "GroupNormalization"
    }

    fn config(&self) -> Map<String, Value> {
        let config = ConfigWriter::new()
            .set("groups", json!(self.groups))
            .set("axis", self.axis)
            .set("epsilon", self.epsilon)
            .set("center", self.center)
            .set("scale", self.scale);
        self.gamma.write(self.beta.write(config, "beta"), "gamma").finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let input = inputs::at_least(inputs, 2)?;
        if let Some(channels) = input.dims()[inputs::sample_axis(input, self.axis)?] {
            self.n_groups(channels)?;
        }
        Ok(input.clone())
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        let input = inputs::at_least(inputs, 2)?;
        let dims = [inputs::known(input, inputs::sample_axis(input, self.axis)?)?];
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
        let shape = cx.graph.shape(inputs[0]).clone();
        let axis = inputs::sample_axis(&SymbolicShape::from_graph(&shape), self.axis)?;
        let channels = shape.dims()[axis].size(1);
        let groups = self.n_groups(channels)?;
        let mut own = cx.weights.iter().copied();
        let gamma = if self.scale { own.next() } else { None };
        let beta = if self.center { own.next() } else { None };

        // The channels' axis becomes two, blocks and channels within a block.
        let mut split = shape.dims().to_vec();
        split.splice(axis..=axis, [Dim::Fixed(groups), Dim::Fixed(channels / groups)]);
        let mut along = vec![Dim::Fixed(1); split.len()];
        along[axis..=axis + 1].copy_from_slice(&split[axis..=axis + 1]);
        let others: Vec<usize> = (1..split.len()).filter(|&other| other != axis).collect();

        let g = &mut *cx.graph;
        let x = g.reshape(inputs[0], Shape::new(split))?;
        let mean = g.mean(x, &others, true)?;
        let centred = g.sub(x, mean)?;
        let square = g.square(centred)?;
        let variance = g.mean(square, &others, true)?;
        let along = Shape::new(along);
        let gamma = gamma.map(|gamma| g.reshape(gamma, along.clone())).transpose()?;
        let beta = beta.map(|beta| g.reshape(beta, along)).transpose()?;
        let y = normalize(g, x, [mean, variance], self.epsilon, gamma, beta)?;
        Ok(g.reshape(y, shape)?)
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
