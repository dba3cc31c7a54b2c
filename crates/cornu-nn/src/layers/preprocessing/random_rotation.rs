use std::f64::consts::TAU;

use cornu_graph::ops::{Sampling, UnaryKind};
use cornu_graph::{Graph, GraphError, ValueId};
use serde_json::{Map, Value, json};

use super::change::{self, RandomChange, RandomMap};
use super::sampling::centre;
use super::{Factor, draw, sampling};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, pictures turned by an angle within the given part of a full turn; else the identity.
///
/// Keras 3, keras/src/layers/preprocessing/image_preprocessing/random_rotation.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomRotation {
    /// Lowest and highest part of a full turn; a number is as far to either side.
    pub factor: Factor,
    /// How pictures are read between their cells and outside. Default: reflected, bilinear.
    pub sampling: Sampling,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl RandomRotation {
    const BOUNDS: [f64; 2] = [-1.0, 1.0];

    /// By up to this part of a full turn.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self {
            factor: factor.into(),
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
            factor: Factor::required(config, "factor")?,
            sampling: sampling::read(config)?,
            data_format: DataFormat::read(config)?,
            seed: config.seed()?,
        })
    }

    /// Turns each picture by its angle in `angles` `(samples, 1)`, in radians.
    ///
    /// The point `(x, y)` of the result is read at the point turned about the centre `(cx, cy)`:
    /// `cos t, -sin t, cx - cx cos t + cy sin t` and `sin t, cos t, cy - cx sin t - cy cos t`.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit.
    pub fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        angles: ValueId,
    ) -> Result<ValueId, GraphError> {
        let columns = self.columns(g, x, &[angles])?;
        sampling::transform(g, x, self.data_format, columns, self.sampling)
    }
}

setters!(RandomRotation { sampling: Sampling, data_format: DataFormat, seed: Option<u64> });

impl RandomMap for RandomRotation {
    fn columns(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: &[ValueId],
    ) -> Result<[ValueId; 6], GraphError> {
        let [cx, cy] = centre(g, x, self.data_format);
        let (sin, cos) = (g.unary(UnaryKind::Sin, drawn[0])?, g.unary(UnaryKind::Cos, drawn[0])?);
        let minus_sin = g.neg(sin)?;
        let a2 = linear(g, cx, [(sin, cy), (cos, -cx)])?;
        let b2 = linear(g, cy, [(sin, -cx), (cos, -cy)])?;
        Ok([cos, minus_sin, a2, sin, cos, b2])
    }
}

/// Draws the angle of each picture, in radians, `(samples, 1)`.
impl RandomChange for RandomRotation {
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        let [low, high] = change::limits(self.factor, Self::BOUNDS);
        Ok(vec![draw::uniform(cx, x, 2, [low * TAU, high * TAU])?])
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

impl Layer for RandomRotation {
    fn class_name(&self) -> &'static str {
        "RandomRotation"
    }

    fn config(&self) -> Map<String, Value> {
        let config = ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("factor", json!(change::limits(self.factor, Self::BOUNDS)));
        sampling::write(config, self.sampling).set("seed", self.seed).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        change::check("factor", self.factor, Self::BOUNDS)?;
        Ok(self.data_format.picture::<2>(inputs)?.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        change::lower(self, cx, inputs[0])
    }
}

/// `constant + sum of value * factor`.
fn linear(g: &mut Graph, constant: f64, terms: [(ValueId, f64); 2]) -> Result<ValueId, GraphError> {
    let first = g.mul_scalar(terms[0].0, terms[0].1)?;
    let second = g.mul_scalar(terms[1].0, terms[1].1)?;
    let sum = g.add(first, second)?;
    g.add_scalar(sum, constant)
}
