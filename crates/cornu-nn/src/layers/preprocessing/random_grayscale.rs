use cornu_graph::{Graph, GraphError, ValueId};
use serde_json::{Map, Value};

use super::change::{self, RandomChange};
use super::draw;
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, pictures made grey, each with probability `factor`; else the identity. Pictures of
/// one or three channels, which stay as many. Keras 3,
/// keras/src/layers/preprocessing/image_preprocessing/random_grayscale.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomGrayscale {
    /// Share of pictures that are made grey, 0 to 1. Default 0.5.
    pub factor: f64,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
}

impl RandomGrayscale {
    /// A share `factor` of the pictures.
    pub fn new(factor: f64) -> Self {
        Self { factor, data_format: DataFormat::ChannelsLast }
    }

    /// Reads the layer's own keys.
    ///
    /// # Errors
    ///
    /// What is wrong with one of them.
    pub fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        config.ignore(&["seed"]);
        Ok(Self {
            factor: config.number_or("factor", 0.5)?,
            data_format: DataFormat::read(config)?,
        })
    }
}

setters!(RandomGrayscale { data_format: DataFormat });

/// Draws 1 for the pictures that are made grey.
impl RandomChange for RandomGrayscale {
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        let threshold = draw::uniform(cx, x, 4, [0.0, 1.0])?;
        let factor = cx.graph.scalar(self.factor)?;
        Ok(vec![cx.graph.less(threshold, factor)?])
    }

    fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        let x = self.data_format.channels_last(g, x)?;
        let grey = change::grey(g, x)?;
        let y = g.select(drawn[0], grey, x)?;
        self.data_format.in_own_format(g, y)
    }
}

impl Layer for RandomGrayscale {
    fn class_name(&self) -> &'static str {
        "RandomGrayscale"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("factor", self.factor)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        if !(0.0..=1.0).contains(&self.factor) {
            return Err(LayerError::config("factor", "a number from 0 to 1", self.factor));
        }
        change::colour_shape(self.data_format, inputs, &[1, 3])
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        change::lower(self, cx, inputs[0])
    }
}
