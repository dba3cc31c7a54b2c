use cornu_graph::ValueId;
use serde_json::{Map, Value, json};

use super::{IntoEdges, edges};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Zeros around pictures. Keras 3, keras/src/layers/reshaping/zero_padding2d.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZeroPadding2D {
    /// Zeros: `[[top, bottom], [left, right]]`. Default 1 everywhere.
    pub padding: [[usize; 2]; 2],
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
}

impl Default for ZeroPadding2D {
    fn default() -> Self {
        Self::new()
    }
}

impl ZeroPadding2D {
    /// One row and column of zeros on each side.
    pub fn new() -> Self {
        Self { padding: 1.into_edges(), data_format: DataFormat::ChannelsLast }
    }

    /// Sets the zeros on each side.
    pub fn padding(mut self, padding: impl IntoEdges) -> Self {
        self.padding = padding.into_edges();
        self
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            padding: edges::read(config, "padding", 1)?,
            data_format: DataFormat::read(config)?,
        })
    }
}

setters!(ZeroPadding2D { data_format: DataFormat });

impl Layer for ZeroPadding2D {
    fn class_name(&self) -> &'static str {
        "ZeroPadding2D"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("padding", json!(self.padding))
            .set("data_format", self.data_format.name())
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let mut picture = self.data_format.picture(inputs)?;
        for (size, [before, after]) in picture.spatial.iter_mut().zip(self.padding) {
            *size = size.map(|size| size + before + after);
        }
        Ok(picture.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let mut x = inputs[0];
        for (axis, [before, after]) in self.data_format.spatial().into_iter().zip(self.padding) {
            x = cx.graph.pad(x, axis, before, after, 0)?;
        }
        Ok(x)
    }
}
