use cornu_graph::ValueId;
use cornu_graph::ops::Interpolation;
use cornu_tensor::Shape;
use serde_json::{Map, Value, json};

use super::policy::{Policy, PolicySettings};
use super::{Factor, change, draw, sampling};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, pictures mixed with the mixture of several changed copies, clipped to the value range:
/// `m x + (1 - m) sum of w_i chain_i(x)`; else the identity.
///
/// Each chain is `chain_depth` layers after one another, each drawn out of those of
/// [`RandAugment`](super::RandAugment) and none at all. Layers, weights `w` (Dirichlet) and `m` (beta,
/// both with `alpha`) are drawn for the whole batch; what the layers themselves draw is each
/// picture's own. Hendrycks et al. 2019, "AugMix: a simple data processing method to improve
/// robustness and uncertainty"; Keras 3,
/// keras/src/layers/preprocessing/image_preprocessing/aug_mix.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AugMix {
    /// Lowest and highest value of a picture. Default: 0 to 255.
    pub value_range: [f64; 2],
    /// Copies that are mixed; times `chain_depth` at most 1000. Default 3.
    pub num_chains: usize,
    /// Layers that each copy goes through at most. Default 3.
    pub chain_depth: usize,
    /// The factor of all layers, within 0 to 1; a number is the upper end. Default 0.3.
    pub factor: Factor,
    /// Of the distributions of the shares, above 0. Default 1.
    pub alpha: f64,
    /// Whether brightness, colour degeneration, contrast and sharpness are among the layers. Default:
    /// true. Pictures then have one or three channels.
    pub all_ops: bool,
    /// How pictures are read between their cells. Default: bilinear.
    pub interpolation: Interpolation,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl Default for AugMix {
    fn default() -> Self {
        Self::new()
    }
}

impl AugMix {
    const BOUNDS: [f64; 2] = [0.0, 1.0];

    /// With Keras's defaults.
    pub fn new() -> Self {
        Self {
            value_range: [0.0, 255.0],
            num_chains: 3,
            chain_depth: 3,
            factor: Factor::Symmetric(0.3),
            alpha: 1.0,
            all_ops: true,
            interpolation: Interpolation::Bilinear,
            data_format: DataFormat::ChannelsLast,
            seed: None,
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            value_range: change::read_value_range(config)?,
            num_chains: change::read_count(config, "num_chains", 3)?,
            chain_depth: change::read_count(config, "chain_depth", 3)?,
            factor: change::read_limits(config, "factor", Factor::Symmetric(0.3), Self::BOUNDS)?,
            alpha: config.number_or("alpha", 1.0)?,
            all_ops: config.bool_or("all_ops", true)?,
            interpolation: sampling::interpolation(config, "bilinear")?,
            data_format: DataFormat::read(config)?,
            seed: config.seed()?,
        })
    }

    fn settings(&self) -> PolicySettings {
        PolicySettings {
            factor: change::limits(self.factor, Self::BOUNDS),
            value_range: self.value_range,
            interpolation: self.interpolation,
            data_format: self.data_format,
            all_ops: self.all_ops,
        }
    }

    /// One copy: a layer drawn after the other.
    fn chain(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<ValueId, LayerError> {
        let policy = Policy::new(self.settings());
        let mut y = x;
        for _ in 0..self.chain_depth {
            // The number after the last layer's is none.
            let choice = draw::choice(cx, policy.len() + 1)?;
            let drawn = policy.draw(cx, x)?;
            y = policy.apply(cx.graph, y, &drawn, choice)?;
        }
        Ok(y)
    }
}

setters!(AugMix {
    value_range: [f64; 2],
    num_chains: usize,
    chain_depth: usize,
    factor: Factor,
    alpha: f64,
    all_ops: bool,
    interpolation: Interpolation,
    data_format: DataFormat,
    seed: Option<u64>,
});

impl Layer for AugMix {
    fn class_name(&self) -> &'static str {
        "AugMix"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("value_range", json!(self.value_range))
            .set("num_chains", self.num_chains)
            .set("chain_depth", self.chain_depth)
            .set("factor", json!(change::limits(self.factor, Self::BOUNDS)))
            .set("alpha", self.alpha)
            .set("all_ops", self.all_ops)
            .set("interpolation", self.interpolation.name())
            .set("seed", self.seed)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        self.settings().check(inputs)?;
        change::check_alpha(self.alpha)?;
        let counts = [("num_chains", self.num_chains), ("chain_depth", self.chain_depth)];
        change::check_drawn(&counts)?;
        Ok(self.data_format.picture::<2>(inputs)?.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = inputs[0];
        if !cx.training {
            return Ok(x);
        }
        let alpha = cx.graph.scalar(self.alpha)?;
        let share = draw::beta(cx, alpha, &Shape::fixed([1]))?;
        let rest = cx.graph.scalar_sub(1.0, share)?;
        let mut y = cx.graph.mul(x, share)?;
        if 0 < self.num_chains {
            // Gamma numbers divided by their sum.
            let logs = draw::log_gamma(cx, alpha, &Shape::fixed([self.num_chains]))?;
            let weights = cx.graph.softmax(logs, 0)?;
            for index in 0..self.num_chains {
                let copy = self.chain(cx, x)?;
                let weight = cx.graph.slice(weights, 0, index, 1, 1)?;
                let weight = cx.graph.mul(weight, rest)?;
                let part = cx.graph.mul(copy, weight)?;
                y = cx.graph.add(y, part)?;
            }
        }
        let [low, high] = self.value_range;
        Ok(cx.graph.clip(y, low, high)?)
    }
}
