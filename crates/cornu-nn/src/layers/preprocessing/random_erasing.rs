use cornu_graph::ops::Distribution;
use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::Array;
use serde_json::{Map, Value, json};

use super::change::{self, RandomChange};
use super::{Factor, draw};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, a rectangle of each picture filled up, each picture with a probability drawn within
/// the factor; else the identity. Its sides are the square roots of two numbers drawn within `scale`
/// of the picture's sides. Keras 3,
/// keras/src/layers/preprocessing/image_preprocessing/random_erasing.py.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomErasing {
    /// The probability, within 0 to 1; a number is the upper end. Default 1.
    pub factor: Factor,
    /// What the squares of the sides are drawn from, within 0 to 1. Default: 0.02 to 0.33.
    pub scale: Factor,
    /// A number, or one for each of three channels. Default: normal noise times the highest value.
    pub fill_value: Option<Vec<f64>>,
    /// Lowest and highest value of what is filled in. Default: 0 to 255.
    pub value_range: [f64; 2],
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl Default for RandomErasing {
    fn default() -> Self {
        Self::new()
    }
}

impl RandomErasing {
    const BOUNDS: [f64; 2] = [0.0, 1.0];

    /// With Keras's defaults.
    pub fn new() -> Self {
        Self {
            factor: Factor::Symmetric(1.0),
            scale: Factor::Range(0.02, 0.33),
            fill_value: None,
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
        let fill_value = match config.present("fill_value") {
            None => None,
            Some(value) => {
                let numbers = match &value {
                    Value::Array(list) if list.len() == 3 => {
                        list.iter().map(Value::as_f64).collect::<Option<Vec<_>>>()
                    }
                    one => one.as_f64().map(|one| vec![one]),
                };
                let wrong = || LayerError::config("fill_value", "a number or three", &value);
                Some(numbers.ok_or_else(wrong)?)
            }
        };
        Ok(Self {
            factor: change::read_limits(config, "factor", Factor::Symmetric(1.0), Self::BOUNDS)?,
            scale: change::read_limits(config, "scale", Factor::Range(0.02, 0.33), Self::BOUNDS)?,
            fill_value,
            value_range: change::read_value_range(config)?,
            data_format: DataFormat::read(config)?,
            seed: config.seed()?,
        })
    }

    /// 1 for the cells along an axis that lie in each picture's rectangle.
    fn side(&self, cx: &mut LowerCx<'_>, x: ValueId, axis: usize) -> Result<ValueId, LayerError> {
        let area = draw::uniform(cx, x, 4, change::limits(self.scale, Self::BOUNDS))?;
        let share = cx.graph.sqrt(area)?;
        change::side(cx, x, axis, share)
    }
}

setters!(RandomErasing {
    factor: Factor,
    scale: Factor,
    fill_value: Option<Vec<f64>>,
    value_range: [f64; 2],
    data_format: DataFormat,
    seed: Option<u64>,
});

/// Draws 1 for the pictures that are changed, 1 for the cells that are filled, and with what; the
/// last two broadcast to the pictures.
impl RandomChange for RandomErasing {
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        let [rows, columns] = self.data_format.spatial::<2>();
        let along_columns = self.side(cx, x, columns)?;
        let along_rows = self.side(cx, x, rows)?;
        let cells = cx.graph.and(along_rows, along_columns)?;
        let is_erased = change::with_probability(cx, x, change::limits(self.factor, Self::BOUNDS))?;
        let [low, high] = self.value_range;
        let filled = match &self.fill_value {
            None => {
                let stream = cx.random_stream();
                let shape = cx.graph.shape(x).clone();
                let noise = cx.graph.random(Distribution::Normal, stream, shape)?;
                cx.graph.mul_scalar(noise, high)?
            }
            // Three numbers broadcast along the last axis, whatever that is.
            Some(numbers) => cx.graph.constant(Array::from_fn([numbers.len()], |i| numbers[i]))?,
        };
        Ok(vec![is_erased, cells, cx.graph.clip(filled, low, high)?])
    }

    fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        let erased = g.select(drawn[1], drawn[2], x)?;
        g.select(drawn[0], erased, x)
    }
}

impl Layer for RandomErasing {
    fn class_name(&self) -> &'static str {
        "RandomErasing"
    }

    fn config(&self) -> Map<String, Value> {
        let fill_value = match self.fill_value.as_deref() {
            None => Value::Null,
            Some([one]) => json!(one),
            Some(several) => json!(several),
        };
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("factor", json!(change::limits(self.factor, Self::BOUNDS)))
            .set("scale", json!(change::limits(self.scale, Self::BOUNDS)))
            .set("fill_value", fill_value)
            .set("value_range", json!(self.value_range))
            .set("seed", self.seed)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        change::check("factor", self.factor, Self::BOUNDS)?;
        change::check("scale", self.scale, Self::BOUNDS)?;
        let shape = self.data_format.picture::<2>(inputs)?.shape();
        let fits = |n: usize| shape.last().is_none_or(|last| n == 1 || n == last);
        if !self.fill_value.as_ref().is_none_or(|numbers| fits(numbers.len())) {
            let expected = "pictures whose last axis has as many channels as `fill_value`";
            return Err(LayerError::input_shape(expected, inputs));
        }
        Ok(shape)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        change::lower(self, cx, inputs[0])
    }
}
