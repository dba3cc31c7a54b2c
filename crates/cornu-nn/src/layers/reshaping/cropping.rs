use cornu_graph::ValueId;
use serde_json::{Map, Value};

use super::{IntoEdges, edges};
use crate::layers::image::Picture;
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Pictures without the cells at their edges: `(samples, *spatial, channels)` to smaller sizes, of
/// at least one cell. Keras 3, keras/src/layers/reshaping/cropping2d.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cropping<const RANK: usize> {
    /// Cells taken away, `[before, after]` for each axis. Keras's default is 0 everywhere over height
    /// and width, else 1.
    pub cropping: [[usize; 2]; RANK],
    /// Where the channels are. Default: last. `Cropping1D` has them last always.
    pub data_format: DataFormat,
}

/// [`Cropping`] along one axis: `(samples, steps, channels)`.
pub type Cropping1D = Cropping<1>;
/// [`Cropping`] over height and width.
pub type Cropping2D = Cropping<2>;
/// [`Cropping`] over volumes.
pub type Cropping3D = Cropping<3>;

impl<const RANK: usize> Cropping<RANK> {
    /// Takes so many cells away.
    pub fn new(cropping: impl IntoEdges<RANK>) -> Self {
        Self { cropping: cropping.into_edges(), data_format: DataFormat::ChannelsLast }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let default = if RANK == 2 { 0 } else { 1 };
        Ok(Self {
            cropping: edges::read(config, "cropping", default)?,
            data_format: match RANK {
                1 => DataFormat::ChannelsLast,
                _ => DataFormat::read(config)?,
            },
        })
    }
}

setters!(Cropping<RANK> { data_format: DataFormat });

impl<const RANK: usize> Layer for Cropping<RANK> {
    fn class_name(&self) -> &'static str {
        ["Cropping1D", "Cropping2D", "Cropping3D"][RANK - 1]
    }

    fn config(&self) -> Map<String, Value> {
        let config = ConfigWriter::new().set("cropping", edges::write(&self.cropping));
        match RANK {
            1 => config.finish(),
            _ => config.set("data_format", self.data_format.name()).finish(),
        }
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        if RANK == 1 && self.data_format == DataFormat::ChannelsFirst {
            return Err(LayerError::config("data_format", "channels_last", "channels_first"));
        }
        let mut picture: Picture<RANK> = self.data_format.picture(inputs)?;
        for (size, [before, after]) in picture.spatial.iter_mut().zip(self.cropping) {
            if size.is_some_and(|size| size <= before.saturating_add(after)) {
                let expected = format!("pictures larger than the cropping {:?}", self.cropping);
                return Err(LayerError::input_shape(expected, inputs));
            }
            *size = size.map(|size| size - before - after);
        }
        Ok(picture.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let mut x = inputs[0];
        let axes: [usize; RANK] = self.data_format.spatial();
        for (axis, [before, after]) in axes.into_iter().zip(self.cropping) {
            let size = cx.graph.shape(x).dims()[axis].size(1);
            x = cx.graph.slice(x, axis, before, size - before - after, 1)?;
        }
        Ok(x)
    }
}
