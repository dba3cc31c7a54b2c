use cornu_graph::ValueId;
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value, json};

use crate::config::one_or_list;
use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, WeightSpec, inputs};
use crate::{ConfigReader, ConfigWriter, Initializer, LayerError, SymbolicShape};

/// `x / sqrt(mean(x^2) + epsilon) * scale`, with the mean of each sample over the given axes.
///
/// Weight of the sizes of those axes: `scale`, which starts with ones. Keras 3,
/// keras/src/layers/normalization/rms_normalization.py.
#[derive(Debug, Clone, PartialEq)]
pub struct RMSNormalization {
    /// Axes that the mean goes over. Default: the last.
    pub axis: Vec<i64>,
    /// Added to the mean square. Default 1e-6.
    pub epsilon: f64,
}

impl Default for RMSNormalization {
    fn default() -> Self {
        Self::new()
    }
}

impl RMSNormalization {
    /// Over the last axis.
    pub fn new() -> Self {
        Self { axis: vec![-1], epsilon: 1e-6 }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            axis: config.integers_or("axis", &[-1])?,
            epsilon: config.number_or("epsilon", 1e-6)?,
        })
    }
}

setters!(RMSNormalization { axis: Vec<i64>, epsilon: f64 });

impl Layer for RMSNormalization {
    fn class_name(&self) -> &'static str {
        "RMSNormalization"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("axis", one_or_list(&self.axis))
            .set("epsilon", self.epsilon)
            .finish()
    }

    fn built_config(&self, _inputs: &[SymbolicShape]) -> Map<String, Value> {
        // Keras makes a list of a single axis when the layer is built.
        let mut config = self.config();
        config.insert("axis".to_owned(), json!(self.axis));
        config
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let input = inputs::at_least(inputs, 2)?;
        inputs::sample_axes(input, &self.axis)?;
        Ok(input.clone())
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        let input = inputs::at_least(inputs, 2)?;
        let dims = inputs::sample_axes(input, &self.axis)?
            .into_iter()
            .map(|axis| inputs::known(input, axis))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(vec![WeightSpec::new("scale", dims, &Initializer::Ones)?])
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = inputs[0];
        let g = &mut *cx.graph;
        let shape = g.shape(x).clone();
        let axes = inputs::sample_axes(&SymbolicShape::from_graph(&shape), &self.axis)?;
        let square = g.square(x)?;
        let mean = g.mean(square, &axes, true)?;
        let mean = g.add_scalar(mean, self.epsilon)?;
        let inverse = g.rsqrt(mean)?;
        let unit = g.mul(x, inverse)?;
        let dims = (0..shape.rank()).map(|axis| match axes.contains(&axis) {
            true => shape.dims()[axis],
            false => Dim::Fixed(1),
        });
        let scale = g.reshape(cx.weights[0], Shape::new(dims.collect::<Vec<_>>()))?;
        Ok(g.mul(unit, scale)?)
    }
}
