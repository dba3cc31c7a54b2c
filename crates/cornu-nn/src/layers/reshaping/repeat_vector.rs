use cornu_graph::ValueId;
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value};

use crate::layers::{Layer, LowerCx, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Each vector `n` times: `(samples, m)` to `(samples, n, m)`. Keras 3,
/// keras/src/layers/reshaping/repeat_vector.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepeatVector {
    /// How often.
    pub n: usize,
}

impl RepeatVector {
    /// `n` times.
    pub fn new(n: usize) -> Self {
        Self { n }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self { n: config.positive("n")? })
    }
}

impl Layer for RepeatVector {
    fn class_name(&self) -> &'static str {
        "RepeatVector"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("n", self.n).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let dims = inputs::of_rank(inputs, 2)?.dims();
        Ok(SymbolicShape::new([dims[0], Some(self.n), dims[1]]))
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let dims = cx.graph.shape(inputs[0]).dims().to_vec();
        let row = Shape::new([dims[0], Dim::Fixed(1), dims[1]]);
        let x = cx.graph.reshape(inputs[0], row.clone())?;
        Ok(cx.graph.broadcast_to(x, row.with(1, Dim::Fixed(self.n)))?)
    }
}
