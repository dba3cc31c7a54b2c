use cornu_graph::ops::ReduceKind;
use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Array, Dim, Shape};
use serde_json::{Map, Value, json};

use super::change::{self, RandomChange};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, pictures whose values are spread evenly over the range: each channel of the whole
/// batch, as in Keras, goes through the cumulative sum of its histogram; a channel of one value
/// stays. The identity at inference. Keras 3,
/// keras/src/layers/preprocessing/image_preprocessing/equalization.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Equalization {
    /// Lowest and highest value of a picture. Default: 0 to 255.
    pub value_range: [f64; 2],
    /// Number of values that are told apart. Default 256.
    pub bins: usize,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
}

impl Default for Equalization {
    fn default() -> Self {
        Self::new()
    }
}

impl Equalization {
    /// Of 256 values from 0 to 255.
    pub fn new() -> Self {
        Self { value_range: [0.0, 255.0], bins: 256, data_format: DataFormat::ChannelsLast }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            value_range: change::read_value_range(config)?,
            bins: config.positive_or("bins", 256)?,
            data_format: DataFormat::read(config)?,
        })
    }

    /// One channel `(N, H, W, 1)` of values from 0 to 255.
    fn equalize(&self, g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
        let bins = self.bins;
        let scaled = g.mul_scalar(x, (bins - 1) as f64)?;
        let full = g.scalar(255.0)?;
        let scaled = g.div(scaled, full)?;
        let indices = g.floor(scaled)?;
        let indices = g.clip(indices, 0.0, (bins - 1) as f64)?;
        let one = g.scalar(1.0)?;
        let mut dims = g.shape(x).dims().to_vec();
        dims.push(Dim::Fixed(1));
        let ones = g.broadcast_to(one, Shape::new(dims))?;
        let histogram = g.scatter_add(indices, ones, bins)?;
        let is_before =
            Array::from_fn([bins, bins], |at| f64::from(u8::from(at % bins <= at / bins)));
        let is_before = g.constant(is_before)?;
        let sums = g.matmul(is_before, histogram, false, false)?;
        let zero = g.scalar(0.0)?;
        let far = g.scalar(f64::from(f32::MAX))?;
        let is_used = g.greater(sums, zero)?;
        let used = g.select(is_used, sums, far)?;
        let least = g.reduce(ReduceKind::Min, used, &[0, 1], false)?;
        let total = g.reduce(ReduceKind::Max, sums, &[0, 1], false)?;
        let range = g.sub(total, least)?;
        let has_range = g.greater(range, zero)?;
        let divisor = g.select(has_range, range, one)?;
        let above = g.sub(sums, least)?;
        let above = g.mul_scalar(above, 255.0)?;
        let table = g.div(above, divisor)?;
        let table = g.unary(cornu_graph::ops::UnaryKind::Round, table)?;
        let table = g.clip(table, 0.0, 255.0)?;
        let table = g.reshape(table, Shape::fixed([bins]))?;
        let y = g.gather(table, indices)?;
        // One bin alone: the channel stays.
        g.select(has_range, y, x)
    }
}

setters!(Equalization { value_range: [f64; 2], bins: usize, data_format: DataFormat });

impl Layer for Equalization {
    fn class_name(&self) -> &'static str {
        "Equalization"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("bins", self.bins)
            .set("value_range", json!(self.value_range))
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        if self.bins == 0 {
            return Err(LayerError::config("bins", "at least 1", self.bins));
        }
        Ok(self.data_format.picture::<2>(inputs)?.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        change::lower(self, cx, inputs[0])
    }
}

/// Draws nothing.
impl RandomChange for Equalization {
    fn draw(&self, _cx: &mut LowerCx<'_>, _x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        Ok(Vec::new())
    }

    fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        _drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        let x = self.data_format.channels_last(g, x)?;
        let x = change::to_range(g, x, self.value_range, [0.0, 255.0])?;
        let n = g.shape(x).dims()[3].size(1);
        let mut channels = Vec::with_capacity(n);
        for index in 0..n {
            let channel = g.slice(x, 3, index, 1, 1)?;
            channels.push(self.equalize(g, channel)?);
        }
        let y = g.concat(&channels, 3)?;
        let y = change::to_range(g, y, [0.0, 255.0], self.value_range)?;
        self.data_format.in_own_format(g, y)
    }
}
