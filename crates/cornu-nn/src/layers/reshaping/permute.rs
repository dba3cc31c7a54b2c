use cornu_graph::ValueId;
use serde_json::{Map, Value, json};

use crate::layers::{Layer, LowerCx, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// The axes of a sample in another order. Keras 3, keras/src/layers/reshaping/permute.py.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permute {
    /// For each new axis the old one, counted from 1: the samples' axis 0 stays.
    pub dims: Vec<usize>,
}

impl Permute {
    /// In this order, counted from 1.
    pub fn new(dims: impl Into<Vec<usize>>) -> Self {
        Self { dims: dims.into() }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let axes = config.integers_or("dims", &[])?;
        let dims = axes.iter().map(|&axis| usize::try_from(axis)).collect::<Result<_, _>>();
        let wrong = |_| LayerError::config("dims", "axes counted from 1", json!(axes));
        Ok(Self { dims: dims.map_err(wrong)? })
    }

    /// All axes, the samples' first.
    fn axes(&self) -> Vec<usize> {
        std::iter::once(0).chain(self.dims.iter().copied()).collect()
    }
}

impl Layer for Permute {
    fn class_name(&self) -> &'static str {
        "Permute"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("dims", json!(self.dims)).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let mut sorted = self.dims.clone();
        sorted.sort_unstable();
        if sorted.is_empty() || sorted != (1..=self.dims.len()).collect::<Vec<_>>() {
            let expected = "each axis of a sample once, counted from 1";
            return Err(LayerError::config("dims", expected, json!(self.dims)));
        }
        let input = inputs::of_rank(inputs, self.dims.len() + 1)?;
        let dims: Vec<_> = self.axes().into_iter().map(|axis| input.dims()[axis]).collect();
        Ok(SymbolicShape::new(dims))
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        Ok(cx.graph.transpose(inputs[0], &self.axes())?)
    }
}
