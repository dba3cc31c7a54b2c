use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value, json};

use crate::layers::image::{Picture, spatial_sizes};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, IntoSizes, Layer, LowerCx, ResizeMethod};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Pictures made larger by whole factors: `(samples, *spatial, channels)` to
/// `(samples, *(spatial * size), channels)`. Keras 3, keras/src/layers/reshaping/up_sampling2d.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpSampling<const RANK: usize> {
    /// Factor of each axis. Default 2.
    pub size: [usize; RANK],
    /// Where the channels are. Default: last. `UpSampling1D` has them last always.
    pub data_format: DataFormat,
    /// Nearest repeats cells, the others read between them. Default: nearest; only `UpSampling2D`
    /// takes another.
    pub interpolation: ResizeMethod,
}

/// [`UpSampling`] along one axis: `(samples, steps, channels)`.
pub type UpSampling1D = UpSampling<1>;
/// [`UpSampling`] over height and width.
pub type UpSampling2D = UpSampling<2>;
/// [`UpSampling`] over volumes.
pub type UpSampling3D = UpSampling<3>;

impl<const RANK: usize> UpSampling<RANK> {
    /// By factors such as `2` or `(2, 3)`, repeating cells.
    pub fn new(size: impl IntoSizes<RANK>) -> Self {
        Self {
            size: size.into_sizes(),
            data_format: DataFormat::ChannelsLast,
            interpolation: ResizeMethod::Nearest,
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            size: config.sizes_or("size", [2; RANK])?,
            data_format: match RANK {
                1 => DataFormat::ChannelsLast,
                _ => DataFormat::read(config)?,
            },
            interpolation: match RANK {
                2 => ResizeMethod::read(config, "nearest")?,
                _ => ResizeMethod::Nearest,
            },
        })
    }
}

setters!(UpSampling<RANK> { data_format: DataFormat, interpolation: ResizeMethod });

impl<const RANK: usize> Layer for UpSampling<RANK> {
    fn class_name(&self) -> &'static str {
        ["UpSampling1D", "UpSampling2D", "UpSampling3D"][RANK - 1]
    }

    fn config(&self) -> Map<String, Value> {
        let config = ConfigWriter::new();
        let format = self.data_format.name();
        match &self.size[..] {
            [one] => config.set("size", *one),
            size @ [_, _] => config
                .set("size", json!(size))
                .set("data_format", format)
                .set("interpolation", self.interpolation.name()),
            size => config.set("size", json!(size)).set("data_format", format),
        }
        .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        if self.size.contains(&0) {
            let got = json!(&self.size[..]);
            return Err(LayerError::config("size", "at least 1 on each axis", got));
        }
        if RANK != 2 && self.interpolation != ResizeMethod::Nearest {
            let got = self.interpolation.name();
            return Err(LayerError::config("interpolation", "nearest", got));
        }
        if RANK == 1 && self.data_format == DataFormat::ChannelsFirst {
            return Err(LayerError::config("data_format", "channels_last", "channels_first"));
        }
        let mut picture: Picture<RANK> = self.data_format.picture(inputs)?;
        for (cells, factor) in picture.spatial.iter_mut().zip(self.size) {
            *cells = cells.map(|n| n.saturating_mul(factor));
        }
        Ok(picture.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let g = &mut *cx.graph;
        let mut x = self.data_format.channels_last(g, inputs[0])?;
        if let [rows, columns] = self.size[..] {
            let [height, width] = spatial_sizes(g, x);
            x = self.interpolation.lower(g, x, [height * rows, width * columns], false)?;
        } else {
            for (axis, factor) in (1..).zip(self.size) {
                x = repeat(g, x, axis, factor)?;
            }
        }
        Ok(self.data_format.in_own_format(g, x)?)
    }
}

/// Each element along `axis` (not the samples') `times` times, one after the other.
fn repeat(g: &mut Graph, x: ValueId, axis: usize, times: usize) -> Result<ValueId, GraphError> {
    let shape = g.shape(x).clone();
    let n = shape.dims()[axis].size(1);
    let with = |size: usize| {
        let mut dims = shape.dims().to_vec();
        dims.insert(axis + 1, Dim::Fixed(size));
        Shape::new(dims)
    };
    let x = g.reshape(x, with(1))?;
    let x = g.broadcast_to(x, with(times))?;
    g.reshape(x, shape.with(axis, Dim::Fixed(n * times)))
}
