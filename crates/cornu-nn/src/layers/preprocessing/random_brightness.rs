use cornu_graph::{Graph, GraphError, ValueId};
use serde_json::{Map, Value, json};

use super::change::{self, RandomChange};
use super::{Factor, draw};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, pictures made brighter or darker by a share of the value range, clipped to it; else
/// the identity. Keras 3,
/// keras/src/layers/preprocessing/image_preprocessing/random_brightness.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomBrightness {
    /// How far, within -1 to 1; a number is as far to either side.
    pub factor: Factor,
    /// Lowest and highest value of a picture. Default: 0 to 255.
    pub value_range: [f64; 2],
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl RandomBrightness {
    const BOUNDS: [f64; 2] = [-1.0, 1.0];

    /// As far as `factor` says, on values from 0 to 255.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self {
            factor: factor.into(),
            value_range: [0.0, 255.0],
            data_format: DataFormat::ChannelsLast,
            seed: None,
        }
    }

    /// Reads the layer's own keys.
    ///
    /// # Errors
    ///
    /// What is wrong with one of them.
    pub fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let value_range = Factor::read(config, "value_range")?;
        Ok(Self {
            factor: Factor::required(config, "factor")?,
            value_range: value_range.map_or([0.0, 255.0], Factor::range),
            data_format: DataFormat::read(config)?,
            seed: config.seed()?,
        })
    }

    /// Adds `drawn` `(samples, 1, 1, 1)`.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit.
    pub fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: ValueId,
    ) -> Result<ValueId, GraphError> {
        let y = g.add(x, drawn)?;
        let [low, high] = self.value_range;
        g.clip(y, low, high)
    }

    /// The range, as Keras writes it.
    fn limits(&self) -> [f64; 2] {
        change::limits(self.factor, Self::BOUNDS)
    }
}

setters!(RandomBrightness { value_range: [f64; 2], data_format: DataFormat, seed: Option<u64> });

/// Draws what is added to each picture.
impl RandomChange for RandomBrightness {
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        let [darkest, brightest] = self.value_range;
        let [low, high] = self.limits();
        let extent = brightest - darkest;
        Ok(vec![draw::uniform(cx, x, 4, [low * extent, high * extent])?])
    }

    fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        Self::transform(self, g, x, drawn[0])
    }
}

impl Layer for RandomBrightness {
    fn class_name(&self) -> &'static str {
        "RandomBrightness"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("factor", json!(self.limits()))
            .set("value_range", json!(self.value_range))
            .set("seed", self.seed)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        change::check("factor", self.factor, Self::BOUNDS)?;
        Ok(self.data_format.picture::<2>(inputs)?.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        change::lower(self, cx, inputs[0])
    }
}
