use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::Array;
use serde_json::{Value, json};

use crate::LayerError;

/// One number for all, or one for each channel.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// For all.
    One(f64),
    /// For each.
    Each(Vec<f64>),
}

impl From<f64> for Numbers {
    fn from(number: f64) -> Self {
        Self::One(number)
    }
}

impl From<Vec<f64>> for Numbers {
    fn from(numbers: Vec<f64>) -> Self {
        Self::Each(numbers)
    }
}

impl<const N: usize> From<[f64; N]> for Numbers {
    fn from(numbers: [f64; N]) -> Self {
        Self::Each(numbers.to_vec())
    }
}

impl Numbers {
    pub(super) fn from_config(key: &str, value: &Value) -> Result<Self, LayerError> {
        let numbers = match value {
            Value::Array(list) => {
                list.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>().map(Self::Each)
            }
            one => one.as_f64().map(Self::One),
        };
        numbers.ok_or_else(|| LayerError::config(key, "a number or a list of them", value))
    }

    pub(super) fn to_config(&self) -> Value {
        match self {
            Self::One(number) => json!(number),
            Self::Each(numbers) => json!(numbers),
        }
    }

    /// All of them; one for all counts as one.
    pub(super) fn list(&self) -> &[f64] {
        match self {
            Self::One(number) => std::slice::from_ref(number),
            Self::Each(numbers) => numbers,
        }
    }

    /// As a constant: a scalar, or one for each of the last axis.
    pub(super) fn constant(&self, g: &mut Graph) -> Result<ValueId, GraphError> {
        match self {
            Self::One(number) => g.scalar(*number),
            Self::Each(numbers) => g.constant(Array::from_fn([numbers.len()], |i| numbers[i])),
        }
    }

    /// The same through `f`.
    pub(super) fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        match self {
            Self::One(number) => Self::One(f(*number)),
            Self::Each(numbers) => Self::Each(numbers.iter().map(|&x| f(x)).collect()),
        }
    }
}
