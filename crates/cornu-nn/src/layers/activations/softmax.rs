use cornu_graph::{Graph, ValueId};
use serde_json::{Map, Value};

use crate::activations::softmax_over;
use crate::config::one_or_list;
use crate::layers::{Layer, LowerCx, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// `e^x / sum e^x` along one or several axes. Where a mask is 0 the result is 0, and `x` counts as
/// -1e9 for the others. Keras 3, keras/src/layers/activations/softmax.py.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Softmax {
    /// Axes that the sum goes over. Default: the last.
    pub axis: Vec<i64>,
}

impl Default for Softmax {
    fn default() -> Self {
        Self::new()
    }
}

impl Softmax {
    /// Along the last axis.
    pub fn new() -> Self {
        Self { axis: vec![-1] }
    }

    /// Along this axis.
    pub fn axis(mut self, axis: i64) -> Self {
        self.axis = vec![axis];
        self
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self { axis: config.integers_or("axis", &[-1])? })
    }
}

impl Layer for Softmax {
    fn class_name(&self) -> &'static str {
        "Softmax"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("axis", one_or_list(&self.axis)).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let input = inputs::one(inputs)?;
        for &axis in &self.axis {
            inputs::sample_axis(input, axis)?;
        }
        Ok(input.clone())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let Some(mask) = cx.mask(0) else {
            return Ok(softmax_over(cx.graph, inputs[0], &self.axis)?);
        };
        masked_softmax(cx.graph, inputs[0], mask, &self.axis)
    }

    fn supports_masking(&self) -> bool {
        true
    }
}

/// The softmax of what `mask`, which broadcasts to `x`, leaves of it; 0 elsewhere.
pub(in crate::layers) fn masked_softmax(
    g: &mut Graph,
    x: ValueId,
    mask: ValueId,
    axis: &[i64],
) -> Result<ValueId, LayerError> {
    let half = g.scalar(0.5)?;
    let mask = g.greater(mask, half)?;
    let low = g.scalar(-1e9)?;
    let seen = g.select(mask, x, low)?;
    let y = softmax_over(g, seen, axis)?;
    let zero = g.scalar(0.0)?;
    Ok(g.select(mask, y, zero)?)
}
