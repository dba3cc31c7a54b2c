use cornu_graph::ValueId;
use cornu_graph::ops::Interpolation;
use serde_json::{Map, Value, json};

use crate::layers::image::spatial_sizes;
use crate::layers::setters::setters;
use crate::layers::{DataFormat, IntoPair, Layer, LowerCx, read_interpolation};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Pictures made larger by whole factors. Keras 3, keras/src/layers/reshaping/up_sampling2d.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpSampling2D {
    /// Factors of height and width. Default 2.
    pub size: [usize; 2],
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Nearest repeats cells, bilinear reads between them. Default: nearest.
    pub interpolation: Interpolation,
}

impl UpSampling2D {
    /// By factors such as `2` or `(2, 3)`, repeating cells.
    pub fn new(size: impl IntoPair) -> Self {
        Self {
            size: size.into_pair(),
            data_format: DataFormat::ChannelsLast,
            interpolation: Interpolation::Nearest,
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            size: config.sizes_or("size", [2; 2])?,
            data_format: DataFormat::read(config)?,
            interpolation: read_interpolation(config, "nearest")?,
        })
    }
}

setters!(UpSampling2D { data_format: DataFormat, interpolation: Interpolation });

impl Layer for UpSampling2D {
    fn class_name(&self) -> &'static str {
        "UpSampling2D"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("size", json!(self.size))
            .set("data_format", self.data_format.name())
            .set("interpolation", self.interpolation.name())
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        if self.size.contains(&0) {
            return Err(LayerError::config("size", "at least 1 on each axis", json!(self.size)));
        }
        let mut picture = self.data_format.picture(inputs)?;
        for (cells, factor) in picture.spatial.iter_mut().zip(self.size) {
            *cells = cells.map(|n| n * factor);
        }
        Ok(picture.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = self.data_format.channels_last(cx.graph, inputs[0])?;
        let [height, width] = spatial_sizes(cx.graph, x);
        let [rows, columns] = self.size;
        let y = cx.graph.resize(x, height * rows, width * columns, self.interpolation)?;
        Ok(self.data_format.in_own_format(cx.graph, y)?)
    }
}
