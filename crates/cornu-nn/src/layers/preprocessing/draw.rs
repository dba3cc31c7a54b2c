use cornu_graph::ValueId;
use cornu_graph::ops::Distribution;
use cornu_tensor::{Dim, Shape};
use serde_json::{Value, json};

use crate::layers::LowerCx;
use crate::{ConfigReader, LayerError};

/// How far a random layer goes: a number `f` for `-f ... f`, or a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Factor {
    /// As far to either side.
    Symmetric(f64),
    /// From the first to the second.
    Range(f64, f64),
}

impl From<f64> for Factor {
    fn from(factor: f64) -> Self {
        Self::Symmetric(factor)
    }
}

impl From<(f64, f64)> for Factor {
    fn from((low, high): (f64, f64)) -> Self {
        Self::Range(low, high)
    }
}

impl Factor {
    /// Lowest and highest value.
    pub fn range(self) -> [f64; 2] {
        match self {
            Self::Symmetric(factor) => [-factor.abs(), factor.abs()],
            Self::Range(low, high) => [low, high],
        }
    }

    /// Reads `key`; `None` for null or missing.
    pub(super) fn read(config: &mut ConfigReader, key: &str) -> Result<Option<Self>, LayerError> {
        let Some(value) = config.present(key) else { return Ok(None) };
        let factor = match &value {
            Value::Array(list) => match &list[..] {
                [low, high] => {
                    low.as_f64().zip(high.as_f64()).map(|(low, high)| Self::Range(low, high))
                }
                _ => None,
            },
            one => one.as_f64().map(Self::Symmetric),
        };
        let wrong = || LayerError::config(key, "a number or [low, high]", &value);
        factor.ok_or_else(wrong).map(Some)
    }

    /// As [`Self::read`], for a key that must be there.
    pub(super) fn required(config: &mut ConfigReader, key: &str) -> Result<Self, LayerError> {
        Self::read(config, key)?.ok_or_else(|| LayerError::MissingKey(key.to_owned()))
    }

    /// A number or a list of two.
    pub(super) fn to_config(self) -> Value {
        match self {
            Self::Symmetric(factor) => json!(factor),
            Self::Range(low, high) => json!([low, high]),
        }
    }

    /// The range is not empty and lies within `limits`.
    pub(super) fn check(self, key: &str, limits: [f64; 2]) -> Result<(), LayerError> {
        let [low, high] = self.range();
        if limits[0] <= low && low <= high && high <= limits[1] {
            return Ok(());
        }
        let expected = format!("low <= high within {} ... {}", limits[0], limits[1]);
        Err(LayerError::config(key, expected, self.to_config()))
    }
}

/// One number for each sample, uniform from `low` to `high`, of shape `(samples, 1, ...)` with
/// `rank` axes.
pub(super) fn uniform(
    cx: &mut LowerCx<'_>,
    x: ValueId,
    rank: usize,
    [low, high]: [f64; 2],
) -> Result<ValueId, LayerError> {
    let stream = cx.random_stream();
    let mut dims = vec![cx.graph.shape(x).dims()[0]];
    dims.resize(rank, Dim::Fixed(1));
    let unit = cx.graph.random(Distribution::Uniform, stream, Shape::new(dims))?;
    let spread = cx.graph.mul_scalar(unit, high - low)?;
    Ok(cx.graph.add_scalar(spread, low)?)
}
