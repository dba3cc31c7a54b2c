use cornu_graph::ValueId;
use serde_json::{Map, Value, json};

use super::{IntoEdges, edges};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Pictures without the cells at their edges. Keras 3, keras/src/layers/reshaping/cropping2d.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cropping2D {
    /// Cells taken away: `[[top, bottom], [left, right]]`. Default 0 everywhere.
    pub cropping: [[usize; 2]; 2],
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
}

impl Cropping2D {
    /// Takes so many cells away.
    pub fn new(cropping: impl IntoEdges) -> Self {
        Self { cropping: cropping.into_edges(), data_format: DataFormat::ChannelsLast }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            cropping: edges::read(config, "cropping", 0)?,
            data_format: DataFormat::read(config)?,
        })
    }
}

setters!(Cropping2D { data_format: DataFormat });

impl Layer for Cropping2D {
    fn class_name(&self) -> &'static str {
        "Cropping2D"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("cropping", json!(self.cropping))
            .set("data_format", self.data_format.name())
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let mut picture = self.data_format.picture(inputs)?;
        for (size, [before, after]) in picture.spatial.iter_mut().zip(self.cropping) {
            if size.is_some_and(|size| size <= before + after) {
                let expected = format!("pictures larger than the cropping {:?}", self.cropping);
                return Err(LayerError::input_shape(expected, inputs));
            }
            *size = size.map(|size| size - before - after);
        }
        Ok(picture.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let mut x = inputs[0];
        for (axis, [before, after]) in self.data_format.spatial().into_iter().zip(self.cropping) {
            let size = cx.graph.shape(x).dims()[axis].size(1);
            x = cx.graph.slice(x, axis, before, size - before - after, 1)?;
        }
        Ok(x)
    }
}
