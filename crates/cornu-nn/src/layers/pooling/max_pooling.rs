use cornu_graph::ValueId;
use cornu_graph::ops::MaxPool;
use serde_json::{Map, Value, json};

use super::read_strides;
use crate::layers::image::{Picture, line_as_row, of_row, row_as_line, spatial_sizes};
use crate::layers::setters::setters;
use crate::layers::window::Window;
use crate::layers::{DataFormat, Layer, LowerCx, Padding};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// The largest cell of each window, for each channel; padding never counts. The gradient goes to the
/// first maximum of a window.
///
/// Input `(samples, *spatial, channels)`, result `(samples, *s, channels)` with `s` as [`Padding`]
/// says. Keras 3, keras/src/layers/pooling/base_pooling.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPooling<const RANK: usize> {
    /// Size of the windows along each axis. Default 2.
    pub pool_size: [usize; RANK],
    /// Distance between neighbouring windows. Default: their size.
    pub strides: Option<[usize; RANK]>,
    /// Where windows lie at the edges. Default: valid.
    pub padding: Padding,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
}

/// [`MaxPooling`] along one axis.
pub type MaxPooling1D = MaxPooling<1>;
/// [`MaxPooling`] over height and width.
pub type MaxPooling2D = MaxPooling<2>;
/// [`MaxPooling`] over volumes.
pub type MaxPooling3D = MaxPooling<3>;

impl<const RANK: usize> Default for MaxPooling<RANK> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const RANK: usize> MaxPooling<RANK> {
    /// Windows of 2 cells along each axis.
    pub fn new() -> Self {
        Self {
            pool_size: [2; RANK],
            strides: None,
            padding: Padding::Valid,
            data_format: DataFormat::ChannelsLast,
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            pool_size: config.sizes_or("pool_size", [2; RANK])?,
            strides: read_strides(config)?,
            padding: Padding::read(config)?,
            data_format: DataFormat::read(config)?,
        })
    }

    fn window(&self) -> Window<RANK> {
        Window {
            size: self.pool_size,
            strides: self.strides.unwrap_or(self.pool_size),
            dilation: [1; RANK],
            padding: self.padding,
        }
    }
}

setters!(MaxPooling<RANK> {
    sizes pool_size,
    sizes strides,
    padding: Padding,
    data_format: DataFormat,
});

impl<const RANK: usize> Layer for MaxPooling<RANK> {
    fn class_name(&self) -> &'static str {
        ["MaxPooling1D", "MaxPooling2D", "MaxPooling3D"][RANK - 1]
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("pool_size", json!(&self.pool_size[..]))
            .set("padding", self.padding.name())
            .set("strides", json!(&self.window().strides[..]))
            .set("data_format", self.data_format.name())
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        if self.padding == Padding::Causal {
            return Err(LayerError::config("padding", "valid or same", "causal"));
        }
        let mut picture: Picture<RANK> = self.data_format.picture(inputs)?;
        picture.spatial = self.window().positions(picture.spatial)?;
        Ok(picture.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let g = &mut *cx.graph;
        let x = self.data_format.channels_last(g, inputs[0])?;
        let window = self.window();
        let pool = MaxPool {
            window: of_row(&window.size, 1),
            strides: of_row(&window.strides, 1),
            padding: of_row(&window.padding(spatial_sizes(g, x)), (0, 0)),
        };
        let x = line_as_row(g, x)?;
        let y = g.max_pool(x, pool)?;
        let y = row_as_line(g, y, RANK)?;
        Ok(self.data_format.in_own_format(g, y)?)
    }
}
