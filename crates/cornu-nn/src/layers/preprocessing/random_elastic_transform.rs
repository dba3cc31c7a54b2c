use cornu_graph::ops::{Distribution, FillMode, Interpolation, Sampling, UnaryKind};
use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Array, Dim, Shape};
use serde_json::{Map, Value, json};

use super::change::{self, RandomChange};
use super::{Factor, sampling};
use crate::layers::image::{mix_axis_by, spatial_sizes};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, pictures bent like rubber, each with a probability drawn within the factor, and all
/// clipped to the value range; else the identity.
///
/// With `f` drawn within `scale` for the whole batch, each pixel is read at its own place moved down
/// and to the right by `a d`, with `a = 0.1 f max(height, width)` and `d` normal noise times `s`,
/// blurred by a Gaussian of width `s = 0.05 f min(height, width)` that ends at three times the whole
/// part of `s`. As in Keras one `d` serves both directions. With a factor or a scale of 0 nothing is
/// done. Keras 3,
/// keras/src/layers/preprocessing/image_preprocessing/random_elastic_transform.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomElasticTransform {
    /// The probability, within 0 to 1; a number is the upper end. Default 1.
    pub factor: Factor,
    /// How far pixels move, within 0 to 1; a number is the upper end. Default 1.
    pub scale: Factor,
    /// How pictures are read between their cells and outside. Default: bilinear, reflected.
    pub sampling: Sampling,
    /// Lowest and highest value of a picture. Default: 0 to 255.
    pub value_range: [f64; 2],
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl Default for RandomElasticTransform {
    fn default() -> Self {
        Self::new()
    }
}

impl RandomElasticTransform {
    const BOUNDS: [f64; 2] = [0.0, 1.0];

    /// With Keras's defaults.
    pub fn new() -> Self {
        Self {
            factor: Factor::Symmetric(1.0),
            scale: Factor::Symmetric(1.0),
            sampling: sampling::default(),
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
            scale: change::read_limits(config, "scale", Factor::Symmetric(1.0), Self::BOUNDS)?,
            sampling: sampling::read(config)?,
            value_range: change::read_value_range(config)?,
            data_format: DataFormat::read(config)?,
            seed: config.seed()?,
        })
    }

    /// How far each pixel of pictures `(N, H, W, C)` moves, `(N, H, W, 1)`, for `noise` of that shape
    /// and the scale `f` `(1)`.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit.
    pub fn moves(&self, g: &mut Graph, noise: ValueId, f: ValueId) -> Result<ValueId, GraphError> {
        let sizes: [usize; 2] = spatial_sizes(g, noise);
        let (most, least) = (sizes[0].max(sizes[1]) as f64, sizes[0].min(sizes[1]) as f64);
        let sigma = g.mul_scalar(f, 0.05 * least)?;
        let mut moves = g.mul(noise, sigma)?;
        for (axis, size) in (1..).zip(sizes) {
            let kernel = gaussian(g, sigma, size)?;
            moves = mix_axis_by(g, moves, axis, kernel)?;
        }
        let alpha = g.mul_scalar(f, 0.1 * most)?;
        g.mul(moves, alpha)
    }

    /// Cells `at` along an axis of `n`, folded into it, and 1 for those within.
    fn fold(
        &self,
        g: &mut Graph,
        at: ValueId,
        n: usize,
    ) -> Result<(ValueId, Option<ValueId>), GraphError> {
        let last = n as f64 - 1.0;
        let (zero, size) = (g.scalar(0.0)?, g.scalar(n as f64)?);
        match self.sampling.fill_mode {
            FillMode::Constant => {
                let is_after = g.greater_equal(at, zero)?;
                let is_before = g.less(at, size)?;
                let is_within = g.and(is_after, is_before)?;
                Ok((g.clip(at, 0.0, last)?, Some(is_within)))
            }
            FillMode::Nearest => Ok((g.clip(at, 0.0, last)?, None)),
            FillMode::Wrap => Ok((remainder(g, at, n as f64)?, None)),
            // Mirrored at cell 0, which counts once, and behind the last one, which counts twice.
            FillMode::Reflect => {
                let at = g.abs(at)?;
                let turn = remainder(g, at, 2.0 * n as f64)?;
                let back = g.scalar_sub(2.0 * n as f64 - 1.0, turn)?;
                let is_forth = g.less(turn, size)?;
                Ok((g.select(is_forth, turn, back)?, None))
            }
        }
    }

    /// Pictures `(N, H, W, C)`, each pixel read as far down and to the right as `moves` says.
    fn read(&self, g: &mut Graph, x: ValueId, moves: ValueId) -> Result<ValueId, GraphError> {
        let sizes: [usize; 2] = spatial_sizes(g, x);
        let [height, width] = sizes;
        let (samples, channels) = (g.shape(x).dims()[0], g.shape(x).dims()[3]);
        let flat = Shape::new([samples, Dim::Fixed(height), Dim::Fixed(width)]);
        let moves = g.reshape(moves, flat)?;
        let cells = Shape::new([samples, Dim::Fixed(height * width), channels]);
        let table = g.reshape(x, cells)?;
        let mut ends = Vec::with_capacity(2);
        for axis in 0..2 {
            let own = Array::from_fn([height, width], |i| [i / width, i % width][axis] as f64);
            let own = g.constant(own)?;
            let place = g.add(own, moves)?;
            ends.push(match self.sampling.interpolation {
                Interpolation::Nearest => {
                    let cell = g.unary(UnaryKind::Round, place)?;
                    vec![(self.fold(g, cell, sizes[axis])?, None)]
                }
                Interpolation::Bilinear => {
                    let before = g.floor(place)?;
                    let after = g.add_scalar(before, 1.0)?;
                    let share = g.sub(place, before)?;
                    let rest = g.scalar_sub(1.0, share)?;
                    vec![
                        (self.fold(g, before, sizes[axis])?, Some(rest)),
                        (self.fold(g, after, sizes[axis])?, Some(share)),
                    ]
                }
            });
        }
        let fill = g.scalar(self.sampling.fill_value)?;
        let of_pixels = Shape::new([samples, Dim::Fixed(height), Dim::Fixed(width), Dim::Fixed(1)]);
        let mut sum = None;
        for &((row, row_within), row_share) in &ends[0] {
            for &((column, column_within), column_share) in &ends[1] {
                let start = g.mul_scalar(row, width as f64)?;
                let cell = g.add(start, column)?;
                let mut part = g.batch_gather(table, cell)?;
                if let (Some(row), Some(column)) = (row_within, column_within) {
                    let is_within = g.and(row, column)?;
                    let is_within = g.reshape(is_within, of_pixels.clone())?;
                    part = g.select(is_within, part, fill)?;
                }
                if let (Some(row), Some(column)) = (row_share, column_share) {
                    let share = g.mul(row, column)?;
                    let share = g.reshape(share, of_pixels.clone())?;
                    part = g.mul(part, share)?;
                }
                sum = Some(match sum {
                    None => part,
                    Some(sum) => g.add(sum, part)?,
                });
            }
        }
        Ok(sum.unwrap_or(x))
    }
}

/// Which cells a Gaussian of width `sigma` `(1)` takes each of `n` cells from, `(n, n)`: cells as far
/// as three times the whole part of `sigma`, outside of which there is nothing.
fn gaussian(g: &mut Graph, sigma: ValueId, n: usize) -> Result<ValueId, GraphError> {
    // Noise of width 0 stays what it is.
    let width = g.max_scalar(sigma, 1e-6)?;
    let whole = g.floor(sigma)?;
    let reach = g.mul_scalar(whole, 3.0)?;
    let weights = |g: &mut Graph, distances: Array<f64>| {
        let distances = g.constant(distances)?;
        let scaled = g.div(distances, width)?;
        let squares = g.square(scaled)?;
        let exponents = g.mul_scalar(squares, -0.5)?;
        let weights = g.exp(exponents)?;
        let is_near = g.less_equal(distances, reach)?;
        g.mul(weights, is_near)
    };
    let own = weights(g, Array::from_fn([n, n], |at| (at / n).abs_diff(at % n) as f64))?;
    // Cells that lie outside of the picture count in the sum as well. None is farther than this.
    let farthest = n;
    let all = Array::from_fn([2 * farthest + 1], |i| i.abs_diff(farthest) as f64);
    let all = weights(g, all)?;
    let sum = g.sum(all, &[0], true)?;
    g.div(own, sum)
}

/// `x - n floor(x / n)`
fn remainder(g: &mut Graph, x: ValueId, n: f64) -> Result<ValueId, GraphError> {
    let divisor = g.scalar(n)?;
    let turns = g.div(x, divisor)?;
    let turns = g.floor(turns)?;
    let whole = g.mul_scalar(turns, n)?;
    let rest = g.sub(x, whole)?;
    // Rounding must not reach the next turn.
    g.clip(rest, 0.0, n - 1.0)
}

setters!(RandomElasticTransform {
    factor: Factor,
    scale: Factor,
    sampling: Sampling,
    value_range: [f64; 2],
    data_format: DataFormat,
    seed: Option<u64>,
});

/// Draws 1 for the pictures that are bent, and how far each pixel moves, `(samples, H, W, 1)`.
impl RandomChange for RandomElasticTransform {
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        let is_bent = change::with_probability(cx, x, change::limits(self.factor, Self::BOUNDS))?;
        let [low, high] = change::limits(self.scale, Self::BOUNDS);
        let unit = change::one_for_all(cx, 1)?;
        let scale = cx.graph.mul_scalar(unit, high - low)?;
        let scale = cx.graph.add_scalar(scale, low)?;
        let dims = cx.graph.shape(x).dims();
        let [rows, columns] = self.data_format.spatial::<2>().map(|axis| dims[axis]);
        let shape = Shape::new([dims[0], rows, columns, Dim::Fixed(1)]);
        let stream = cx.random_stream();
        let noise = cx.graph.random(Distribution::Normal, stream, shape)?;
        Ok(vec![is_bent, self.moves(cx.graph, noise, scale)?])
    }

    fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        let x = self.data_format.channels_last(g, x)?;
        let bent = self.read(g, x, drawn[1])?;
        let y = g.select(drawn[0], bent, x)?;
        let [low, high] = self.value_range;
        let y = g.clip(y, low, high)?;
        self.data_format.in_own_format(g, y)
    }
}

impl Layer for RandomElasticTransform {
    fn class_name(&self) -> &'static str {
        "RandomElasticTransform"
    }

    fn config(&self) -> Map<String, Value> {
        let config = ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("factor", json!(change::limits(self.factor, Self::BOUNDS)))
            .set("scale", json!(change::limits(self.scale, Self::BOUNDS)))
            .set("interpolation", self.sampling.interpolation.name())
            .set("fill_mode", self.sampling.fill_mode.name())
            .set("fill_value", self.sampling.fill_value);
        config.set("value_range", json!(self.value_range)).set("seed", self.seed).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        change::check("factor", self.factor, Self::BOUNDS)?;
        change::check("scale", self.scale, Self::BOUNDS)?;
        Ok(self.data_format.picture::<2>(inputs)?.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let is_off = |factor: Factor| change::limits(factor, Self::BOUNDS)[1] == 0.0;
        if is_off(self.factor) || is_off(self.scale) {
            return Ok(inputs[0]);
        }
        change::lower(self, cx, inputs[0])
    }
}
