use cornu_graph::ValueId;
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value};

use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, WeightRules, WeightSpec, inputs, output};
use crate::{Activation, ConfigReader, ConfigWriter, LayerError, Regularizer, SymbolicShape};

/// `activation(x @ kernel + bias)` over the last axis of any tensor: `(..., n)` to `(..., units)`.
///
/// Weights: `kernel` `(n, units)`, `bias` `(units)` if used. Keras 3,
/// keras/src/layers/core/dense.py.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// Size of the result's last axis.
    pub units: usize,
    /// Default: linear.
    pub activation: Activation,
    /// Whether a bias is added. Default: true.
    pub use_bias: bool,
    /// Rules of the kernel.
    pub kernel: WeightRules,
    /// Rules of the bias.
    pub bias: WeightRules,
    /// Penalty on the result, divided by the number of samples.
    pub activity_regularizer: Option<Regularizer>,
}

impl Dense {
    /// With `units` outputs and Keras's defaults.
    pub fn new(units: usize) -> Self {
        Self {
            units,
            activation: Activation::Linear,
            use_bias: true,
            kernel: WeightRules::kernel(),
            bias: WeightRules::zeros(),
            activity_regularizer: None,
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let hint = "train with full-size float32 kernels";
        config.only("quantization_config", &[], hint)?;
        config.only("lora_rank", &[], hint)?;
        config.only("lora_alpha", &[], hint)?;
        Ok(Self {
            units: config.positive("units")?,
            activation: config.activation("activation")?,
            use_bias: config.bool_or("use_bias", true)?,
            kernel: WeightRules::read(config, "kernel", WeightRules::kernel())?,
            bias: WeightRules::read(config, "bias", WeightRules::zeros())?,
            activity_regularizer: config.regularizer("activity_regularizer")?,
        })
    }
}

setters!(Dense {
    activation: Activation,
    use_bias: bool,
    activity_regularizer: Option<Regularizer>,
    rules kernel { kernel_initializer, kernel_regularizer, kernel_constraint },
    rules bias { bias_initializer, bias_regularizer, bias_constraint },
});

impl Layer for Dense {
    fn class_name(&self) -> &'static str {
        "Dense"
    }

    fn config(&self) -> Map<String, Value> {
        let mut config = ConfigWriter::new();
        if let Some(regularizer) = self.activity_regularizer {
            config = config.set("activity_regularizer", regularizer.to_config());
        }
        config = config
            .set("units", self.units)
            .set("activation", self.activation.to_config())
            .set("use_bias", self.use_bias);
        config = self.kernel.write(config, "kernel");
        config = self.bias.write(config, "bias");
        config.set("quantization_config", Value::Null).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        if self.units == 0 {
            return Err(LayerError::config("units", "at least 1", 0));
        }
        self.activation.output_shape(inputs::at_least(inputs, 2)?.with_last(Some(self.units)))
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        let input = inputs::at_least(inputs, 2)?;
        let n = inputs::known(input, input.rank() - 1)?;
        let mut weights = vec![self.kernel.spec("kernel", &[n, self.units])?];
        if self.use_bias {
            weights.push(self.bias.spec("bias", &[self.units])?);
        }
        Ok(weights)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let shape = cx.graph.shape(inputs[0]).clone();
        let last = shape.rank() - 1;
        let rows = rows_of(&shape);
        let x = cx.graph.reshape(inputs[0], Shape::new([rows, shape.dims()[last]]))?;
        let y = cx.graph.matmul(x, cx.weights[0], false, false)?;
        let bias = cx.weights.get(1).copied();
        let y = output::finish(cx, y, bias, self.activation, self.activity_regularizer)?;
        let units = cx.graph.shape(y).dims()[1];
        Ok(cx.graph.reshape(y, shape.with(last, units))?)
    }

    fn supports_masking(&self) -> bool {
        true
    }
}

/// Number of rows of the matrix with the same last axis.
pub(super) fn rows_of(shape: &Shape) -> Dim {
    let leading = &shape.dims()[..shape.rank() - 1];
    let product = leading.iter().map(|dim| dim.size(1)).product();
    if shape.is_batched() { Dim::Batch(product) } else { Dim::Fixed(product) }
}
