use cornu_graph::ValueId;
use serde_json::{Map, Value};

use super::{IntoEdges, edges};
use crate::layers::image::Picture;
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Zeros around pictures: `(samples, *spatial, channels)` to sizes larger by what is put before and
/// after each axis. Keras 3, keras/src/layers/reshaping/zero_padding2d.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZeroPadding<const RANK: usize> {
    /// Zeros `[before, after]` for each axis. Default 1 everywhere.
    pub padding: [[usize; 2]; RANK],
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
}

/// [`ZeroPadding`] along one axis.
pub type ZeroPadding1D = ZeroPadding<1>;
/// [`ZeroPadding`] over height and width.
pub type ZeroPadding2D = ZeroPadding<2>;
/// [`ZeroPadding`] over volumes.
pub type ZeroPadding3D = ZeroPadding<3>;

impl<const RANK: usize> Default for ZeroPadding<RANK> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const RANK: usize> ZeroPadding<RANK> {
    /// One layer of zeros on each side.
    pub fn new() -> Self {
        Self { padding: 1.into_edges(), data_format: DataFormat::ChannelsLast }
    }

    /// Sets the zeros on each side.
    pub fn padding(mut self, padding: impl IntoEdges<RANK>) -> Self {
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

setters!(ZeroPadding<RANK> { data_format: DataFormat });

impl<const RANK: usize> Layer for ZeroPadding<RANK> {
    fn class_name(&self) -> &'static str {
        ["ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"][RANK - 1]
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("padding", edges::write(&self.padding))
            .set("data_format", self.data_format.name())
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let mut picture: Picture<RANK> = self.data_format.picture(inputs)?;
        for (size, [before, after]) in picture.spatial.iter_mut().zip(self.padding) {
            *size = size.map(|size| size.saturating_add(before).saturating_add(after));
        }
        Ok(picture.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let mut x = inputs[0];
        let axes: [usize; RANK] = self.data_format.spatial();
        for (axis, [before, after]) in axes.into_iter().zip(self.padding) {
            x = cx.graph.pad(x, axis, before, after, 0)?;
        }
        Ok(x)
    }
}
