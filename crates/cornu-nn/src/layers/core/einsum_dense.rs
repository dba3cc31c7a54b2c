use cornu_graph::ValueId;
use serde_json::{Map, Value, json};

use crate::layers::einsum::Equation;
use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, WeightRules, WeightSpec, inputs, output};
use crate::{Activation, ConfigReader, ConfigWriter, LayerError, Regularizer, SymbolicShape};

/// `activation(einsum(equation, x, kernel) + bias)`, such as `abc,cd->abd`.
///
/// The equation may elide axes on the left (`...c,cd->...d`) or on the right of the input and the
/// output; the samples' axis comes first in both. `output_shape` gives all named axes of the output
/// but the first, null where the input tells the size. Weights: `kernel` with the axes of the
/// equation's second operand; `bias`, if there are `bias_axes`, with the sizes of these axes and 1
/// for the others from the first of them on. Keras 3, keras/src/layers/core/einsum_dense.py.
#[derive(Debug, Clone, PartialEq)]
pub struct EinsumDense {
    /// The product.
    pub equation: String,
    /// Sizes of the output's axes after the samples'.
    pub output_shape: Vec<Option<usize>>,
    /// Default: linear.
    pub activation: Activation,
    /// Letters of the output's axes that the bias has. Default: no bias.
    pub bias_axes: Option<String>,
    /// Rules of the kernel.
    pub kernel: WeightRules,
    /// Rules of the bias.
    pub bias: WeightRules,
    /// Penalty on the result, divided by the number of samples.
    pub activity_regularizer: Option<Regularizer>,
}

/// What the equation makes of an input.
struct Sizes {
    equation: Equation,
    output: SymbolicShape,
    kernel: Vec<Option<usize>>,
    bias: Option<Vec<Option<usize>>>,
}

impl EinsumDense {
    /// By this equation, to these sizes.
    pub fn new(equation: impl Into<String>, output_shape: impl Into<Vec<Option<usize>>>) -> Self {
        Self {
            equation: equation.into(),
            output_shape: output_shape.into(),
            activation: Activation::Linear,
            bias_axes: None,
            kernel: WeightRules::kernel(),
            bias: WeightRules::zeros(),
            activity_regularizer: None,
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let hint = "train with full-size float32 kernels";
        for key in ["quantization_config", "lora_rank", "lora_alpha", "gptq_unpacked_column_size"] {
            config.only(key, &[], hint)?;
        }
        let value = config
            .present("output_shape")
            .ok_or_else(|| LayerError::MissingKey("output_shape".to_owned()))?;
        let size = |v: &Value| match v {
            Value::Null => Some(None),
            v => v.as_u64().filter(|&n| 0 < n).map(|n| Some(n as usize)),
        };
        let output_shape = match &value {
            Value::Array(list) => list.iter().map(size).collect::<Option<Vec<_>>>(),
            one => size(one).map(|one| vec![one]),
        };
        let equation = config.string_or("equation", "")?;
        Ok(Self {
            equation,
            output_shape: output_shape.ok_or_else(|| {
                LayerError::config("output_shape", "sizes, null where the input tells", &value)
            })?,
            activation: config.activation("activation")?,
            bias_axes: match config.present("bias_axes") {
                None => None,
                Some(_) => Some(config.string_or("bias_axes", "")?),
            },
            kernel: WeightRules::read(config, "kernel", WeightRules::kernel())?,
            bias: WeightRules::read(config, "bias", WeightRules::zeros())?,
            activity_regularizer: config.regularizer("activity_regularizer")?,
        })
    }

    fn sizes(&self, inputs: &[SymbolicShape]) -> Result<Sizes, LayerError> {
        let input = inputs::one(inputs)?;
        let equation = Equation::parse(&self.equation, input.rank())?;
        let wrong = |expected: String| {
            let got = json!(self.output_shape);
            LayerError::config("output_shape", expected, got)
        };
        let of_input = |letter: &char| {
            equation.input.iter().position(|other| other == letter).map(|axis| input.dims()[axis])
        };
        // Axes of an ellipsis are not in `output_shape`, and neither are the samples.
        let n_named = equation.output.len() - equation.elided_right;
        let first_named = n_named.checked_sub(self.output_shape.len()).filter(|&n| 1 <= n);
        let Some(first_named) = first_named else {
            let expected = format!("at most {} sizes", n_named - 1);
            return Err(wrong(expected));
        };
        let mut output = Vec::with_capacity(equation.output.len());
        for (axis, letter) in equation.output.iter().enumerate() {
            let said = axis
                .checked_sub(first_named)
                .and_then(|index| self.output_shape.get(index).copied().flatten());
            let known = of_input(letter).flatten();
            if said.is_some() && known.is_some() && said != known {
                return Err(wrong(format!("the input's size {known:?} of axis `{letter}`")));
            }
            output.push(said.or(known));
        }
        let size = |letter: &char| {
            let position = equation.output.iter().position(|other| other == letter);
            position.map_or_else(|| of_input(letter).flatten(), |axis| output[axis])
        };
        let kernel = equation.weight.iter().map(size).collect();
        let bias = match &self.bias_axes {
            None => None,
            Some(axes) => {
                let first = axes
                    .chars()
                    .map(|axis| equation.output.iter().position(|letter| *letter == axis))
                    .collect::<Option<Vec<_>>>()
                    .and_then(|positions| positions.into_iter().min())
                    .ok_or_else(|| {
                        LayerError::config("bias_axes", "axes of the output", axes.as_str())
                    })?;
                let dims = equation.output[first..].iter();
                Some(dims.map(|l| if axes.contains(*l) { size(l) } else { Some(1) }).collect())
            }
        };
        Ok(Sizes { output: SymbolicShape::new(output), equation, kernel, bias })
    }
}

setters!(EinsumDense {
    activation: Activation,
    activity_regularizer: Option<Regularizer>,
    rules kernel { kernel_initializer, kernel_regularizer, kernel_constraint },
    rules bias { bias_initializer, bias_regularizer, bias_constraint },
});

impl EinsumDense {
    /// Sets the output's axes that the bias has.
    pub fn bias_axes(mut self, axes: impl Into<String>) -> Self {
        self.bias_axes = Some(axes.into());
        self
    }
}

impl Layer for EinsumDense {
    fn class_name(&self) -> &'static str {
        "EinsumDense"
    }

    fn config(&self) -> Map<String, Value> {
        let mut config = ConfigWriter::new()
            .set("output_shape", json!(self.output_shape))
            .set("equation", self.equation.as_str())
            .set("activation", self.activation.to_config())
            .set("bias_axes", json!(self.bias_axes));
        config = self.kernel.write(config, "kernel");
        config = self.bias.write(config, "bias");
        config
            .set("activity_regularizer", self.activity_regularizer.map(|r| r.to_config()))
            .set("quantization_config", Value::Null)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        self.activation.output_shape(self.sizes(inputs)?.output)
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        let sizes = self.sizes(inputs)?;
        let known = |dims: Vec<Option<usize>>| {
            dims.into_iter().collect::<Option<Vec<usize>>>().ok_or_else(|| {
                LayerError::input_shape(format!("known sizes for `{}`", self.equation), inputs)
            })
        };
        let kernel = known(sizes.kernel)?;
        let mut fans = [1, 1];
        for (letter, size) in sizes.equation.weight.iter().zip(&kernel) {
            fans[usize::from(sizes.equation.output.contains(letter))] *= size;
        }
        let mut weights = vec![self.kernel.spec("kernel", &kernel)?.with_fans(fans)];
        if let Some(bias) = sizes.bias {
            weights.push(self.bias.spec("bias", &known(bias)?)?);
        }
        Ok(weights)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let equation = Equation::parse(&self.equation, cx.graph.shape(inputs[0]).rank())?;
        let y = equation.lower(cx.graph, inputs[0], cx.weights[0])?;
        let bias = cx.weights.get(1).copied();
        output::finish(cx, y, bias, self.activation, self.activity_regularizer)
    }
}
