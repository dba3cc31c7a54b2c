use cornu_graph::ops::ReduceKind;
use cornu_graph::{Graph, GraphError, ValueId};
use serde_json::{Map, Value};

use crate::layers::{Layer, LowerCx, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// A mask for the steps whose features are not all `mask_value`; those that are become 0.
///
/// Input `(samples, ..., features)`, result of the same shape. Keras 3,
/// keras/src/layers/core/masking.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Masking {
    /// What stands for nothing. Default 0.
    pub mask_value: f64,
}

impl Default for Masking {
    fn default() -> Self {
        Self::new(0.0)
    }
}

impl Masking {
    /// `mask_value` stands for nothing.
    pub fn new(mask_value: f64) -> Self {
        Self { mask_value }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self { mask_value: config.number_or("mask_value", 0.0)? })
    }

    fn mask(&self, g: &mut Graph, x: ValueId, keep_dims: bool) -> Result<ValueId, GraphError> {
        let value = g.scalar(self.mask_value)?;
        let differs = g.not_equal(x, value)?;
        let last = g.shape(x).rank() - 1;
        g.reduce(ReduceKind::Max, differs, &[last], keep_dims)
    }
}

impl Layer for Masking {
    fn class_name(&self) -> &'static str {
        "Masking"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("mask_value", self.mask_value).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        inputs::at_least(inputs, 2).cloned()
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let mask = self.mask(cx.graph, inputs[0], true)?;
        let zero = cx.graph.scalar(0.0)?;
        Ok(cx.graph.select(mask, inputs[0], zero)?)
    }

    fn output_mask(
        &self,
        cx: &mut LowerCx<'_>,
        inputs: &[ValueId],
    ) -> Result<Option<ValueId>, LayerError> {
        Ok(Some(self.mask(cx.graph, inputs[0], false)?))
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
