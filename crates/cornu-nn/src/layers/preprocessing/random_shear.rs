use cornu_graph::ops::Sampling;
use cornu_graph::{Graph, GraphError, ValueId};
use serde_json::{Map, Value, json};

use super::change::{self, RandomChange, RandomMap};
use super::{Factor, draw, sampling};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, pictures sheared: column `x`, row `y` of the result reads column `x + sx y`, row
/// `y + sy x`, with `sx` and `sy` drawn for each picture, both with one random sign; else the
/// identity. Keras 3, keras/src/layers/preprocessing/image_preprocessing/random_shear.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomShear {
    /// How far columns move, within -1 to 1. Default 0.
    pub x_factor: Factor,
    /// How far rows move. Default 0.
    pub y_factor: Factor,
    /// How pictures are read. Default: bilinear with reflected edges.
    pub sampling: Sampling,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl RandomShear {
    /// As far as the factors say.
    pub fn new(x_factor: impl Into<Factor>, y_factor: impl Into<Factor>) -> Self {
        Self {
            x_factor: x_factor.into(),
            y_factor: y_factor.into(),
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
        let mut factor = |key: &str| -> Result<Factor, LayerError> {
            let factor = Factor::read(config, key)?.unwrap_or(Factor::Range(0.0, 0.0));
            if matches!(factor, Factor::Symmetric(number) if number < 0.0) {
                return Err(LayerError::config(key, "a number from 0 to 1", factor.to_config()));
            }
            let [low, high] = factor.range();
            Ok(Factor::Range(low, high))
        };
        let (x_factor, y_factor) = (factor("x_factor")?, factor("y_factor")?);
        Ok(Self {
            x_factor,
            y_factor,
            sampling: sampling::read(config)?,
            data_format: DataFormat::read(config)?,
            seed: config.seed()?,
        })
    }
}

setters!(RandomShear { sampling: Sampling, data_format: DataFormat, seed: Option<u64> });

impl RandomMap for RandomShear {
    fn columns(
        &self,
        g: &mut Graph,
        _x: ValueId,
        drawn: &[ValueId],
    ) -> Result<[ValueId; 6], GraphError> {
        let (zero, one) = (g.scalar(0.0)?, g.scalar(1.0)?);
        let [along_x, along_y] = [0, 1].map(|i| g.slice(drawn[0], 1, i, 1, 1));
        Ok([one, along_x?, zero, along_y?, one, zero])
    }
}

/// Draws both shears, `(samples, 2)`.
impl RandomChange for RandomShear {
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        let coin = draw::uniform(cx, x, 2, [0.0, 1.0])?;
        let along_x = draw::uniform(cx, x, 2, self.x_factor.range())?;
        let along_y = draw::uniform(cx, x, 2, self.y_factor.range())?;
        let g = &mut *cx.graph;
        let both = g.concat(&[along_x, along_y], 1)?;
        let half = g.scalar(0.5)?;
        let is_negative = g.greater(coin, half)?;
        let opposite = g.neg(both)?;
        Ok(vec![g.select(is_negative, opposite, both)?])
    }

    fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        let columns = self.columns(g, x, drawn)?;
        sampling::transform(g, x, self.data_format, columns, self.sampling)
    }
}

impl Layer for RandomShear {
    fn class_name(&self) -> &'static str {
        "RandomShear"
    }

    fn config(&self) -> Map<String, Value> {
        let config = ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("x_factor", json!(self.x_factor.range()))
            .set("y_factor", json!(self.y_factor.range()));
        sampling::write(config, self.sampling).set("seed", self.seed).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        self.x_factor.check("x_factor", [-1.0, 1.0])?;
        self.y_factor.check("y_factor", [-1.0, 1.0])?;
        Ok(self.data_format.picture::<2>(inputs)?.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        change::lower(self, cx, inputs[0])
    }
}
