use cornu_graph::ops::{Conv, same_padding};
use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Array, Shape};
use serde_json::{Map, Value, json};

use super::Factor;
use super::change::{self, RandomChange};
use crate::layers::image::spatial_sizes;
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, pictures blurred by a Gaussian, each with a probability drawn within the factor, and
/// all clipped to the value range; else the identity. The width of the Gaussian is drawn for the
/// whole batch. Keras 3,
/// keras/src/layers/preprocessing/image_preprocessing/random_gaussian_blur.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomGaussianBlur {
    /// The probability, within 0 to 1; a number is the upper end. Default 1.
    pub factor: Factor,
    /// Odd sizes of the kernel. Default 3.
    pub kernel_size: [usize; 2],
    /// What the widths along both axes are drawn from, within 0 to 1; a number is the upper end.
    /// Default 1.
    pub sigma: Factor,
    /// Lowest and highest value of a picture. Default: 0 to 255.
    pub value_range: [f64; 2],
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl Default for RandomGaussianBlur {
    fn default() -> Self {
        Self::new()
    }
}

impl RandomGaussianBlur {
    const BOUNDS: [f64; 2] = [0.0, 1.0];

    /// With Keras's defaults.
    pub fn new() -> Self {
        Self {
            factor: Factor::Symmetric(1.0),
            kernel_size: [3; 2],
            sigma: Factor::Symmetric(1.0),
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
        Ok(Self {
            factor: change::read_limits(config, "factor", Factor::Symmetric(1.0), Self::BOUNDS)?,
            kernel_size: config.sizes_or("kernel_size", [3; 2])?,
            sigma: change::read_limits(config, "sigma", Factor::Symmetric(1.0), Self::BOUNDS)?,
            value_range: change::read_value_range(config)?,
            data_format: DataFormat::read(config)?,
            seed: config.seed()?,
        })
    }

    /// `exp(-(i / sigma)² / 2)` at the distances from the middle, divided by their sum.
    fn gaussian(&self, g: &mut Graph, size: usize, sigma: ValueId) -> Result<ValueId, GraphError> {
        let middle = (size as f64 - 1.0) / 2.0;
        let places = g.constant(Array::from_fn([size], |i| i as f64 - middle))?;
        let scaled = g.div(places, sigma)?;
        let squares = g.square(scaled)?;
        let exponents = g.mul_scalar(squares, -0.5)?;
        let weights = g.exp(exponents)?;
        let sum = g.sum(weights, &[0], true)?;
        g.div(weights, sum)
    }
}

setters!(RandomGaussianBlur {
    factor: Factor,
    kernel_size: [usize; 2],
    sigma: Factor,
    value_range: [f64; 2],
    data_format: DataFormat,
    seed: Option<u64>,
});

/// Draws 1 for the pictures that are blurred, and the two widths `(2)`.
impl RandomChange for RandomGaussianBlur {
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        let is_blurred =
            change::with_probability(cx, x, change::limits(self.factor, Self::BOUNDS))?;
        let [low, high] = change::limits(self.sigma, Self::BOUNDS);
        let unit = change::one_for_all(cx, 2)?;
        let width = cx.graph.mul_scalar(unit, high - low)?;
        Ok(vec![is_blurred, cx.graph.add_scalar(width, low + 1e-6)?])
    }

    fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        let x = self.data_format.channels_last(g, x)?;
        let channels = g.shape(x).dims()[3].size(1);
        let sigmas = [g.slice(drawn[1], 0, 0, 1, 1)?, g.slice(drawn[1], 0, 1, 1, 1)?];
        // As in Keras the first size goes with the columns of an outer product that is then read as
        // a kernel of both sizes.
        let [first, second] = self.kernel_size;
        let columns = self.gaussian(g, first, sigmas[0])?;
        let rows = self.gaussian(g, second, sigmas[1])?;
        let columns = g.reshape(columns, Shape::fixed([1, first]))?;
        let rows = g.reshape(rows, Shape::fixed([second, 1]))?;
        let kernel = g.mul(rows, columns)?;
        let kernel = g.reshape(kernel, Shape::fixed([first, second, 1, 1]))?;
        let kernel = g.broadcast_to(kernel, Shape::fixed([first, second, 1, channels]))?;
        let sizes: [usize; 2] = spatial_sizes(g, x);
        let padding = sizes
            .iter()
            .zip(self.kernel_size)
            .map(|(&n, size)| same_padding(n, size, 1, 1))
            .collect();
        let conv = Conv { padding, groups: channels, ..Conv::plain(2) };
        let blurred = g.conv(x, kernel, conv)?;
        let y = g.select(drawn[0], blurred, x)?;
        let [low, high] = self.value_range;
        let y = g.clip(y, low, high)?;
        self.data_format.in_own_format(g, y)
    }
}

impl Layer for RandomGaussianBlur {
    fn class_name(&self) -> &'static str {
        "RandomGaussianBlur"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("factor", json!(change::limits(self.factor, Self::BOUNDS)))
            .set("kernel_size", json!(self.kernel_size))
            .set("sigma", json!(change::limits(self.sigma, Self::BOUNDS)))
            .set("value_range", json!(self.value_range))
            .set("seed", self.seed)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        change::check("factor", self.factor, Self::BOUNDS)?;
        change::check("sigma", self.sigma, Self::BOUNDS)?;
        if self.kernel_size.iter().any(|size| size.is_multiple_of(2)) {
            return Err(LayerError::config("kernel_size", "odd sizes", json!(self.kernel_size)));
        }
        Ok(self.data_format.picture::<2>(inputs)?.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        change::lower(self, cx, inputs[0])
    }
}
