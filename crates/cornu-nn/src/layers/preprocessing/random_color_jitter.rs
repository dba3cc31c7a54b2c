use cornu_graph::ValueId;
use serde_json::{Map, Value, json};

use super::{Factor, RandomBrightness, RandomContrast, RandomHue, RandomSaturation, change};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, pictures that go through [`RandomBrightness`], [`RandomContrast`],
/// [`RandomSaturation`] and [`RandomHue`], as far as factors are given; else the identity.
///
/// As in Keras all four take the channels from the last axis, whatever `data_format` says: saturation
/// and hue then refuse pictures with channels first. Keras 3,
/// keras/src/layers/preprocessing/image_preprocessing/random_color_jitter.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomColorJitter {
    /// Lowest and highest value of a picture. Default: 0 to 255.
    pub value_range: [f64; 2],
    /// Of the brightness, within -1 to 1. Default: it stays.
    pub brightness_factor: Option<Factor>,
    /// Of the contrast, within 0 to 1. Default: it stays.
    pub contrast_factor: Option<Factor>,
    /// Of the saturation, within -1 to 1. Default: it stays.
    pub saturation_factor: Option<Factor>,
    /// Of the hue, within 0 to 1. Default: it stays.
    pub hue_factor: Option<Factor>,
    /// Kept for the configuration.
    pub data_format: DataFormat,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl Default for RandomColorJitter {
    fn default() -> Self {
        Self::new()
    }
}

impl RandomColorJitter {
    /// Without factors, which leaves pictures as they are.
    pub fn new() -> Self {
        Self {
            value_range: [0.0, 255.0],
            brightness_factor: None,
            contrast_factor: None,
            saturation_factor: None,
            hue_factor: None,
            data_format: DataFormat::ChannelsLast,
            seed: None,
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            value_range: change::read_value_range(config)?,
            brightness_factor: Factor::read(config, "brightness_factor")?,
            contrast_factor: Factor::read(config, "contrast_factor")?,
            saturation_factor: Factor::read(config, "saturation_factor")?,
            hue_factor: Factor::read(config, "hue_factor")?,
            data_format: DataFormat::read(config)?,
            seed: config.seed()?,
        })
    }

    /// What pictures go through.
    fn layers(&self) -> Vec<Box<dyn Layer>> {
        let range = self.value_range;
        let layers: [Option<Box<dyn Layer>>; 4] = [
            self.brightness_factor.map(|f| RandomBrightness::new(f).value_range(range).boxed()),
            self.contrast_factor.map(|f| RandomContrast::new(f).value_range(range).boxed()),
            self.saturation_factor.map(|f| RandomSaturation::new(f).value_range(range).boxed()),
            self.hue_factor.map(|f| RandomHue::new(f).value_range(range).boxed()),
        ];
        layers.into_iter().flatten().collect()
    }
}

/// A layer as one of many.
trait Boxed: Layer + Sized + 'static {
    fn boxed(self) -> Box<dyn Layer> {
        Box::new(self)
    }
}

impl<L: Layer + 'static> Boxed for L {}

setters!(RandomColorJitter {
    value_range: [f64; 2],
    brightness_factor: Option<Factor>,
    contrast_factor: Option<Factor>,
    saturation_factor: Option<Factor>,
    hue_factor: Option<Factor>,
    data_format: DataFormat,
    seed: Option<u64>,
});

impl Layer for RandomColorJitter {
    fn class_name(&self) -> &'static str {
        "RandomColorJitter"
    }

    fn config(&self) -> Map<String, Value> {
        let factor = |factor: Option<Factor>| factor.map(Factor::to_config);
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("value_range", json!(self.value_range))
            .set("brightness_factor", factor(self.brightness_factor))
            .set("contrast_factor", factor(self.contrast_factor))
            .set("saturation_factor", factor(self.saturation_factor))
            .set("hue_factor", factor(self.hue_factor))
            .set("seed", self.seed)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        for layer in self.layers() {
            layer.output_shape(inputs)?;
        }
        Ok(self.data_format.picture::<2>(inputs)?.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let mut y = inputs[0];
        for layer in self.layers() {
            y = layer.lower(cx, &[y])?;
        }
        Ok(y)
    }
}
