use cornu_graph::ValueId;
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value};

use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// All elements of a sample in one row: `(n, ...)` to `(n, m)`, and `(n)` to `(n, 1)`.
///
/// Channels first are moved to the end beforehand, so that a model gives the same in both formats.
/// Keras 3, keras/src/layers/reshaping/flatten.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flatten {
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
}

impl Flatten {
    /// With channels last.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self { data_format: DataFormat::read(config)? })
    }
}

setters!(Flatten { data_format: DataFormat });

impl Layer for Flatten {
    fn class_name(&self) -> &'static str {
        "Flatten"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("data_format", self.data_format.name()).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let input = inputs::one(inputs)?;
        let size = input.sample().map(|dims| dims.iter().product());
        Ok(SymbolicShape::new([input.dims()[0], size]))
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let mut x = inputs[0];
        let shape = cx.graph.shape(x).clone();
        if self.data_format == DataFormat::ChannelsFirst && 2 < shape.rank() {
            let axes: Vec<usize> = [0].into_iter().chain(2..shape.rank()).chain([1]).collect();
            x = cx.graph.transpose(x, &axes)?;
        }
        let size: usize = shape.dims()[1..].iter().map(|dim| dim.size(1)).product();
        Ok(cx.graph.reshape(x, Shape::new([shape.dims()[0], Dim::Fixed(size)]))?)
    }
}
