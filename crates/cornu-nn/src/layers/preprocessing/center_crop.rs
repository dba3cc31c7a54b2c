use cornu_graph::ValueId;
use serde_json::{Map, Value};

use super::Resizing;
use crate::layers::image::spatial_sizes;
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// The middle of pictures. One that is too small is resized, after as much of it as has the wanted
/// form is cut out. Keras 3,
/// keras/src/layers/preprocessing/image_preprocessing/center_crop.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CenterCrop {
    /// Rows of the result.
    pub height: usize,
    /// Columns of the result.
    pub width: usize,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
}

impl CenterCrop {
    /// To this height and width.
    pub fn new(height: usize, width: usize) -> Self {
        Self { height, width, data_format: DataFormat::ChannelsLast }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            height: config.positive("height")?,
            width: config.positive("width")?,
            data_format: DataFormat::read(config)?,
        })
    }

    /// What is done with pictures that are too small.
    fn resizing(&self) -> Resizing {
        Resizing::new(self.height, self.width)
            .crop_to_aspect_ratio(true)
            .data_format(self.data_format)
    }
}

setters!(CenterCrop { data_format: DataFormat });

impl Layer for CenterCrop {
    fn class_name(&self) -> &'static str {
        "CenterCrop"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("height", self.height)
            .set("width", self.width)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        self.resizing().output_shape(inputs)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = self.data_format.channels_last(cx.graph, inputs[0])?;
        let [height, width] = spatial_sizes(cx.graph, x);
        if height < self.height || width < self.width {
            return self.resizing().lower(cx, inputs);
        }
        let y = cx.graph.slice(x, 1, (height - self.height) / 2, self.height, 1)?;
        let y = cx.graph.slice(y, 2, (width - self.width) / 2, self.width, 1)?;
        Ok(self.data_format.in_own_format(cx.graph, y)?)
    }
}
