use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Array, Dim, Shape};
use serde_json::{Map, Value, json};

use super::change;
use crate::layers::image::{mix_axis, spatial_sizes};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Pictures whose values are spread evenly over the range, tile by tile, in training and at inference.
///
/// Each channel of each tile has a histogram of 256 values. What lies above `clip_limit` times the mean
/// count is dealt out to all values; its cumulative sum, stretched to the range, is the tile's curve. A
/// pixel goes through the curves of the four nearest tiles, mixed by its distances from their
/// centres. Pictures that tiles do not divide are reflected at the lower and right edge. Keras 3,
/// keras/src/layers/preprocessing/image_preprocessing/clahe.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContrastLimitedAdaptiveHistogramEqualization {
    /// Lowest and highest value of a picture. Default: 0 to 255.
    pub value_range: [f64; 2],
    /// Most pixels of a value, as a multiple of the mean; none if not above 0. Default 4.
    pub clip_limit: f64,
    /// Rows and columns of tiles. Default: 8 and 8.
    pub tile_grid_size: [usize; 2],
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
}

/// Values that are told apart.
const BINS: usize = 256;

/// Entries of a picture's tables that `f32` tells apart.
const MAX_ENTRIES: usize = 1 << 24;

impl Default for ContrastLimitedAdaptiveHistogramEqualization {
    fn default() -> Self {
        Self::new()
    }
}

impl ContrastLimitedAdaptiveHistogramEqualization {
    /// With Keras's defaults.
    pub fn new() -> Self {
        Self {
            value_range: [0.0, 255.0],
            clip_limit: 4.0,
            tile_grid_size: [8, 8],
            data_format: DataFormat::ChannelsLast,
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            value_range: change::read_value_range(config)?,
            clip_limit: config.number_or("clip_limit", 4.0)?,
            tile_grid_size: config.sizes_or("tile_grid_size", [8, 8])?,
            data_format: DataFormat::read(config)?,
        })
    }

    /// Rows and columns of a tile of pictures of `sizes`.
    fn tile(&self, sizes: [usize; 2]) -> [usize; 2] {
        [0, 1].map(|axis| sizes[axis].div_ceil(self.tile_grid_size[axis]))
    }

    /// Pictures `(N, H, W, C)` that the tiles divide, with values from 0 to 255.
    fn equalize(&self, g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
        let (samples, n_channels) = (g.shape(x).dims()[0], g.shape(x).dims()[3].size(1));
        let sizes: [usize; 2] = spatial_sizes(g, x);
        let (tile, grid) = (self.tile(sizes), self.tile_grid_size);
        let [rows, columns] = grid;
        let (n_tiles, n_pixels) = (rows * columns, (tile[0] * tile[1]) as f64);
        let entries = n_tiles * n_channels * BINS;

        // Where the table of a tile's channel begins, for each pixel.
        let starts = |tile_of: &dyn Fn(usize, usize) -> usize| {
            Array::from_fn([sizes[0], sizes[1], n_channels], |at| {
                let (pixel, channel) = (at / n_channels, at % n_channels);
                let tile = tile_of(pixel / sizes[1], pixel % sizes[1]);
                ((tile * n_channels + channel) * BINS) as f64
            })
        };
        let bytes = g.clip(x, 0.0, 255.0)?;
        let bytes = g.floor(bytes)?;
        let own = g.constant(starts(&|y, x| y / tile[0] * columns + x / tile[1]))?;
        let own = g.add(bytes, own)?;
        let one = g.scalar(1.0)?;
        let ones = g.broadcast_to(one, g.shape(own).clone())?;
        let counts = g.batch_scatter_add(own, ones, entries)?;
        let by_tile = Shape::new([samples, Dim::Fixed(n_tiles * n_channels), Dim::Fixed(BINS)]);
        let mut counts = g.reshape(counts, by_tile)?;
        if 0.0 < self.clip_limit {
            let limit = self.clip_limit * n_pixels / BINS as f64;
            let clipped = g.clip(counts, 0.0, limit)?;
            let above = g.sub(counts, clipped)?;
            let above = g.sum(above, &[2], true)?;
            let share = g.mul_scalar(above, 1.0 / BINS as f64)?;
            counts = g.add(clipped, share)?;
        }
        let is_reached =
            Array::from_fn([BINS, BINS], |at| f64::from(u8::from(at % BINS <= at / BINS)));
        let sums = mix_axis(g, counts, 2, is_reached)?;
        // The sums rise, so the first is the least.
        let least = g.slice(sums, 2, 0, 1, 1)?;
        let above = g.sub(sums, least)?;
        let above = g.mul_scalar(above, 255.0)?;
        let range = g.scalar_sub(n_pixels, least)?;
        let zero = g.scalar(0.0)?;
        let is_flat = g.equal(range, zero)?;
        let range = g.select(is_flat, one, range)?;
        let curves = g.div(above, range)?;
        let curves = g.clip(curves, 0.0, 255.0)?;
        let curves = g.reshape(curves, Shape::new([samples, Dim::Fixed(entries)]))?;

        // The tiles before and after each row and column, and how far the latter counts.
        let ends = [0, 1].map(|axis| {
            (0..sizes[axis]).map(|i| neighbours(i, tile[axis], grid[axis])).collect::<Vec<_>>()
        });
        let weight = |axis: usize| {
            let mut dims = [1; 3];
            dims[axis] = sizes[axis];
            Array::from_fn(dims, |i| ends[axis][i].1)
        };
        let (down, across) = (g.constant(weight(0))?, g.constant(weight(1))?);
        let mut lines = Vec::with_capacity(2);
        for row in 0..2 {
            let mut ends_of_line = Vec::with_capacity(2);
            for column in 0..2 {
                let tile_of =
                    |y: usize, x: usize| ends[0][y].0[row] * columns + ends[1][x].0[column];
                let start = g.constant(starts(&tile_of))?;
                let entry = g.add(bytes, start)?;
                ends_of_line.push(g.batch_gather(curves, entry)?);
            }
            lines.push(between(g, ends_of_line[0], ends_of_line[1], across)?);
        }
        between(g, lines[0], lines[1], down)
    }
}

/// The tiles on both sides of cell `i`, and the share of the second one.
fn neighbours(i: usize, tile: usize, n_tiles: usize) -> ([usize; 2], f64) {
    let place = (i as f64 - tile as f64 / 2.0) / tile as f64;
    let last = n_tiles as f64 - 1.0;
    let within = |tile: f64| tile.clamp(0.0, last) as usize;
    ([within(place.floor()), within(place.floor() + 1.0)], place - place.floor())
}

/// `a (1 - share) + b share`
fn between(g: &mut Graph, a: ValueId, b: ValueId, share: ValueId) -> Result<ValueId, GraphError> {
    let rest = g.scalar_sub(1.0, share)?;
    let a = g.mul(a, rest)?;
    let b = g.mul(b, share)?;
    g.add(a, b)
}

setters!(ContrastLimitedAdaptiveHistogramEqualization {
    value_range: [f64; 2],
    clip_limit: f64,
    tile_grid_size: [usize; 2],
    data_format: DataFormat,
});

impl Layer for ContrastLimitedAdaptiveHistogramEqualization {
    fn class_name(&self) -> &'static str {
        "ContrastLimitedAdaptiveHistogramEqualization"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("value_range", json!(self.value_range))
            .set("clip_limit", self.clip_limit)
            .set("tile_grid_size", json!(self.tile_grid_size))
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let [rows, columns] = self.tile_grid_size;
        if rows == 0 || columns == 0 {
            let got = json!(self.tile_grid_size);
            return Err(LayerError::config("tile_grid_size", "at least one tile", got));
        }
        let picture = self.data_format.picture::<2>(inputs)?;
        for (size, tiles) in picture.spatial.into_iter().zip(self.tile_grid_size) {
            if size.is_some_and(|n| 2 * n < n.div_ceil(tiles) * tiles) {
                let expected = format!("pictures of at least {} x {}", rows / 2, columns / 2);
                return Err(LayerError::input_shape(expected, inputs));
            }
        }
        let is_too_much = |channels: usize| {
            let sizes = [rows, columns, channels, BINS];
            MAX_ENTRIES < sizes.into_iter().fold(1, usize::saturating_mul)
        };
        if picture.channels.is_some_and(is_too_much) {
            return Err(LayerError::Unsupported {
                setting: format!("tile_grid_size={}", json!(self.tile_grid_size)),
                hint: "take fewer tiles".to_owned(),
            });
        }
        Ok(picture.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let g = &mut *cx.graph;
        let x = self.data_format.channels_last(g, inputs[0])?;
        let mut y = change::to_range(g, x, self.value_range, [0.0, 255.0])?;
        let sizes: [usize; 2] = spatial_sizes(g, x);
        let tile = self.tile(sizes);
        for axis in 0..2 {
            let missing = tile[axis] * self.tile_grid_size[axis] - sizes[axis];
            if 0 < missing {
                let edge = g.slice(y, axis + 1, sizes[axis] - missing, missing, 1)?;
                let edge = g.reverse(edge, axis + 1)?;
                y = g.concat(&[y, edge], axis + 1)?;
            }
        }
        y = self.equalize(g, y)?;
        for axis in 0..2 {
            y = g.slice(y, axis + 1, 0, sizes[axis], 1)?;
        }
        let y = change::to_range(g, y, [0.0, 255.0], self.value_range)?;
        Ok(self.data_format.in_own_format(g, y)?)
    }
}
