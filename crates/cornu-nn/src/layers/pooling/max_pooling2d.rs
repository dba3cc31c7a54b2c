use cornu_graph::ValueId;
use cornu_graph::ops::MaxPool;
use serde_json::{Map, Value, json};

use crate::layers::image::spatial_sizes;
use crate::layers::setters::setters;
use crate::layers::window::Window;
use crate::layers::{DataFormat, Layer, LowerCx, Padding};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// The largest cell of each window, for each channel; padding never counts. The gradient goes to the
/// first maximum of a window. Keras 3,
/// keras/src/layers/pooling/max_pooling2d.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPooling2D {
    /// Height and width of the windows. Default 2.
    pub pool_size: [usize; 2],
    /// Distance between neighbouring windows. Default: their size.
    pub strides: Option<[usize; 2]>,
    /// Where windows lie at the edges. Default: valid.
    pub padding: Padding,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
}

impl Default for MaxPooling2D {
    fn default() -> Self {
        Self::new()
    }
}

impl MaxPooling2D {
    /// Windows of 2 by 2.
    pub fn new() -> Self {
        Self {
            pool_size: [2; 2],
            strides: None,
            padding: Padding::Valid,
            data_format: DataFormat::ChannelsLast,
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let pool_size = config.sizes_or("pool_size", [2; 2])?;
        let strides = match config.present("strides") {
            None => None,
            Some(_) => Some(config.sizes("strides")?),
        };
        Ok(Self {
            pool_size,
            strides,
            padding: Padding::read(config)?,
            data_format: DataFormat::read(config)?,
        })
    }

    fn window(&self) -> Window {
        Window {
            size: self.pool_size,
            strides: self.strides.unwrap_or(self.pool_size),
            dilation: [1; 2],
            padding: self.padding,
        }
    }
}

setters!(MaxPooling2D {
    pair pool_size,
    pair strides,
    padding: Padding,
    data_format: DataFormat,
});

impl Layer for MaxPooling2D {
    fn class_name(&self) -> &'static str {
        "MaxPooling2D"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("pool_size", json!(self.pool_size))
            .set("padding", self.padding.name())
            .set("strides", json!(self.window().strides))
            .set("data_format", self.data_format.name())
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let mut picture = self.data_format.picture(inputs)?;
        picture.spatial = self.window().positions(picture.spatial)?;
        Ok(picture.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = self.data_format.channels_last(cx.graph, inputs[0])?;
        let window = self.window();
        let pool = MaxPool {
            window: window.size.to_vec(),
            strides: window.strides.to_vec(),
            padding: window.padding(spatial_sizes(cx.graph, x)),
        };
        let y = cx.graph.max_pool(x, pool)?;
        Ok(self.data_format.in_own_format(cx.graph, y)?)
    }
}
