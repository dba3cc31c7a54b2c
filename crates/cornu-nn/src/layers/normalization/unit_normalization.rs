use cornu_graph::ValueId;
use serde_json::{Map, Value};

use crate::config::one_or_list;
use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Least squared length that is divided by.
const EPSILON: f64 = 1e-12;

/// `x / |x|` with the L2 norm over the given axes. Keras 3,
/// keras/src/layers/normalization/unit_normalization.py.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitNormalization {
    /// Axes that the norm goes over. Default: the last.
    pub axis: Vec<i64>,
}

impl Default for UnitNormalization {
    fn default() -> Self {
        Self::new()
    }
}

impl UnitNormalization {
    /// Over the last axis.
    pub fn new() -> Self {
        Self { axis: vec![-1] }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self { axis: config.integers_or("axis", &[-1])? })
    }
}

setters!(UnitNormalization { axis: Vec<i64> });

impl Layer for UnitNormalization {
    fn class_name(&self) -> &'static str {
        "UnitNormalization"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("axis", one_or_list(&self.axis)).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let input = inputs::at_least(inputs, 2)?;
        inputs::sample_axes(input, &self.axis)?;
        Ok(input.clone())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = inputs[0];
        let g = &mut *cx.graph;
        let axes = inputs::sample_axes(&SymbolicShape::from_graph(g.shape(x)), &self.axis)?;
        let square = g.square(x)?;
        let sum = g.sum(square, &axes, true)?;
        let sum = g.max_scalar(sum, EPSILON)?;
        let inverse = g.rsqrt(sum)?;
        Ok(g.mul(x, inverse)?)
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
