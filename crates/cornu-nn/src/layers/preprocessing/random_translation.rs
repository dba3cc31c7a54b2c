use cornu_graph::ops::Sampling;
use cornu_graph::{Graph, GraphError, ValueId};
use serde_json::{Map, Value};

use super::change::{self, RandomChange, RandomMap};
use super::{Factor, draw, sampling};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, pictures moved by a share of their size; else the identity.
///
/// Keras 3, keras/src/layers/preprocessing/image_preprocessing/random_translation.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomTranslation {
    /// Share of the height, down if positive; a number is as far to either side.
    pub height_factor: Factor,
    /// Share of the width, to the right if positive; a number is as far to either side.
    pub width_factor: Factor,
    /// How pictures are read between their cells and outside. Default: reflected, bilinear.
    pub sampling: Sampling,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl RandomTranslation {
    /// By up to these shares of height and width.
    pub fn new(height_factor: impl Into<Factor>, width_factor: impl Into<Factor>) -> Self {
        Self {
            height_factor: height_factor.into(),
            width_factor: width_factor.into(),
            sampling: sampling::default(),
            data_format: DataFormat::ChannelsLast,
            seed: None,
        }
    }

    /// Reads the layer's own keys.
    ///
    /// # Errors
    ///
    /// What is wrong with one of them.
    pub fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            height_factor: Factor::required(config, "height_factor")?,
            width_factor: Factor::required(config, "width_factor")?,
            sampling: sampling::read(config)?,
            data_format: DataFormat::read(config)?,
            seed: config.seed()?,
        })
    }

    /// Moves each picture by `moves` `(samples, 2)`: columns to the right, rows down.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit.
    pub fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        moves: ValueId,
    ) -> Result<ValueId, GraphError> {
        let columns = self.columns(g, x, &[moves])?;
        sampling::transform(g, x, self.data_format, columns, self.sampling)
    }
}

setters!(RandomTranslation { sampling: Sampling, data_format: DataFormat, seed: Option<u64> });

impl RandomMap for RandomTranslation {
    fn columns(
        &self,
        g: &mut Graph,
        _x: ValueId,
        drawn: &[ValueId],
    ) -> Result<[ValueId; 6], GraphError> {
        let (zero, one) = (g.scalar(0.0)?, g.scalar(1.0)?);
        let back = g.neg(drawn[0])?;
        let (a2, b2) = (g.slice(back, 1, 0, 1, 1)?, g.slice(back, 1, 1, 1, 1)?);
        Ok([one, zero, a2, zero, one, b2])
    }
}

/// Draws by how many columns and rows each picture moves, `(samples, 2)`.
impl RandomChange for RandomTranslation {
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        let sizes =
            self.data_format.spatial::<2>().map(|axis| cx.graph.shape(x).dims()[axis].size(1));
        let mut moves = Vec::with_capacity(2);
        for (factor, size) in [(self.width_factor, sizes[1]), (self.height_factor, sizes[0])] {
            let range = factor.range().map(|share| share * size as f64);
            moves.push(draw::uniform(cx, x, 2, range)?);
        }
        Ok(vec![cx.graph.concat(&moves, 1)?])
    }

    fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        Self::transform(self, g, x, drawn[0])
    }
}

impl Layer for RandomTranslation {
    fn class_name(&self) -> &'static str {
        "RandomTranslation"
    }

    fn config(&self) -> Map<String, Value> {
        let config = ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("height_factor", self.height_factor.to_config())
            .set("width_factor", self.width_factor.to_config());
        sampling::write(config, self.sampling).set("seed", self.seed).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        self.height_factor.check("height_factor", [-1.0, 1.0])?;
        self.width_factor.check("width_factor", [-1.0, 1.0])?;
        Ok(self.data_format.picture::<2>(inputs)?.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        change::lower(self, cx, inputs[0])
    }
}
