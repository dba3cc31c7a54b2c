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
    /// From the smaller to the larger.
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
            Self::Range(a, b) => [a.min(b), a.max(b)],
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

    /// The range lies within `limits`.
    pub(super) fn check(self, key: &str, limits: [f64; 2]) -> Result<(), LayerError> {
        let [low, high] = self.range();
        if limits[0] <= low && low <= high && high <= limits[1] {
            return Ok(());
        }
        let expected = format!("numbers within {} ... {}", limits[0], limits[1]);
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

/// Tries of [`log_gamma`], of which one in twenty fails.
const TRIES: usize = 6;

/// Logarithms of numbers drawn from the gamma distribution of shape `alpha`, which is above 0 and
/// broadcasts to `shape`.
///
/// The method of Marsaglia and Tsang (2000) for `alpha + 1`, taken back to `alpha` by a uniform
/// number's power: `ln(d v) + ln(u) / alpha` with `d = alpha + 2/3`, `v = (1 + z / sqrt(9 d))³` where
/// `v > 0` and `ln(u') < z²/2 + d - d v + d ln(v)`. Logarithms, because the numbers themselves are
/// below all floating-point numbers for a small `alpha`. All tries fail about once in 10⁸ draws; the
/// mode of the distribution stands in then.
pub(super) fn log_gamma(
    cx: &mut LowerCx<'_>,
    alpha: ValueId,
    shape: &Shape,
) -> Result<ValueId, LayerError> {
    let d = cx.graph.add_scalar(alpha, 2.0 / 3.0)?;
    let nine = cx.graph.mul_scalar(d, 9.0)?;
    let width = cx.graph.rsqrt(nine)?;
    let mut log_v = cx.graph.scalar(0.0)?;
    for _ in 0..TRIES {
        let (normal, uniform) = (cx.random_stream(), cx.random_stream());
        let g = &mut *cx.graph;
        let z = g.random(Distribution::Normal, normal, shape.clone())?;
        let u = g.random(Distribution::Uniform, uniform, shape.clone())?;
        let step = g.mul(z, width)?;
        let root = g.add_scalar(step, 1.0)?;
        let zero = g.scalar(0.0)?;
        let is_positive = g.greater(root, zero)?;
        let root = g.max_scalar(root, 1e-6)?;
        let log_root = g.log(root)?;
        let new_log_v = g.mul_scalar(log_root, 3.0)?;
        let v = g.exp(new_log_v)?;
        let less = g.sub(new_log_v, v)?;
        let less = g.add_scalar(less, 1.0)?;
        let scaled = g.mul(d, less)?;
        let squares = g.square(z)?;
        let half = g.mul_scalar(squares, 0.5)?;
        let limit = g.add(half, scaled)?;
        let log_u = g.log(u)?;
        let is_below = g.less(log_u, limit)?;
        let is_accepted = g.and(is_positive, is_below)?;
        log_v = g.select(is_accepted, new_log_v, log_v)?;
    }
    let stream = cx.random_stream();
    let g = &mut *cx.graph;
    let u = g.random(Distribution::Uniform, stream, shape.clone())?;
    // From above 0 to 1, so that the logarithm is a number.
    let u = g.scalar_sub(1.0, u)?;
    let log_u = g.log(u)?;
    let power = g.div(log_u, alpha)?;
    let log_d = g.log(d)?;
    let log = g.add(log_d, log_v)?;
    Ok(g.add(log, power)?)
}

/// Numbers drawn from the beta distribution of shapes `alpha` and `alpha`; see [`log_gamma`].
pub(super) fn beta(
    cx: &mut LowerCx<'_>,
    alpha: ValueId,
    shape: &Shape,
) -> Result<ValueId, LayerError> {
    let (a, b) = (log_gamma(cx, alpha, shape)?, log_gamma(cx, alpha, shape)?);
    let difference = cx.graph.sub(a, b)?;
    Ok(cx.graph.sigmoid(difference)?)
}

/// A whole number from 0 to below `n` for the whole batch, shape `(1)`.
pub(super) fn choice(cx: &mut LowerCx<'_>, n: usize) -> Result<ValueId, LayerError> {
    let unit = super::change::one_for_all(cx, 1)?;
    let number = cx.graph.mul_scalar(unit, n as f64)?;
    let number = cx.graph.floor(number)?;
    // Rounding must not reach the upper end.
    Ok(cx.graph.min_scalar(number, n as f64 - 1.0)?)
}
