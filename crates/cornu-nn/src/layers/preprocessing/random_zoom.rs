use cornu_graph::ops::Sampling;
use cornu_graph::{Graph, GraphError, ValueId};
use serde_json::{Map, Value};

use super::sampling::centre;
use super::{Factor, draw, sampling};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, pictures seen through a window of another size; else the identity.
///
/// The window is `1 + factor` times the picture: a positive factor makes things smaller. Keras 3,
/// keras/src/layers/preprocessing/image_preprocessing/random_zoom.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomZoom {
    /// By how much the window is higher; a number is as far to either side.
    pub height_factor: Factor,
    /// By how much it is wider. Default: the same as in height, so that things keep their form.
    pub width_factor: Option<Factor>,
    /// How pictures are read between their cells and outside. Default: reflected, bilinear.
    pub sampling: Sampling,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl RandomZoom {
    /// Windows higher by up to this factor, and as much wider.
    pub fn new(height_factor: impl Into<Factor>) -> Self {
        Self {
            height_factor: height_factor.into(),
            width_factor: None,
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
            width_factor: Factor::read(config, "width_factor")?,
            sampling: sampling::read(config)?,
            data_format: DataFormat::read(config)?,
            seed: config.seed()?,
        })
    }

    /// Draws how much wider and higher than the picture each window is.
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<ValueId, LayerError> {
        let height = draw::uniform(cx, x, 2, self.height_factor.range().map(|f| 1.0 + f))?;
        let width = match self.width_factor {
            None => height,
            Some(factor) => draw::uniform(cx, x, 2, factor.range().map(|f| 1.0 + f))?,
        };
        Ok(cx.graph.concat(&[width, height], 1)?)
    }

    /// Looks at each picture through a window `zooms` `(samples, 2)` times as wide and as high,
    /// about the centre `c`: `zoom * x + c (1 - zoom)`.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit.
    pub fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        zooms: ValueId,
    ) -> Result<ValueId, GraphError> {
        let centre = centre(g, x, self.data_format);
        let zero = g.scalar(0.0)?;
        let (a0, b1) = (g.slice(zooms, 1, 0, 1, 1)?, g.slice(zooms, 1, 1, 1, 1)?);
        let offset = |g: &mut Graph, zoom: ValueId, centre: f64| {
            let rest = g.scalar_sub(1.0, zoom)?;
            g.mul_scalar(rest, centre)
        };
        let (a2, b2) = (offset(g, a0, centre[0])?, offset(g, b1, centre[1])?);
        let columns = [a0, zero, a2, zero, b1, b2];
        sampling::transform(g, x, self.data_format, columns, self.sampling)
    }
}

/// Checks a factor: a window of no size shows nothing.
fn check(key: &str, factor: Factor) -> Result<(), LayerError> {
    let fits = |number: f64| -1.0 < number && number <= 1.0;
    let all_fit = match factor {
        Factor::Symmetric(number) => fits(number),
        Factor::Range(a, b) => fits(a) && fits(b),
    };
    if all_fit {
        return Ok(());
    }
    Err(LayerError::config(key, "numbers above -1 and up to 1", factor.to_config()))
}

setters!(RandomZoom { width_factor: Option<Factor>, sampling: Sampling, data_format: DataFormat, seed: Option<u64> });

impl Layer for RandomZoom {
    fn class_name(&self) -> &'static str {
        "RandomZoom"
    }

    fn config(&self) -> Map<String, Value> {
        let config = ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("height_factor", self.height_factor.to_config())
            .set("width_factor", self.width_factor.map(Factor::to_config));
        sampling::write(config, self.sampling).set("seed", self.seed).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        check("height_factor", self.height_factor)?;
        if let Some(factor) = self.width_factor {
            check("width_factor", factor)?;
        }
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
