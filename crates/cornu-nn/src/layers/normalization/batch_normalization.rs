use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value, json};

use super::normalize;
use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, WeightRules, WeightSpec, inputs};
use crate::{ConfigReader, ConfigWriter, Initializer, LayerError, SymbolicShape};

/// `(x - mean) / sqrt(variance + epsilon) * gamma + beta` for each channel.
///
/// In training (of a layer that is trainable) mean and variance are those of the batch, and
/// `moving = moving * momentum + batch * (1 - momentum)` follows them, with the variance divided by
/// the number of elements, not by one less. Otherwise they are the moving ones, which stay.
///
/// Weights, each of one number per channel: `gamma`, `beta` (if used), `moving_mean`,
/// `moving_variance` (not trainable). Keras 3, keras/src/layers/normalization/batch_normalization.py.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNormalization {
    /// The channels' axis. Default: the last.
    pub axis: i64,
    /// Share of the old moving statistics that stays at each step. Default 0.99.
    pub momentum: f64,
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
    /// What the moving mean starts with. Default: zeros.
    pub moving_mean_initializer: Initializer,
    /// What the moving variance starts with. Default: ones.
    pub moving_variance_initializer: Initializer,
}

impl Default for BatchNormalization {
    fn default() -> Self {
        Self::new()
    }
}

impl BatchNormalization {
    /// With Keras's defaults.
    pub fn new() -> Self {
        Self {
            axis: -1,
            momentum: 0.99,
            epsilon: 1e-3,
            center: true,
            scale: true,
            beta: WeightRules::zeros(),
            gamma: WeightRules::new(Initializer::Ones),
            moving_mean_initializer: Initializer::Zeros,
            moving_variance_initializer: Initializer::Ones,
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        config.only("renorm", &[json!(false)], "batch renormalization is not known here")?;
        config.ignore(&["renorm_clipping", "renorm_momentum"]);
        config.only("synchronized", &[json!(false)], "one machine sees the whole batch")?;
        let axis = match config.present("axis") {
            // Keras writes one axis as a number, older versions as a list of one.
            Some(Value::Array(axes)) if axes.len() == 1 => {
                axes[0].as_i64().ok_or_else(|| LayerError::config("axis", "one axis", &axes[0]))?
            }
            _ => config.integer_or("axis", -1)?,
        };
        Ok(Self {
            axis,
            momentum: config.number_or("momentum", 0.99)?,
            epsilon: config.number_or("epsilon", 1e-3)?,
            center: config.bool_or("center", true)?,
            scale: config.bool_or("scale", true)?,
            beta: WeightRules::read(config, "beta", WeightRules::zeros())?,
            gamma: WeightRules::read(config, "gamma", WeightRules::new(Initializer::Ones))?,
            moving_mean_initializer: config
                .initializer_or("moving_mean_initializer", Initializer::Zeros)?,
            moving_variance_initializer: config
                .initializer_or("moving_variance_initializer", Initializer::Ones)?,
        })
    }
}

setters!(BatchNormalization {
    axis: i64,
    momentum: f64,
    epsilon: f64,
    center: bool,
    scale: bool,
    moving_mean_initializer: Initializer,
    moving_variance_initializer: Initializer,
    rules beta { beta_initializer, beta_regularizer, beta_constraint },
    rules gamma { gamma_initializer, gamma_regularizer, gamma_constraint },
});

impl Layer for BatchNormalization {
    fn class_name(&self) -> &'static str {
        "BatchNormalization"
    }

    fn config(&self) -> Map<String, Value> {
        let config = ConfigWriter::new()
            .set("axis", self.axis)
            .set("momentum", self.momentum)
            .set("epsilon", self.epsilon)
            .set("center", self.center)
            .set("scale", self.scale);
        let config = self.gamma.write(self.beta.write(config, "beta"), "gamma");
        config
            .set("moving_mean_initializer", self.moving_mean_initializer.to_config())
            .set("moving_variance_initializer", self.moving_variance_initializer.to_config())
            .set("synchronized", false)
            .set("renorm", false)
            .set("renorm_clipping", Value::Null)
            .set("renorm_momentum", 0.99)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        if !(0.0..=1.0).contains(&self.momentum) {
            return Err(LayerError::config("momentum", "a number from 0 to 1", self.momentum));
        }
        let input = inputs::at_least(inputs, 2)?;
        inputs::sample_axis(input, self.axis)?;
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
        let (mean, variance) = (&self.moving_mean_initializer, &self.moving_variance_initializer);
        weights.push(WeightSpec::new("moving_mean", dims, mean)?.frozen());
        weights.push(WeightSpec::new("moving_variance", dims, variance)?.frozen());
        Ok(weights)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = inputs[0];
        let shape = cx.graph.shape(x).clone();
        let axis = inputs::sample_axis(&SymbolicShape::from_graph(&shape), self.axis)?;
        let mut own = cx.weights.iter().copied();
        let gamma = if self.scale { own.next() } else { None };
        let beta = if self.center { own.next() } else { None };
        let first_moving = cx.weights.len() - 2;
        let moving = [cx.weights[first_moving], cx.weights[first_moving + 1]];

        let statistics = if cx.training && cx.trainable {
            let batch = match cx.mask(0) {
                Some(mask) => masked_moments(cx.graph, x, axis, mask)?,
                None => moments(cx.graph, x, axis)?,
            };
            for (index, (moving, batch)) in moving.into_iter().zip(batch).enumerate() {
                let old = cx.graph.mul_scalar(moving, self.momentum)?;
                let new = cx.graph.mul_scalar(batch, 1.0 - self.momentum)?;
                let next = cx.graph.add(old, new)?;
                cx.weight_updates.push((first_moving + index, next));
            }
            batch
        } else {
            moving
        };
        let g = &mut *cx.graph;
        let [mean, variance] =
            [along(g, statistics[0], axis, &shape)?, along(g, statistics[1], axis, &shape)?];
        let gamma = gamma.map(|gamma| along(g, gamma, axis, &shape)).transpose()?;
        let beta = beta.map(|beta| along(g, beta, axis, &shape)).transpose()?;
        Ok(normalize(g, x, [mean, variance], self.epsilon, gamma, beta)?)
    }

    fn supports_masking(&self) -> bool {
        true
    }
}

/// Mean and variance of each channel over all samples and places.
fn moments(g: &mut Graph, x: ValueId, axis: usize) -> Result<[ValueId; 2], GraphError> {
    let shape = g.shape(x).clone();
    let others: Vec<usize> = (0..shape.rank()).filter(|&other| other != axis).collect();
    let mean = g.mean(x, &others, false)?;
    let variance = g.variance(x, &others)?;
    Ok([mean, variance])
}

/// As [`moments`] of what `mask`, which has all axes but the last, leaves of `x`. As in Keras the
/// number of elements is raised by 1e-7, so that an empty mask gives zeros.
fn masked_moments(
    g: &mut Graph,
    x: ValueId,
    axis: usize,
    mask: ValueId,
) -> Result<[ValueId; 2], GraphError> {
    let shape = g.shape(x).clone();
    let others: Vec<usize> = (0..shape.rank()).filter(|&other| other != axis).collect();
    let mut dims = g.shape(mask).dims().to_vec();
    dims.push(Dim::Fixed(1));
    let mask = g.reshape(mask, Shape::new(dims))?;
    let (zero, one) = (g.scalar(0.0)?, g.scalar(1.0)?);
    let one = g.broadcast_to(one, shape.clone())?;
    let counted = g.select(mask, one, zero)?;
    let n = g.sum(counted, &others, true)?;
    let n = g.add_scalar(n, 1e-7)?;
    let seen = g.select(mask, x, zero)?;
    let sum = g.sum(seen, &others, true)?;
    let mean = g.div(sum, n)?;
    let difference = g.sub(x, mean)?;
    let difference = g.select(mask, difference, zero)?;
    let squares = g.square(difference)?;
    let squares = g.sum(squares, &others, true)?;
    let variance = g.div(squares, n)?;
    let channels = Shape::new([shape.dims()[axis]]);
    Ok([g.reshape(mean, channels.clone())?, g.reshape(variance, channels)?])
}

/// One number per channel, shaped to broadcast to `shape` along `axis`.
fn along(
    g: &mut Graph,
    channels: ValueId,
    axis: usize,
    shape: &Shape,
) -> Result<ValueId, GraphError> {
    if axis + 1 == shape.rank() {
        return Ok(channels);
    }
    let mut dims = vec![Dim::Fixed(1); shape.rank()];
    dims[axis] = shape.dims()[axis];
    g.reshape(channels, Shape::new(dims))
}
