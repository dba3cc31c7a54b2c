use cornu_graph::{Graph, GraphError, ValueId};
use serde_json::{Map, Value, json};

use super::change::{self, RandomChange};
use super::{Factor, draw};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, on values from 0 to 255: a number is added, and what is at least a threshold becomes
/// its negative; both are drawn for each picture. Else the identity. Keras 3,
/// keras/src/layers/preprocessing/image_preprocessing/solarization.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Solarization {
    /// What is added, of 255 (the lower end of 1, as in Keras), within 0 to 1. Default 0.
    pub addition_factor: [f64; 2],
    /// The threshold, likewise. Default 0.
    pub threshold_factor: [f64; 2],
    /// Lowest and highest value of a picture. Default: 0 to 255.
    pub value_range: [f64; 2],
    /// Kept for the configuration.
    pub data_format: DataFormat,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl Default for Solarization {
    fn default() -> Self {
        Self::new()
    }
}

impl Solarization {
    /// With Keras's defaults, which make negatives of all pictures.
    pub fn new() -> Self {
        Self {
            addition_factor: [0.0; 2],
            threshold_factor: [0.0; 2],
            value_range: [0.0, 255.0],
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
        let mut factor = |key: &str| -> Result<[f64; 2], LayerError> {
            Ok(match Factor::read(config, key)? {
                None => [0.0; 2],
                Some(Factor::Symmetric(high)) => [0.0, high],
                Some(Factor::Range(a, b)) => [a.min(b), a.max(b)],
            })
        };
        Ok(Self {
            addition_factor: factor("addition_factor")?,
            threshold_factor: factor("threshold_factor")?,
            value_range: change::read_value_range(config)?,
            data_format: DataFormat::read(config)?,
            seed: config.seed()?,
        })
    }
}

setters!(Solarization {
    addition_factor: [f64; 2],
    threshold_factor: [f64; 2],
    value_range: [f64; 2],
    data_format: DataFormat,
    seed: Option<u64>,
});

/// Draws what is added and the threshold.
impl RandomChange for Solarization {
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        let [[a0, a1], [t0, t1]] = [self.addition_factor, self.threshold_factor];
        let addition = draw::uniform(cx, x, 4, [a0, a1 * 255.0])?;
        let threshold = draw::uniform(cx, x, 4, [t0, t1 * 255.0])?;
        Ok(vec![addition, threshold])
    }

    fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        let x = change::to_range(g, x, self.value_range, [0.0, 255.0])?;
        let sum = g.add(x, drawn[0])?;
        let sum = g.clip(sum, 0.0, 255.0)?;
        let is_below = g.less(sum, drawn[1])?;
        let negative = g.scalar_sub(255.0, sum)?;
        let y = g.select(is_below, sum, negative)?;
        change::to_range(g, y, [0.0, 255.0], self.value_range)
    }
}

impl Layer for Solarization {
    fn class_name(&self) -> &'static str {
        "Solarization"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("value_range", json!(self.value_range))
            .set("addition_factor", json!(self.addition_factor))
            .set("threshold_factor", json!(self.threshold_factor))
            .set("seed", self.seed)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let factors = [
            ("addition_factor", self.addition_factor),
            ("threshold_factor", self.threshold_factor),
        ];
        for (key, [low, high]) in factors {
            Factor::Range(low, high).check(key, [0.0, 1.0])?;
        }
        Ok(self.data_format.picture::<2>(inputs)?.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        change::lower(self, cx, inputs[0])
    }
}
