use cornu_graph::{Graph, GraphError, ValueId};
use serde_json::{Map, Value};

use super::{draw, sampling};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, pictures turned over with probability 1/2 each; else the identity.
///
/// With both directions, one coin decides: a picture is turned over in both or in none. Keras 3,
/// keras/src/layers/preprocessing/image_preprocessing/random_flip.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomFlip {
    /// Which directions. Default: both.
    pub mode: FlipMode,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

/// Directions of a [`RandomFlip`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlipMode {
    /// Left and right change places.
    Horizontal,
    /// Top and bottom change places.
    Vertical,
    /// Both at once.
    HorizontalAndVertical,
}

impl FlipMode {
    /// Keras's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Horizontal => "horizontal",
            Self::Vertical => "vertical",
            Self::HorizontalAndVertical => "horizontal_and_vertical",
        }
    }

    fn named(name: &str) -> Result<Self, LayerError> {
        match name {
            "horizontal" => Ok(Self::Horizontal),
            "vertical" => Ok(Self::Vertical),
            "horizontal_and_vertical" => Ok(Self::HorizontalAndVertical),
            _ => Err(LayerError::config(
                "mode",
                "horizontal, vertical or horizontal_and_vertical",
                name,
            )),
        }
    }
}

impl RandomFlip {
    /// In these directions.
    pub fn new(mode: FlipMode) -> Self {
        Self { mode, data_format: DataFormat::ChannelsLast, seed: None }
    }

    /// Reads the layer's own keys.
    ///
    /// # Errors
    ///
    /// What is wrong with one of them.
    pub fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let mode = config.string_or("mode", FlipMode::HorizontalAndVertical.name())?;
        Ok(Self {
            mode: FlipMode::named(&mode)?,
            data_format: DataFormat::read(config)?,
            seed: config.seed()?,
        })
    }

    /// Draws 1 for each picture that is turned over, else 0.
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<ValueId, LayerError> {
        let uniform = draw::uniform(cx, x, 4, [0.0, 1.0])?;
        let half = cx.graph.scalar(0.5)?;
        Ok(cx.graph.less_equal(uniform, half)?)
    }

    /// Turns over the pictures whose `flips` `(samples, 1, 1, 1)` is not 0.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit.
    pub fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        flips: ValueId,
    ) -> Result<ValueId, GraphError> {
        let axes = [self.mode != FlipMode::Horizontal, self.mode != FlipMode::Vertical];
        if let Some(y) = sampling::flip_moved(g, x, self.data_format, flips, axes)? {
            return Ok(y);
        }
        let [rows, columns] = self.data_format.spatial();
        let mut turned = x;
        if self.mode != FlipMode::Vertical {
            turned = g.reverse(turned, columns)?;
        }
        if self.mode != FlipMode::Horizontal {
            turned = g.reverse(turned, rows)?;
        }
        g.select(flips, turned, x)
    }
}

setters!(RandomFlip { data_format: DataFormat, seed: Option<u64> });

impl Layer for RandomFlip {
    fn class_name(&self) -> &'static str {
        "RandomFlip"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("seed", self.seed)
            .set("mode", self.mode.name())
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        Ok(self.data_format.picture::<2>(inputs)?.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        if !cx.training {
            return Ok(inputs[0]);
        }
        let drawn = self.draw(cx, inputs[0])?;
        Ok(self.transform(cx.graph, inputs[0], drawn)?)
    }
}
