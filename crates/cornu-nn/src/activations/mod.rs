//! Activations: functions from a tensor to one of the same shape.
//!
//! [`Activation`] is what a layer's `activation` argument takes: a function with Keras's default
//! arguments. The functions of this module that have arguments take them.

mod exponential;
mod gated;
mod piecewise;
mod rectified;
mod shrink;
mod smooth;
mod softmax;
mod sparsemax;

use cornu_graph::{Graph, GraphError, ValueId};
use serde_json::Value;

use crate::{LayerError, SymbolicShape};

pub use exponential::{celu, elu, selu};
pub use gated::{gelu, glu, mish, silu};
pub use piecewise::{hard_sigmoid, hard_silu, hard_tanh, sparse_plus, sparse_sigmoid};
pub use rectified::{Rectifier, leaky_relu, relu6};
pub use shrink::{hard_shrink, soft_shrink, tanh_shrink, threshold};
pub use smooth::{log_sigmoid, softsign, squareplus};
pub use softmax::{log_softmax, softmax, softmax_over};
pub use sparsemax::sparsemax;

macro_rules! activations {
    ($($(#[$doc:meta])* $variant:ident $name:literal => $lower:expr),* $(,)?) => {
        /// An activation with Keras's default arguments, as a layer's `activation` takes it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum Activation {
            $($(#[$doc])* $variant),*
        }

        impl Activation {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Keras's name, such as `leaky_relu`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }

            /// Adds the function of each element (softmax: of each row) of `x` to the graph.
            ///
            /// # Errors
            ///
            /// What the graph's shape rules say: softmax needs a last axis of known size.
            pub fn lower(self, graph: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
                let lower: fn(&mut Graph, ValueId) -> Result<ValueId, GraphError> = match self {
                    $(Self::$variant => $lower),*
                };
                lower(graph, x)
            }
        }
    };
}

activations! {
    /// `x`
    #[default]
    Linear "linear" => |_, x| Ok(x),
    /// `max(x, 0)`; the derivative at 0 is 0
    Relu "relu" => Graph::relu,
    /// `min(max(x, 0), 6)`
    Relu6 "relu6" => relu6,
    /// `x` above 0, else `0.2 x` (the layer `LeakyReLU` has another default: 0.3)
    LeakyRelu "leaky_relu" => |g, x| leaky_relu(g, x, 0.2),
    /// `1 / (1 + e^-x)`
    Sigmoid "sigmoid" => Graph::sigmoid,
    /// `tanh(x)`
    Tanh "tanh" => Graph::tanh,
    /// `e^x / sum e^x` over the last axis
    Softmax "softmax" => |g, x| softmax(g, x, -1),
    /// `log(softmax(x))`
    LogSoftmax "log_softmax" => |g, x| log_softmax(g, x, -1),
    /// `x` above 0, else `e^x - 1`
    Elu "elu" => |g, x| elu(g, x, 1.0),
    /// [`elu`] scaled so that mean 0 and variance 1 are kept
    Selu "selu" => selu,
    /// `max(x, 0) + min(0, e^x - 1)`
    Celu "celu" => |g, x| celu(g, x, 1.0),
    /// `x` times the normal distribution function
    Gelu "gelu" => |g, x| gelu(g, x, false),
    /// `x sigmoid(x)`, also called swish
    Silu "silu" => silu,
    /// `log(1 + e^x)`
    Softplus "softplus" => Graph::softplus,
    /// `x / (1 + |x|)`
    Softsign "softsign" => softsign,
    /// `e^x`
    Exponential "exponential" => Graph::exp,
    /// `relu6(x + 3) / 6`
    HardSigmoid "hard_sigmoid" => hard_sigmoid,
    /// `x hard_sigmoid(x)`, also called hard swish
    HardSilu "hard_silu" => hard_silu,
    /// `x` clipped to `-1 ... 1`
    HardTanh "hard_tanh" => hard_tanh,
    /// `x tanh(softplus(x))`
    Mish "mish" => mish,
    /// `-softplus(-x)`
    LogSigmoid "log_sigmoid" => log_sigmoid,
    /// 0 up to -1, `(x + 1)^2 / 4`, from 1 on `x`
    SparsePlus "sparse_plus" => sparse_plus,
    /// `(x + 1) / 2` clipped to `0 ... 1`
    SparseSigmoid "sparse_sigmoid" => sparse_sigmoid,
    /// `(x + sqrt(x^2 + 4)) / 2`
    Squareplus "squareplus" => |g, x| squareplus(g, x, 4.0),
    /// [`glu`] over the last axis, which it halves
    Glu "glu" => |g, x| glu(g, x, -1),
    /// `x` beyond 0.5 on either side, else 0
    HardShrink "hard_shrink" => |g, x| hard_shrink(g, x, 0.5),
    /// `x` moved by 0.5 towards 0
    SoftShrink "soft_shrink" => |g, x| soft_shrink(g, x, 0.5),
    /// [`sparsemax`] over the last axis
    Sparsemax "sparsemax" => |g, x| sparsemax(g, x, -1),
    /// `x - tanh(x)`
    TanhShrink "tanh_shrink" => tanh_shrink,
}

impl Activation {
    /// Keras's second names.
    pub const ALIASES: &[(&str, &str)] = &[("hard_swish", "hard_silu"), ("swish", "silu")];

    /// The activation that Keras calls `name`.
    ///
    /// # Errors
    ///
    /// [`LayerError::UnknownClass`] if there is none.
    pub fn named(name: &str) -> Result<Self, LayerError> {
        let alias = Self::ALIASES.iter().find(|(alias, _)| *alias == name);
        let main = alias.map_or(name, |(_, main)| main);
        let unknown = || LayerError::UnknownClass { kind: "activation", name: name.to_owned() };
        Self::ALL.iter().copied().find(|one| one.name() == main).ok_or_else(unknown)
    }

    /// Reads what Keras writes under `key`: a name, null for linear, or a function object.
    ///
    /// # Errors
    ///
    /// [`LayerError::UnknownClass`] or [`LayerError::Config`] for anything else.
    pub fn from_config(key: &str, value: &Value) -> Result<Self, LayerError> {
        match value {
            Value::Null => Ok(Self::Linear),
            Value::String(name) => Self::named(name),
            Value::Object(object) if object.get("class_name") == Some(&"function".into()) => {
                match object.get("config") {
                    Some(Value::String(name)) => Self::named(name),
                    _ => Err(LayerError::config(key, "a function of Keras", value)),
                }
            }
            _ => Err(LayerError::config(
                key,
                "an activation's name; put an activation layer after this one instead",
                value,
            )),
        }
    }

    /// Shape of the result for an `x` of this shape: the same but for [`Activation::Glu`].
    ///
    /// # Errors
    ///
    /// [`LayerError::InputShape`] if there is no last axis of even size to halve.
    pub fn output_shape(self, x: SymbolicShape) -> Result<SymbolicShape, LayerError> {
        if self != Self::Glu {
            return Ok(x);
        }
        match x.last() {
            Some(n) if 2 <= x.rank() && n.is_multiple_of(2) => Ok(x.with_last(Some(n / 2))),
            None if 2 <= x.rank() => Ok(x),
            _ => Err(LayerError::input_shape("a last axis of even size for glu", &[x])),
        }
    }

    /// What Keras writes: the name.
    pub fn to_config(self) -> Value {
        self.name().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_and_aliases_are_read() {
        for &activation in Activation::ALL {
            let config = activation.to_config();
            assert_eq!(Activation::from_config("activation", &config).unwrap(), activation);
        }
        assert_eq!(Activation::named("swish").unwrap(), Activation::Silu);
        let function =
            json!({"class_name": "function", "config": "relu", "registered_name": "relu"});
        assert_eq!(Activation::from_config("activation", &function).unwrap(), Activation::Relu);
        assert_eq!(Activation::from_config("a", &Value::Null).unwrap(), Activation::Linear);
        let error = Activation::named("reluu").unwrap_err();
        assert!(error.to_string().contains("reluu"), "{error}");
    }
}
