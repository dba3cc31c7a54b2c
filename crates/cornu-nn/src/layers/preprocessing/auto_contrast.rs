use cornu_graph::ops::ReduceKind;
use cornu_graph::{Graph, GraphError, ValueId};
use serde_json::{Map, Value, json};

use super::change::{self, RandomChange};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Pictures whose values are stretched to the whole range: `(x - low) * 255 / (high - low)` with the
/// lowest and highest value over axes 1 and 2 of each picture, whatever the data format, as in Keras.
/// Where both are the same, the picture stays. In training and at inference. Keras 3,
/// keras/src/layers/preprocessing/image_preprocessing/auto_contrast.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AutoContrast {
    /// Lowest and highest value of a picture. Default: 0 to 255.
    pub value_range: [f64; 2],
    /// Kept for the configuration.
    pub data_format: DataFormat,
}

impl Default for AutoContrast {
    fn default() -> Self {
        Self::new()
    }
}

impl AutoContrast {
    /// On values from 0 to 255.
    pub fn new() -> Self {
        Self { value_range: [0.0, 255.0], data_format: DataFormat::ChannelsLast }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            value_range: change::read_value_range(config)?,
            data_format: DataFormat::read(config)?,
        })
    }
}

setters!(AutoContrast { value_range: [f64; 2], data_format: DataFormat });

impl Layer for AutoContrast {
    fn class_name(&self) -> &'static str {
        "AutoContrast"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("value_range", json!(self.value_range))
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        Ok(self.data_format.picture::<2>(inputs)?.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        Ok(self.transform(cx.graph, inputs[0], &[])?)
    }
}

/// Draws nothing.
impl RandomChange for AutoContrast {
    fn draw(&self, _cx: &mut LowerCx<'_>, _x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        Ok(Vec::new())
    }

    fn transform(
        &self,
        g: &mut Graph,
        pictures: ValueId,
        _drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        let x = change::to_range(g, pictures, self.value_range, [0.0, 255.0])?;
        let low = g.reduce(ReduceKind::Min, x, &[1, 2], true)?;
        let high = g.reduce(ReduceKind::Max, x, &[1, 2], true)?;
        let range = g.sub(high, low)?;
        let full = g.scalar(255.0)?;
        let scale = g.div(full, range)?;
        let offset = g.mul(low, scale)?;
        let scaled = g.mul(x, scale)?;
        let stretched = g.sub(scaled, offset)?;
        let stretched = g.clip(stretched, 0.0, 255.0)?;
        let stretched = change::to_range(g, stretched, [0.0, 255.0], self.value_range)?;
        let is_flat = g.equal(high, low)?;
        g.select(is_flat, pictures, stretched)
    }
}
