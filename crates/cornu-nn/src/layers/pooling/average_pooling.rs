use cornu_graph::ValueId;
use cornu_graph::ops::AveragePool;
use serde_json::{Map, Value, json};

use super::read_strides;
use crate::layers::image::{Picture, line_as_row, of_row, row_as_line, spatial_sizes};
use crate::layers::setters::setters;
use crate::layers::window::Window;
use crate::layers::{DataFormat, IntoSizes, Layer, LowerCx, Padding};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// The mean of each window, for each channel; padding does not count.
///
/// Input `(samples, *spatial, channels)`, result `(samples, *s, channels)` with `s` as [`Padding`]
/// says. Keras 3, keras/src/layers/pooling/base_pooling.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AveragePooling<const RANK: usize> {
    /// Size of the windows along each axis.
    pub pool_size: [usize; RANK],
    /// Distance between neighbouring windows. Default: their size.
    pub strides: Option<[usize; RANK]>,
    /// Where windows lie at the edges. Default: valid.
    pub padding: Padding,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
}

/// [`AveragePooling`] along one axis.
pub type AveragePooling1D = AveragePooling<1>;
/// [`AveragePooling`] over height and width.
pub type AveragePooling2D = AveragePooling<2>;
/// [`AveragePooling`] over volumes.
pub type AveragePooling3D = AveragePooling<3>;

impl<const RANK: usize> AveragePooling<RANK> {
    /// Windows of a size such as `2` or `(2, 3)`.
    pub fn new(pool_size: impl IntoSizes<RANK>) -> Self {
        Self {
            pool_size: pool_size.into_sizes(),
            strides: None,
            padding: Padding::Valid,
            data_format: DataFormat::ChannelsLast,
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            pool_size: config.sizes("pool_size")?,
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

setters!(AveragePooling<RANK> {
    sizes strides,
    padding: Padding,
    data_format: DataFormat,
});

impl<const RANK: usize> Layer for AveragePooling<RANK> {
    fn class_name(&self) -> &'static str {
        ["AveragePooling1D", "AveragePooling2D", "AveragePooling3D"][RANK - 1]
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
        let pool = AveragePool {
            window: of_row(&window.size, 1),
            strides: of_row(&window.strides, 1),
            padding: of_row(&window.padding(spatial_sizes(g, x)), (0, 0)),
        };
        let x = line_as_row(g, x)?;
        let y = g.average_pool(x, pool)?;
        let y = row_as_line(g, y, RANK)?;
        Ok(self.data_format.in_own_format(g, y)?)
    }
}
