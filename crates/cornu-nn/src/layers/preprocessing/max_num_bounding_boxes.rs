use cornu_graph::ValueId;
use serde_json::{Map, Value};

use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Pictures as they are.
///
/// In Keras the layer gives the bounding boxes that come along in a dictionary a fixed number. What
/// layers here are called with are tensors, of which Keras leaves pictures alone, too: boxes have to be
/// cut and filled up before they are fed. Keras 3,
/// keras/src/layers/preprocessing/image_preprocessing/max_num_bounding_box.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxNumBoundingBoxes {
    /// Kept for the configuration: boxes of each picture.
    pub max_number: i64,
    /// Kept for the configuration.
    pub data_format: DataFormat,
}

impl MaxNumBoundingBoxes {
    /// For this number of boxes.
    pub fn new(max_number: i64) -> Self {
        Self { max_number, data_format: DataFormat::ChannelsLast }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        // Keras reads it but does not write it.
        config.integer_or("fill_value", -1)?;
        if config.present("max_number").is_none() {
            return Err(LayerError::MissingKey("max_number".to_owned()));
        }
        Ok(Self {
            max_number: config.integer_or("max_number", 0)?,
            data_format: DataFormat::read(config)?,
        })
    }
}

setters!(MaxNumBoundingBoxes { data_format: DataFormat });

impl Layer for MaxNumBoundingBoxes {
    fn class_name(&self) -> &'static str {
        "MaxNumBoundingBoxes"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("max_number", self.max_number)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        Ok(self.data_format.picture::<2>(inputs)?.shape())
    }

    fn lower(&self, _cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        Ok(inputs[0])
    }
}
