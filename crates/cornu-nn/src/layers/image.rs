use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Array, Dim, Shape};

use super::inputs;
use crate::{ConfigReader, LayerError, SymbolicShape};

/// Where a picture's channels are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DataFormat {
    /// `(samples, height, width, channels)`; with other spatial axes likewise.
    #[default]
    ChannelsLast,
    /// `(samples, channels, height, width)`. Computed by way of channels last.
    ChannelsFirst,
}

impl DataFormat {
    /// Keras's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::ChannelsLast => "channels_last",
            Self::ChannelsFirst => "channels_first",
        }
    }

    /// Reads `data_format`; channels last if null or missing.
    pub(super) fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        match config.present("data_format") {
            None => Ok(Self::ChannelsLast),
            Some(value) if value == "channels_last" => Ok(Self::ChannelsLast),
            Some(value) if value == "channels_first" => Ok(Self::ChannelsFirst),
            Some(value) => {
                Err(LayerError::config("data_format", "channels_last or channels_first", value))
            }
        }
    }

    /// Pictures of any rank in this format with channels last.
    pub(super) fn channels_last(self, g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
        match self {
            Self::ChannelsLast => Ok(x),
            Self::ChannelsFirst => {
                let rank = g.shape(x).rank();
                let axes: Vec<usize> = [0].into_iter().chain(2..rank).chain([1]).collect();
                g.transpose(x, &axes)
            }
        }
    }

    /// Pictures with channels last in this format.
    pub(super) fn in_own_format(self, g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
        match self {
            Self::ChannelsLast => Ok(x),
            Self::ChannelsFirst => {
                let last = g.shape(x).rank() - 1;
                let axes: Vec<usize> = [0, last].into_iter().chain(1..last).collect();
                g.transpose(x, &axes)
            }
        }
    }

    /// The spatial axes.
    pub(super) fn spatial<const N: usize>(self) -> [usize; N] {
        match self {
            Self::ChannelsLast => std::array::from_fn(|axis| axis + 1),
            Self::ChannelsFirst => std::array::from_fn(|axis| axis + 2),
        }
    }

    /// The axis of the channels of pictures with `n` spatial axes.
    fn channels(self, n: usize) -> usize {
        match self {
            Self::ChannelsLast => n + 1,
            Self::ChannelsFirst => 1,
        }
    }

    /// The one input of a layer that takes pictures with `N` spatial axes, with its sizes.
    pub(super) fn picture<const N: usize>(
        self,
        inputs: &[SymbolicShape],
    ) -> Result<Picture<N>, LayerError> {
        let dims = inputs::of_rank(inputs, N + 2)?.dims();
        Ok(Picture {
            format: self,
            samples: dims[0],
            spatial: self.spatial().map(|axis| dims[axis]),
            channels: dims[self.channels(N)],
        })
    }
}

/// Spatial sizes of pictures with channels last.
pub(super) fn spatial_sizes<const N: usize>(g: &Graph, x: ValueId) -> [usize; N] {
    let dims = g.shape(x).dims();
    std::array::from_fn(|axis| dims[axis + 1].size(1))
}

/// `x` `(N, L, C)` as pictures `(N, 1, L, C)` of one row, which have kernels of their own in the
/// engine; anything of another rank as it is.
pub(super) fn line_as_row(g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
    match *g.shape(x).dims() {
        [samples, length, channels] => {
            g.reshape(x, Shape::new([samples, Dim::Fixed(1), length, channels]))
        }
        _ => Ok(x),
    }
}

/// The way back from [`line_as_row`] for pictures with `n` spatial axes.
pub(super) fn row_as_line(g: &mut Graph, y: ValueId, n: usize) -> Result<ValueId, GraphError> {
    match *g.shape(y).dims() {
        [samples, _, length, channels] if n == 1 => {
            g.reshape(y, Shape::new([samples, length, channels]))
        }
        _ => Ok(y),
    }
}

/// Settings for `N` axes as those of pictures of one row: `neutral` for the row if `N` is 1.
pub(super) fn of_row<T: Copy>(settings: &[T], neutral: T) -> Vec<T> {
    let row = (settings.len() == 1).then_some(neutral);
    row.into_iter().chain(settings.iter().copied()).collect()
}

/// Sizes of pictures, as far as they are known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picture<const N: usize> {
    format: DataFormat,
    samples: Option<usize>,
    pub(super) spatial: [Option<usize>; N],
    pub(super) channels: Option<usize>,
}

impl<const N: usize> Picture<N> {
    /// The shape of such pictures.
    pub(super) fn shape(self) -> SymbolicShape {
        let mut dims = vec![self.samples];
        dims.extend(self.spatial);
        dims.insert(self.format.channels(N), self.channels);
        SymbolicShape::new(dims)
    }

    /// The channels, which a weight depends on.
    pub(super) fn known_channels(self) -> Result<usize, LayerError> {
        self.channels
            .ok_or_else(|| LayerError::input_shape("a known number of channels", &[self.shape()]))
    }
}

/// Each line of `x` along `axis` multiplied by `weights` `(m, n)`: cell `i` of the result is the sum
/// of `weights[i, j]` times cell `j`. Not for the samples' axis.
pub(super) fn mix_axis(
    g: &mut Graph,
    x: ValueId,
    axis: usize,
    weights: Array<f64>,
) -> Result<ValueId, GraphError> {
    let weights = g.constant(weights)?;
    mix_axis_by(g, x, axis, weights)
}

/// [`mix_axis`] by weights `(m, n)` that the graph computes.
pub(super) fn mix_axis_by(
    g: &mut Graph,
    x: ValueId,
    axis: usize,
    weights: ValueId,
) -> Result<ValueId, GraphError> {
    let rank = g.shape(x).rank();
    let mut to_end: Vec<usize> = (0..rank).filter(|&other| other != axis).collect();
    to_end.push(axis);
    let sizes = g.shape(weights).sizes(1);
    let (m, n) = (sizes[0], sizes[1]);
    let lines = g.transpose(x, &to_end)?;
    let shape = g.shape(lines).clone();
    let n_lines = shape.dims()[1..rank - 1].iter().map(|dim| dim.size(1)).product();
    let rows = if shape.is_batched() {
        Dim::Batch(n_lines)
    } else {
        Dim::Fixed(shape.dims()[0].size(1) * n_lines)
    };
    let lines = g.reshape(lines, Shape::new([rows, Dim::Fixed(n)]))?;
    let mixed = g.matmul(lines, weights, false, true)?;
    let mixed = g.reshape(mixed, shape.with(rank - 1, Dim::Fixed(m)))?;
    let mut back: Vec<usize> = (0..rank - 1).collect();
    back.insert(axis, rank - 1);
    g.transpose(mixed, &back)
}
