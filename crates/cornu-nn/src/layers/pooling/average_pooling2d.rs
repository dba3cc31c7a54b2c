use cornu_graph::ValueId;
use cornu_graph::ops::AveragePool;
use serde_json::{Map, Value, json};

use crate::layers::image::spatial_sizes;
use crate::layers::setters::setters;
use crate::layers::window::Window;
use crate::layers::{DataFormat, IntoPair, Layer, LowerCx, Padding};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// The mean of each window, for each channel; padding does not count. Keras 3,
/// keras/src/layers/pooling/average_pooling2d.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AveragePooling2D {
    /// Height and width of the windows.
    pub pool_size: [usize; 2],
    /// Distance between neighbouring windows. Default: their size.
    pub strides: Option<[usize; 2]>,
    /// Where windows lie at the edges. Default: valid.
    pub padding: Padding,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
}

impl AveragePooling2D {
    /// Windows of a size such as `2` or `(2, 3)`.
    pub fn new(pool_size: impl IntoPair) -> Self {
        Self {
            pool_size: pool_size.into_pair(),
            strides: None,
            padding: Padding::Valid,
            data_format: DataFormat::ChannelsLast,
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let pool_size = config.sizes("pool_size")?;
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

setters!(AveragePooling2D {
    pair strides,
    padding: Padding,
    data_format: DataFormat,
});

impl Layer for AveragePooling2D {
    fn class_name(&self) -> &'static str {
        "AveragePooling2D"
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
        let pool = AveragePool {
            window: window.size.to_vec(),
            strides: window.strides.to_vec(),
            padding: window.padding(spatial_sizes(cx.graph, x)),
        };
        let y = cx.graph.average_pool(x, pool)?;
        Ok(self.data_format.in_own_format(cx.graph, y)?)
    }
}
