use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Array, Shape};
use serde_json::{Map, Value};

use super::change::{self, RandomChange};
use crate::layers::image::{mix_axis_by, spatial_sizes};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx, ResizeMethod};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, a window of each picture at a place drawn for the whole batch, if the pictures are
/// larger on both axes; else as much of the middle as Keras leaves, resized. As in Keras the identity
/// at inference, whatever the size. Keras 3,
/// keras/src/layers/preprocessing/image_preprocessing/random_crop.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomCrop {
    /// Rows of the result.
    pub height: usize,
    /// Columns of the result.
    pub width: usize,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl RandomCrop {
    /// Windows of this height and width.
    pub fn new(height: usize, width: usize) -> Self {
        Self { height, width, data_format: DataFormat::ChannelsLast, seed: None }
    }

    /// Reads the layer's own keys.
    ///
    /// # Errors
    ///
    /// What is wrong with one of them.
    pub fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            height: config.positive("height")?,
            width: config.positive("width")?,
            data_format: DataFormat::read(config)?,
            seed: config.seed()?,
        })
    }

    fn sizes(&self) -> [usize; 2] {
        [self.height, self.width]
    }
}

setters!(RandomCrop { data_format: DataFormat, seed: Option<u64> });

/// Draws the first row and the first column, each `(1)`.
impl RandomChange for RandomCrop {
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        let axes: [usize; 2] = self.data_format.spatial();
        let mut drawn = Vec::with_capacity(2);
        for (axis, size) in axes.into_iter().zip(self.sizes()) {
            let n = cx.graph.shape(x).dims()[axis].size(1);
            let room = n.saturating_sub(size);
            let unit = change::one_for_all(cx, 1)?;
            let place = cx.graph.mul_scalar(unit, (room + 1) as f64)?;
            let place = cx.graph.floor(place)?;
            drawn.push(cx.graph.min_scalar(place, room as f64)?);
        }
        Ok(drawn)
    }

    fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        let mut y = self.data_format.channels_last(g, x)?;
        let from: [usize; 2] = spatial_sizes(g, y);
        let sizes = self.sizes();
        if sizes[0] < from[0] && sizes[1] < from[1] {
            for ((axis, n), (size, &start)) in (1..).zip(from).zip(sizes.into_iter().zip(drawn)) {
                // Row i of the matrix picks cell i + start.
                let distances = Array::from_fn([size, n], |at| (at % n) as f64 - (at / n) as f64);
                let distances = g.constant(distances)?;
                let start = g.reshape(start, Shape::fixed([1, 1]))?;
                let picks = g.equal(distances, start)?;
                y = mix_axis_by(g, y, axis, picks)?;
            }
        } else {
            let of_form = [
                (from[1] * self.height / self.width).clamp(1, from[0]),
                (from[0] * self.width / self.height).clamp(1, from[1]),
            ];
            for axis in 0..2 {
                let start = (from[axis] - of_form[axis]) / 2;
                let size = sizes[axis].min(from[axis] - start);
                y = g.slice(y, axis + 1, start, size, 1)?;
            }
            y = ResizeMethod::Bilinear.lower(g, y, sizes, false)?;
        }
        self.data_format.in_own_format(g, y)
    }
}

impl Layer for RandomCrop {
    fn class_name(&self) -> &'static str {
        "RandomCrop"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("height", self.height)
            .set("width", self.width)
            .set("seed", self.seed)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        if self.sizes().contains(&0) {
            let got = format!("{} x {}", self.height, self.width);
            return Err(LayerError::config("height and width", "at least 1", got));
        }
        let mut picture = self.data_format.picture::<2>(inputs)?;
        picture.spatial = self.sizes().map(Some);
        Ok(picture.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        change::lower(self, cx, inputs[0])
    }
}
