use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value};

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
/// With `renorm` (Ioffe 2017) the batch's `(x - mean) / sqrt(variance + epsilon)` becomes that times
/// `r = stddev / renorm_stddev` plus `d = (mean - renorm_mean) / renorm_stddev`, through which no
/// gradient flows; `renorm_clipping` limits both. `renorm_mean` and `renorm_stddev` follow the batch
/// by `renorm_momentum`, and `moving_variance` is `max(moving_stddev^2 - epsilon, 0)`.
///
/// Weights, each of one number per channel: `gamma`, `beta` (if used), `moving_mean`,
/// `moving_variance`, with `renorm` also `moving_stddev`, `renorm_mean`, `renorm_stddev` (all of these
/// not trainable). Keras 3, keras/src/layers/normalization/batch_normalization.py.
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
    /// Kept for the configuration: one machine sees the whole batch. Default: false.
    pub synchronized: bool,
    /// Whether the batch's result is corrected towards that of the moving statistics. Default: false.
    pub renorm: bool,
    /// Limits of the correction. Default: none.
    pub renorm_clipping: Option<RenormClipping>,
    /// Share of the old statistics of the correction that stays at each step. Default 0.99.
    pub renorm_momentum: f64,
}

/// Limits of the correction of batch renormalization.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RenormClipping {
    /// Least factor.
    pub rmin: Option<f64>,
    /// Largest factor.
    pub rmax: Option<f64>,
    /// Largest summand, to either side.
    pub dmax: Option<f64>,
}

impl RenormClipping {
    fn read(config: &mut ConfigReader) -> Result<Option<Self>, LayerError> {
        let Some(value) = config.present("renorm_clipping") else { return Ok(None) };
        let mut config = ConfigReader::new(&value)
            .map_err(|_| LayerError::config("renorm_clipping", "null or an object", &value))?;
        let clipping = Self {
            rmin: config.optional_number("rmin")?,
            rmax: config.optional_number("rmax")?,
            dmax: config.optional_number("dmax")?,
        };
        config.finish()?;
        let turned = matches!((clipping.rmin, clipping.rmax), (Some(min), Some(max)) if max < min);
        if turned || clipping.dmax.is_some_and(|dmax| dmax < 0.0) {
            let expected = "rmax of at least rmin, and dmax of at least 0";
            return Err(LayerError::config("renorm_clipping", expected, &value));
        }
        Ok(Some(clipping))
    }

    fn to_config(self) -> Value {
        let limits = [("rmax", self.rmax), ("rmin", self.rmin), ("dmax", self.dmax)];
        let set =
            limits.into_iter().filter_map(|(key, limit)| Some((key.to_owned(), limit?.into())));
        Value::Object(set.collect())
    }

    fn clip(self, g: &mut Graph, r: ValueId, d: ValueId) -> Result<[ValueId; 2], GraphError> {
        let (mut r, mut d) = (r, d);
        if let Some(rmin) = self.rmin {
            r = g.max_scalar(r, rmin)?;
        }
        if let Some(rmax) = self.rmax {
            r = g.min_scalar(r, rmax)?;
        }
        if let Some(dmax) = self.dmax {
            d = g.clip(d, -dmax, dmax)?;
        }
        Ok([r, d])
    }
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
            synchronized: false,
            renorm: false,
            renorm_clipping: None,
            renorm_momentum: 0.99,
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
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
            synchronized: config.bool_or("synchronized", false)?,
            renorm: config.bool_or("renorm", false)?,
            renorm_clipping: RenormClipping::read(config)?,
            renorm_momentum: config.number_or("renorm_momentum", 0.99)?,
        })
    }

    /// What a moving deviation starts with: the root of the variance.
    fn stddev_initializer(&self) -> Result<Initializer, LayerError> {
        match &self.moving_variance_initializer {
            Initializer::Constant { value } if 0.0 <= *value => {
                Ok(Initializer::Constant { value: value.sqrt() })
            }
            same @ (Initializer::Ones | Initializer::Zeros) => Ok(same.clone()),
            other => Err(LayerError::Unsupported {
                setting: format!(
                    "renorm=true with moving_variance_initializer={}",
                    other.class_name()
                ),
                hint: "let the variance start with zeros, ones or a constant from 0 on".to_owned(),
            }),
        }
    }

    /// Next values of the weights from `moving_mean` on.
    fn follow(
        &self,
        g: &mut Graph,
        old: &[ValueId],
        [mean, variance]: [ValueId; 2],
    ) -> Result<Vec<ValueId>, GraphError> {
        let follow = |g: &mut Graph, old, batch, momentum: f64| {
            let old = g.mul_scalar(old, momentum)?;
            let new = g.mul_scalar(batch, 1.0 - momentum)?;
            g.add(old, new)
        };
        let next_mean = follow(g, old[0], mean, self.momentum)?;
        if !self.renorm {
            return Ok(vec![next_mean, follow(g, old[1], variance, self.momentum)?]);
        }
        let stddev = self.stddev(g, variance)?;
        let next_stddev = follow(g, old[2], stddev, self.momentum)?;
        let square = g.square(next_stddev)?;
        let next_variance = g.add_scalar(square, -self.epsilon)?;
        let next_variance = g.relu(next_variance)?;
        let renorm_mean = follow(g, old[3], mean, self.renorm_momentum)?;
        let renorm_stddev = follow(g, old[4], stddev, self.renorm_momentum)?;
        Ok(vec![next_mean, next_variance, next_stddev, renorm_mean, renorm_stddev])
    }

    fn stddev(&self, g: &mut Graph, variance: ValueId) -> Result<ValueId, GraphError> {
        let variance = g.add_scalar(variance, self.epsilon)?;
        g.sqrt(variance)
    }

    /// `gamma` and `beta` with the correction in them: `x r + d` takes the place of `x`.
    fn corrected(
        &self,
        g: &mut Graph,
        renorm: [ValueId; 2],
        [mean, variance]: [ValueId; 2],
        gamma: Option<ValueId>,
        beta: Option<ValueId>,
    ) -> Result<[ValueId; 2], GraphError> {
        let stddev = self.stddev(g, variance)?;
        let divisor = g.max_scalar(renorm[1], self.epsilon.sqrt())?;
        let r = g.div(stddev, divisor)?;
        let distance = g.sub(mean, renorm[0])?;
        let d = g.div(distance, divisor)?;
        let [r, d] = self.renorm_clipping.unwrap_or_default().clip(g, r, d)?;
        let [mut scale, mut offset] = [g.stop_gradient(r)?, g.stop_gradient(d)?];
        if let Some(gamma) = gamma {
            scale = g.mul(scale, gamma)?;
            offset = g.mul(offset, gamma)?;
        }
        if let Some(beta) = beta {
            offset = g.add(offset, beta)?;
        }
        Ok([scale, offset])
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
    renorm: bool,
    renorm_clipping: Option<RenormClipping>,
    renorm_momentum: f64,
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
        // Keras makes an empty dictionary of none if it renormalizes.
        let clipping = self.renorm_clipping.or(self.renorm.then(RenormClipping::default));
        config
            .set("moving_mean_initializer", self.moving_mean_initializer.to_config())
            .set("moving_variance_initializer", self.moving_variance_initializer.to_config())
            .set("synchronized", self.synchronized)
            .set("renorm", self.renorm)
            .set("renorm_clipping", clipping.map_or(Value::Null, RenormClipping::to_config))
            .set("renorm_momentum", self.renorm_momentum)
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
        if self.renorm {
            let stddev = self.stddev_initializer()?;
            weights.push(WeightSpec::new("moving_stddev", dims, &stddev)?.frozen());
            weights.push(WeightSpec::new("renorm_mean", dims, mean)?.frozen());
            weights.push(WeightSpec::new("renorm_stddev", dims, &stddev)?.frozen());
        }
        Ok(weights)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = inputs[0];
        let shape = cx.graph.shape(x).clone();
        let axis = inputs::sample_axis(&SymbolicShape::from_graph(&shape), self.axis)?;
        let mut own = cx.weights.iter().copied();
        let gamma = if self.scale { own.next() } else { None };
        let beta = if self.center { own.next() } else { None };
        let n_trained = usize::from(self.scale) + usize::from(self.center);
        let moving = &cx.weights[n_trained..];

        let (mut gamma, mut beta) = (gamma, beta);
        let statistics = if cx.training && cx.trainable {
            let batch = match cx.mask(0) {
                Some(mask) => masked_moments(cx.graph, x, axis, mask)?,
                None => moments(cx.graph, x, axis)?,
            };
            if self.renorm {
                let renorm = [moving[3], moving[4]];
                let [scale, offset] = self.corrected(cx.graph, renorm, batch, gamma, beta)?;
                (gamma, beta) = (Some(scale), Some(offset));
            }
            let next = self.follow(cx.graph, moving, batch)?;
            cx.weight_updates.extend((n_trained..).zip(next));
            batch
        } else {
            [moving[0], moving[1]]
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
