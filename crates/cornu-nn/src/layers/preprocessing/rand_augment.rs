use cornu_graph::ValueId;
use cornu_graph::ops::Interpolation;
use serde_json::{Map, Value, json};

use super::policy::{Policy, PolicySettings};
use super::{Factor, change, draw, sampling};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, pictures that go through `num_ops` layers, each drawn for the whole batch out of
/// eleven: shear, translation, rotation, brightness, colour degeneration, contrast, sharpness,
/// posterization, solarization, auto contrast and equalization; else the identity.
///
/// Each layer draws once: drawn twice, it does twice the same. Pictures of one or three channels.
/// Cubuk et al. 2019, "RandAugment: practical automated data augmentation with a reduced search
/// space"; Keras 3, keras/src/layers/preprocessing/image_preprocessing/rand_augment.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandAugment {
    /// Lowest and highest value of a picture. Default: 0 to 255.
    pub value_range: [f64; 2],
    /// Layers that pictures go through, at most 1000. Default 2.
    pub num_ops: usize,
    /// The factor of all layers, within 0 to 1; a number is the upper end. Default 0.5.
    pub factor: Factor,
    /// How pictures are read between their cells. Default: bilinear.
    pub interpolation: Interpolation,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl Default for RandAugment {
    fn default() -> Self {
        Self::new()
    }
}

impl RandAugment {
    const BOUNDS: [f64; 2] = [0.0, 1.0];

    /// With Keras's defaults.
    pub fn new() -> Self {
        Self {
            value_range: [0.0, 255.0],
            num_ops: 2,
            factor: Factor::Symmetric(0.5),
            interpolation: Interpolation::Bilinear,
            data_format: DataFormat::ChannelsLast,
            seed: None,
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            value_range: change::read_value_range(config)?,
            num_ops: change::read_count(config, "num_ops", 2)?,
            factor: change::read_limits(config, "factor", Factor::Symmetric(0.5), Self::BOUNDS)?,
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
            all_ops: true,
        }
    }
}

setters!(RandAugment {
    value_range: [f64; 2],
    num_ops: usize,
    factor: Factor,
    interpolation: Interpolation,
    data_format: DataFormat,
    seed: Option<u64>,
});

impl Layer for RandAugment {
    fn class_name(&self) -> &'static str {
        "RandAugment"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("value_range", json!(self.value_range))
            .set("num_ops", self.num_ops)
            .set("factor", json!(change::limits(self.factor, Self::BOUNDS)))
            .set("interpolation", self.interpolation.name())
            .set("seed", self.seed)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        self.settings().check(inputs)?;
        change::check_drawn(&[("num_ops", self.num_ops)])?;
        Ok(self.data_format.picture::<2>(inputs)?.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let mut y = inputs[0];
        if !cx.training {
            return Ok(y);
        }
        let policy = Policy::new(self.settings());
        let drawn = policy.draw(cx, y)?;
        for _ in 0..self.num_ops {
            let choice = draw::choice(cx, policy.len())?;
            y = policy.apply(cx.graph, y, &drawn, choice)?;
        }
        Ok(y)
    }
}
