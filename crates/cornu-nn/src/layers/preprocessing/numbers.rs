use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::Array;
use serde_json::{Value, json};

use crate::LayerError;

/// One number for all, one for each channel, or a table of them over several axes.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// For all.
    One(f64),
    /// For each.
    Each(Vec<f64>),
    /// Nested lists; a size of 1 stands for all along its axis.
    Table(Array<f64>),
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

impl From<Array<f64>> for Numbers {
    fn from(numbers: Array<f64>) -> Self {
        match numbers.dims().len() {
            0 => Self::One(numbers.data()[0]),
            1 => Self::Each(numbers.into_data()),
            _ => Self::Table(numbers),
        }
    }
}

impl Numbers {
    pub(super) fn from_config(key: &str, value: &Value) -> Result<Self, LayerError> {
        let mut dims = Vec::new();
        let mut first = value;
        while let Value::Array(list) = first {
            dims.push(list.len());
            match list.first() {
                Some(inner) if dims.len() <= MAX_RANK => first = inner,
                _ => break,
            }
        }
        let mut numbers = Vec::new();
        collect(value, &dims, &mut numbers)
            .and_then(|()| Array::new(dims, numbers).ok())
            .map(Self::from)
            .ok_or_else(|| {
                LayerError::config(key, "a number, or lists of numbers of equal lengths", value)
            })
    }

    pub(super) fn to_config(&self) -> Value {
        match self {
            Self::One(number) => json!(number),
            Self::Each(numbers) => json!(numbers),
            Self::Table(table) => nested(table.dims(), table.data()),
        }
    }

    /// Sizes of the axes that they are nested in.
    pub(super) fn dims(&self) -> Vec<usize> {
        match self {
            Self::One(_) => Vec::new(),
            Self::Each(numbers) => vec![numbers.len()],
            Self::Table(table) => table.dims().to_vec(),
        }
    }

    /// All of them; one for all counts as one.
    pub(super) fn list(&self) -> &[f64] {
        match self {
            Self::One(number) => std::slice::from_ref(number),
            Self::Each(numbers) => numbers,
            Self::Table(table) => table.data(),
        }
    }

    /// As a constant: a scalar, or one for each of the last axis or axes.
    pub(super) fn constant(&self, g: &mut Graph) -> Result<ValueId, GraphError> {
        match self {
            Self::One(number) => g.scalar(*number),
            Self::Each(numbers) => g.constant(Array::from_fn([numbers.len()], |i| numbers[i])),
            Self::Table(table) => g.constant(table.clone()),
        }
    }

    /// The same through `f`.
    pub(super) fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        match self {
            Self::One(number) => Self::One(f(*number)),
            Self::Each(numbers) => Self::Each(numbers.iter().map(|&x| f(x)).collect()),
            Self::Table(table) => {
                Self::Table(Array::from_fn(table.dims().to_vec(), |i| f(table.data()[i])))
            }
        }
    }
}

/// More axes than any input has.
const MAX_RANK: usize = 8;

/// The numbers of nested lists of these lengths, in order; `None` if they have others.
fn collect(value: &Value, dims: &[usize], numbers: &mut Vec<f64>) -> Option<()> {
    match (value, dims) {
        (Value::Array(list), [n, inner @ ..]) if list.len() == *n => {
            list.iter().try_for_each(|value| collect(value, inner, numbers))
        }
        (value, []) => value.as_f64().map(|number| numbers.push(number)),
        _ => None,
    }
}

/// Nested lists of these lengths.
fn nested(dims: &[usize], numbers: &[f64]) -> Value {
    match dims {
        [] | [_] => json!(numbers),
        [_, inner @ ..] => {
            let n = inner.iter().product::<usize>().max(1);
            numbers.chunks(n).map(|numbers| nested(inner, numbers)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_written_nested() {
        for value in [json!(2.0), json!([1.0, 2.0]), json!([[1.0], [2.0]]), json!([[[1.0, 2.0]]])] {
            let numbers = Numbers::from_config("mean", &value).unwrap();
            assert_eq!(numbers.to_config(), value);
        }
        for wrong in [json!("a"), json!([[1.0], 2.0]), json!([[1.0, 2.0], [3.0]]), json!([[[]], 1])]
        {
            assert!(Numbers::from_config("mean", &wrong).is_err(), "{wrong}");
        }
        let deep = (0..100).fold(json!(1.0), |inner, _| json!([inner]));
        assert!(Numbers::from_config("mean", &deep).is_err());
    }
}
