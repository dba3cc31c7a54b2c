use cornu_graph::ops::{Distribution, FillMode, Interpolation, Sampling};
use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Array, Dim, Shape};
use serde_json::{Map, Value, json};

use super::Factor;
use super::change::{self, RandomChange};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, pictures seen from elsewhere: each coordinate of each corner is multiplied by a number
/// drawn from `1 - scale / 2` to `1 + scale / 2`, and the picture follows its corners; each picture
/// with a probability drawn within the factor. Else the identity. Keras 3,
/// keras/src/layers/preprocessing/image_preprocessing/random_perspective.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomPerspective {
    /// The probability, within 0 to 1; a number is the upper end. Default 1.
    pub factor: Factor,
    /// How far corners move, 0 to 1. Default 1.
    pub scale: f64,
    /// How pictures are read between their cells. Default: bilinear.
    pub interpolation: Interpolation,
    /// What lies outside of the picture. Default 0.
    pub fill_value: f64,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl Default for RandomPerspective {
    fn default() -> Self {
        Self::new()
    }
}

impl RandomPerspective {
    const BOUNDS: [f64; 2] = [0.0, 1.0];

    /// With Keras's defaults.
    pub fn new() -> Self {
        Self {
            factor: Factor::Symmetric(1.0),
            scale: 1.0,
            interpolation: Interpolation::Bilinear,
            fill_value: 0.0,
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
            scale: config.number_or("scale", 1.0)?,
            interpolation: super::sampling::interpolation(config, "bilinear")?,
            fill_value: config.number_or("fill_value", 0.0)?,
            data_format: DataFormat::read(config)?,
            seed: config.seed()?,
        })
    }
}

setters!(RandomPerspective {
    factor: Factor,
    scale: f64,
    interpolation: Interpolation,
    fill_value: f64,
    data_format: DataFormat,
    seed: Option<u64>,
});

/// Draws 1 for the pictures that are changed, and the corners before and after, `(samples, 4, 2)`:
/// columns and rows of the upper left, upper right, lower left and lower right one.
impl RandomChange for RandomPerspective {
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        let is_changed =
            change::with_probability(cx, x, change::limits(self.factor, Self::BOUNDS))?;
        let [rows, columns] = self.data_format.spatial::<2>();
        let last = |axis: usize, g: &Graph| g.shape(x).dims()[axis].size(1) as f64 - 1.0;
        let (width, height) = (last(columns, cx.graph), last(rows, cx.graph));
        let corners = [0.0, 0.0, width, 0.0, 0.0, height, width, height];
        let corners = cx.graph.constant(Array::from_fn([4, 2], |at| corners[at]))?;
        let stream = cx.random_stream();
        let g = &mut *cx.graph;
        let shape = Shape::new([g.shape(x).dims()[0], Dim::Fixed(4), Dim::Fixed(2)]);
        let unit = g.random(Distribution::Uniform, stream, shape.clone())?;
        let share = g.mul_scalar(unit, self.scale)?;
        let share = g.add_scalar(share, 1.0 - 0.5 * self.scale)?;
        let before = g.broadcast_to(corners, shape)?;
        let after = g.mul(before, share)?;
        Ok(vec![is_changed, before, after])
    }

    fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        let x = self.data_format.channels_last(g, x)?;
        // From the corners after through the unit square to those before.
        let to_before = from_square(g, drawn[1])?;
        let to_after = from_square(g, drawn[2])?;
        let back = adjugate(g, &to_after)?;
        let map = product(g, &to_before, &back)?;
        let mut columns = Vec::with_capacity(8);
        for &number in &map[..8] {
            columns.push(g.div(number, map[8])?);
        }
        let transforms = g.concat(&columns, 1)?;
        let sampling = Sampling {
            fill_mode: FillMode::Constant,
            fill_value: self.fill_value,
            interpolation: self.interpolation,
        };
        let moved = g.affine_transform(x, transforms, sampling)?;
        let y = g.select(drawn[0], moved, x)?;
        self.data_format.in_own_format(g, y)
    }
}

/// A matrix of 3 by 3 for each sample, each entry `(samples, 1)`.
type Matrix = [ValueId; 9];

/// The map that takes the corners of the unit square to these (Heckbert 1989).
fn from_square(g: &mut Graph, corners: ValueId) -> Result<Matrix, GraphError> {
    let samples = g.shape(corners).dims()[0];
    let mut axes = Vec::with_capacity(2);
    for axis in 0..2 {
        let mut points = Vec::with_capacity(4);
        for corner in 0..4 {
            let point = g.slice(corners, 1, corner, 1, 1)?;
            let number = g.slice(point, 2, axis, 1, 1)?;
            points.push(g.reshape(number, Shape::new([samples, Dim::Fixed(1)]))?);
        }
        axes.push(points);
    }
    // Along each axis: the sum over the corners with changing signs, and two sides.
    let mut sides = Vec::with_capacity(2);
    for points in &axes {
        let first = g.sub(points[0], points[1])?;
        let second = g.sub(points[3], points[2])?;
        let sum = g.add(first, second)?;
        let right = g.sub(points[1], points[3])?;
        let lower = g.sub(points[2], points[3])?;
        sides.push([sum, right, lower]);
    }
    let [[sx, rx, lx], [sy, ry, ly]] = [sides[0], sides[1]];
    let divisor = difference(g, rx, ly, lx, ry)?;
    let across = difference(g, sx, ly, lx, sy)?;
    let across = g.div(across, divisor)?;
    let down = difference(g, rx, sy, sx, ry)?;
    let down = g.div(down, divisor)?;
    let mut matrix = Vec::with_capacity(9);
    for points in &axes {
        for (point, depth) in [(points[1], across), (points[2], down)] {
            let side = g.sub(point, points[0])?;
            let bent = g.mul(depth, point)?;
            matrix.push(g.add(side, bent)?);
        }
        matrix.push(points[0]);
    }
    let one = g.scalar(1.0)?;
    let one = g.broadcast_to(one, Shape::new([samples, Dim::Fixed(1)]))?;
    Ok([matrix[0], matrix[1], matrix[2], matrix[3], matrix[4], matrix[5], across, down, one])
}

/// `a b - c d`
fn difference(
    g: &mut Graph,
    a: ValueId,
    b: ValueId,
    c: ValueId,
    d: ValueId,
) -> Result<ValueId, GraphError> {
    let first = g.mul(a, b)?;
    let second = g.mul(c, d)?;
    g.sub(first, second)
}

/// The inverse but for a factor.
fn adjugate(g: &mut Graph, m: &Matrix) -> Result<Matrix, GraphError> {
    let mut entries = *m;
    for row in 0..3 {
        for column in 0..3 {
            let at = |i: usize, j: usize| m[(column + i) % 3 * 3 + (row + j) % 3];
            entries[row * 3 + column] = difference(g, at(1, 1), at(2, 2), at(1, 2), at(2, 1))?;
        }
    }
    Ok(entries)
}

fn product(g: &mut Graph, a: &Matrix, b: &Matrix) -> Result<Matrix, GraphError> {
    let mut entries = *a;
    for row in 0..3 {
        for column in 0..3 {
            let mut sum = g.mul(a[row * 3], b[column])?;
            for i in 1..3 {
                let term = g.mul(a[row * 3 + i], b[i * 3 + column])?;
                sum = g.add(sum, term)?;
            }
            entries[row * 3 + column] = sum;
        }
    }
    Ok(entries)
}

impl Layer for RandomPerspective {
    fn class_name(&self) -> &'static str {
        "RandomPerspective"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("factor", json!(change::limits(self.factor, Self::BOUNDS)))
            .set("scale", self.scale)
            .set("interpolation", self.interpolation.name())
            .set("fill_value", self.fill_value)
            .set("seed", self.seed)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        change::check("factor", self.factor, Self::BOUNDS)?;
        if !(0.0..=1.0).contains(&self.scale) {
            return Err(LayerError::config("scale", "a number from 0 to 1", self.scale));
        }
        let picture = self.data_format.picture::<2>(inputs)?;
        if picture.spatial.contains(&Some(1)) {
            let expected = "pictures of at least two rows and columns";
            return Err(LayerError::input_shape(expected, inputs));
        }
        Ok(picture.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        change::lower(self, cx, inputs[0])
    }
}
