use cornu_graph::{Graph, GraphError, ValueId};

use super::inputs;
use crate::{ConfigReader, LayerError, SymbolicShape};

/// Where a picture's channels are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DataFormat {
    /// `(samples, height, width, channels)`.
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

    /// Pictures in this format with channels last.
    pub(super) fn channels_last(self, g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
        match self {
            Self::ChannelsLast => Ok(x),
            Self::ChannelsFirst => g.transpose(x, &[0, 2, 3, 1]),
        }
    }

    /// Pictures with channels last in this format.
    pub(super) fn in_own_format(self, g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
        match self {
            Self::ChannelsLast => Ok(x),
            Self::ChannelsFirst => g.transpose(x, &[0, 3, 1, 2]),
        }
    }

    /// The axes of height and width.
    pub(super) fn spatial(self) -> [usize; 2] {
        match self {
            Self::ChannelsLast => [1, 2],
            Self::ChannelsFirst => [2, 3],
        }
    }

    /// The axis of the channels.
    pub(super) fn channels(self) -> usize {
        match self {
            Self::ChannelsLast => 3,
            Self::ChannelsFirst => 1,
        }
    }

    /// The one input of a layer that takes pictures, with its sizes.
    pub(super) fn picture(self, inputs: &[SymbolicShape]) -> Result<Picture, LayerError> {
        let dims = inputs::of_rank(inputs, 4)?.dims();
        let [height, width] = self.spatial();
        Ok(Picture {
            format: self,
            samples: dims[0],
            spatial: [dims[height], dims[width]],
            channels: dims[self.channels()],
        })
    }
}

/// Height and width of pictures with channels last.
pub(super) fn spatial_sizes(g: &Graph, x: ValueId) -> [usize; 2] {
    let dims = g.shape(x).dims();
    [dims[1].size(1), dims[2].size(1)]
}

/// Sizes of pictures, as far as they are known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picture {
    format: DataFormat,
    samples: Option<usize>,
    pub(super) spatial: [Option<usize>; 2],
    pub(super) channels: Option<usize>,
}

impl Picture {
    /// The shape of such pictures.
    pub(super) fn shape(self) -> SymbolicShape {
        let [height, width] = self.spatial;
        SymbolicShape::new(match self.format {
            DataFormat::ChannelsLast => [self.samples, height, width, self.channels],
            DataFormat::ChannelsFirst => [self.samples, self.channels, height, width],
        })
    }

    /// The channels, which a weight depends on.
    pub(super) fn known_channels(self) -> Result<usize, LayerError> {
        self.channels
            .ok_or_else(|| LayerError::input_shape("a known number of channels", &[self.shape()]))
    }
}
