use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Array, Dim, Shape};

use crate::layers::{DataFormat, LowerCx};
use crate::{ConfigReader, LayerError, SymbolicShape};

use super::Factor;

/// A layer that changes pictures at random in training: what it draws, and what it does with that.
pub trait RandomChange {
    /// Draws what the change depends on.
    ///
    /// # Errors
    ///
    /// If the graph refuses a node.
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError>;

    /// Changes pictures as `drawn` says: numbers of shape `(samples, 1, 1, 1)` unless the layer says
    /// otherwise.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit.
    fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError>;
}

/// A layer that moves pictures at random: each is read through a map that it draws.
pub(super) trait RandomMap: RandomChange {
    /// The map that `drawn` stands for, as [`transform`](super::sampling::transform) takes it.
    fn columns(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: &[ValueId],
    ) -> Result<[ValueId; 6], GraphError>;
}

/// What [`RandomChange`] makes of pictures: nothing at inference.
pub(super) fn lower<L: RandomChange>(
    layer: &L,
    cx: &mut LowerCx<'_>,
    x: ValueId,
) -> Result<ValueId, LayerError> {
    if !cx.training {
        return Ok(x);
    }
    let drawn = layer.draw(cx, x)?;
    Ok(layer.transform(cx.graph, x, &drawn)?)
}

/// The range that Keras makes of a factor: a number `f` is the upper end, and `-f` the lower one
/// unless that is out of bounds; two numbers are the ends as they are.
pub(super) fn limits(factor: Factor, bounds: [f64; 2]) -> [f64; 2] {
    match factor {
        Factor::Symmetric(f) => [bounds[0].max(-f.abs()), f.abs()],
        Factor::Range(..) => factor.range(),
    }
}

/// Reads `factor` as such a range.
pub(super) fn read_factor(
    config: &mut ConfigReader,
    default: Option<f64>,
    bounds: [f64; 2],
) -> Result<Factor, LayerError> {
    match default {
        Some(default) => read_limits(config, "factor", Factor::Symmetric(default), bounds),
        None => as_limits("factor", Factor::required(config, "factor")?, bounds),
    }
}

/// As [`read_factor`] for any key, with a default.
pub(super) fn read_limits(
    config: &mut ConfigReader,
    key: &str,
    default: Factor,
    bounds: [f64; 2],
) -> Result<Factor, LayerError> {
    as_limits(key, Factor::read(config, key)?.unwrap_or(default), bounds)
}

/// A factor that was read as the range that it means.
fn as_limits(key: &str, factor: Factor, bounds: [f64; 2]) -> Result<Factor, LayerError> {
    check(key, factor, bounds)?;
    let [low, high] = limits(factor, bounds);
    Ok(Factor::Range(low, high))
}

/// Checks a factor as Keras does: a number lies within bounds, and of two numbers the first is not
/// above nor the second below them.
pub(super) fn check(key: &str, factor: Factor, bounds: [f64; 2]) -> Result<(), LayerError> {
    let [low, high] = bounds;
    let fits = match factor {
        Factor::Symmetric(f) => low <= f && f <= high,
        Factor::Range(first, second) => first <= high && low <= second,
    };
    if fits {
        return Ok(());
    }
    let expected = format!("a number within {low} ... {high}, or two that reach into that");
    Err(LayerError::config(key, expected, factor.to_config()))
}

/// Reads `value_range`, by default 0 to 255, in rising order.
pub(super) fn read_value_range(config: &mut ConfigReader) -> Result<[f64; 2], LayerError> {
    let [a, b] = Factor::read(config, "value_range")?.map_or([0.0, 255.0], Factor::range);
    Ok([a.min(b), a.max(b)])
}

/// Reads a whole number from 0 on.
pub(super) fn read_count(
    config: &mut ConfigReader,
    key: &str,
    default: usize,
) -> Result<usize, LayerError> {
    let number = config.integer_or(key, default as i64)?;
    let expected = "a whole number from 0 on";
    usize::try_from(number).map_err(|_| LayerError::config(key, expected, number))
}

/// So many layers of a policy may be drawn for a picture: each adds some hundred nodes to the graph.
const MAX_DRAWN: usize = 1_000;

/// Checks the settings whose product says how many layers a policy draws; 0 of one counts as 1.
pub(super) fn check_drawn(counts: &[(&str, usize)]) -> Result<(), LayerError> {
    let mut drawn: usize = 1;
    for &(key, count) in counts {
        drawn = drawn.saturating_mul(count.max(1));
        if MAX_DRAWN < drawn {
            let keys: Vec<&str> = counts.iter().map(|(key, _)| *key).collect();
            let expected = match &keys[..] {
                [_] => format!("at most {MAX_DRAWN}"),
                keys => format!("at most {MAX_DRAWN} for {} together", keys.join(" * ")),
            };
            return Err(LayerError::config(key, expected, count));
        }
    }
    Ok(())
}

/// Checks `alpha`, the shape of a beta distribution.
pub(super) fn check_alpha(alpha: f64) -> Result<(), LayerError> {
    if 0.0 < alpha && alpha.is_finite() {
        return Ok(());
    }
    Err(LayerError::config("alpha", "a number above 0", alpha))
}

/// Values of one range as those of another, as Keras computes it.
pub(super) fn to_range(
    g: &mut Graph,
    x: ValueId,
    from: [f64; 2],
    to: [f64; 2],
) -> Result<ValueId, GraphError> {
    if from == to {
        return Ok(x);
    }
    let x = g.add_scalar(x, -from[0])?;
    let width = g.scalar(from[1] - from[0])?;
    let x = g.div(x, width)?;
    let x = g.mul_scalar(x, to[1] - to[0])?;
    g.add_scalar(x, to[0])
}

/// The shape of pictures with three channels.
pub(super) fn colour_shape(
    format: DataFormat,
    inputs: &[SymbolicShape],
    allowed: &[usize],
) -> Result<SymbolicShape, LayerError> {
    let picture = format.picture::<2>(inputs)?;
    if picture.channels.is_some_and(|n| !allowed.contains(&n)) {
        let expected = format!("pictures of {allowed:?} channels");
        return Err(LayerError::input_shape(expected, inputs));
    }
    Ok(picture.shape())
}

/// The channels of pictures `(N, H, W, 3)`.
pub(crate) fn channels(g: &mut Graph, x: ValueId) -> Result<[ValueId; 3], GraphError> {
    Ok([g.slice(x, 3, 0, 1, 1)?, g.slice(x, 3, 1, 1, 1)?, g.slice(x, 3, 2, 1, 1)?])
}

/// Hue, saturation and value of red, green and blue, all within 0 to 1 if those are.
pub(crate) fn to_hsv(
    g: &mut Graph,
    [r, green, b]: [ValueId; 3],
) -> Result<[ValueId; 3], GraphError> {
    let zero = g.scalar(0.0)?;
    let most = g.max(r, green)?;
    let value = g.max(most, b)?;
    let least = g.min(r, green)?;
    let least = g.min(least, b)?;
    let range = g.sub(value, least)?;
    let is_lit = g.greater(value, zero)?;
    let share = g.div(range, value)?;
    let saturation = g.select(is_lit, share, zero)?;
    let six = g.mul_scalar(range, 6.0)?;
    let third = |g: &mut Graph, a: ValueId, b: ValueId, offset: f64| {
        let difference = g.sub(a, b)?;
        let part = g.div(difference, six)?;
        g.add_scalar(part, offset)
    };
    let of_red = third(g, green, b, 0.0)?;
    let of_green = third(g, b, r, 2.0 / 6.0)?;
    let of_blue = third(g, r, green, 4.0 / 6.0)?;
    let is_red = g.equal(r, value)?;
    let is_green = g.equal(green, value)?;
    let hue = g.select(is_green, of_green, of_blue)?;
    let hue = g.select(is_red, of_red, hue)?;
    let has_hue = g.greater(range, zero)?;
    let hue = g.select(has_hue, hue, zero)?;
    let is_below = g.less(hue, zero)?;
    let above = g.add_scalar(hue, 1.0)?;
    Ok([g.select(is_below, above, hue)?, saturation, value])
}

/// The way back from [`to_hsv`], as pictures `(N, H, W, 3)`.
pub(crate) fn from_hsv(
    g: &mut Graph,
    [hue, saturation, value]: [ValueId; 3],
) -> Result<ValueId, GraphError> {
    let sixths = g.mul_scalar(hue, 6.0)?;
    let grey = g.scalar_sub(1.0, saturation)?;
    let mut colours = Vec::with_capacity(3);
    for (centre, sign, offset) in [(3.0, 1.0, -1.0), (2.0, -1.0, 2.0), (4.0, -1.0, 2.0)] {
        let distance = g.add_scalar(sixths, -centre)?;
        let distance = g.abs(distance)?;
        let ramp = g.mul_scalar(distance, sign)?;
        let ramp = g.add_scalar(ramp, offset)?;
        let ramp = g.clip(ramp, 0.0, 1.0)?;
        let coloured = g.mul(saturation, ramp)?;
        let sum = g.add(grey, coloured)?;
        colours.push(g.mul(sum, value)?);
    }
    g.concat(&colours, 3)
}

/// One grey channel of pictures `(N, H, W, C)` of one or three.
pub(crate) fn grey(g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
    if g.shape(x).dims()[3] == Dim::Fixed(1) {
        return Ok(x);
    }
    let weights = Array::from_fn([3], |i| [0.2989, 0.587, 0.114][i]);
    let weights = g.constant(weights)?;
    let weighted = g.mul(x, weights)?;
    g.sum(weighted, &[3], true)
}

/// 1 for each sample with the probability of a number drawn from `limits`.
pub(super) fn with_probability(
    cx: &mut LowerCx<'_>,
    x: ValueId,
    limits: [f64; 2],
) -> Result<ValueId, LayerError> {
    let probability = super::draw::uniform(cx, x, 4, limits)?;
    let threshold = super::draw::uniform(cx, x, 4, [0.0, 1.0])?;
    Ok(cx.graph.less(threshold, probability)?)
}

/// 1 for the cells along `axis` that lie in a window of each picture, `share` of its side, at a place
/// that is drawn.
pub(super) fn side(
    cx: &mut LowerCx<'_>,
    x: ValueId,
    axis: usize,
    share: ValueId,
) -> Result<ValueId, LayerError> {
    let place = super::draw::uniform(cx, x, 4, [0.0, 1.0])?;
    let g = &mut *cx.graph;
    let n = g.shape(x).dims()[axis].size(1);
    let length = g.mul_scalar(share, n as f64)?;
    let room = g.scalar_sub(n as f64, length)?;
    let start = g.mul(place, room)?;
    let end = g.add(start, length)?;
    let mut dims = [1; 4];
    dims[axis] = n;
    let cells = g.constant(Array::from_fn(dims, |i| i as f64))?;
    let after = g.greater_equal(cells, start)?;
    let before = g.less(cells, end)?;
    Ok(g.and(after, before)?)
}

/// A number for the whole batch, uniform from 0 to 1.
pub(super) fn one_for_all(cx: &mut LowerCx<'_>, n: usize) -> Result<ValueId, LayerError> {
    let stream = cx.random_stream();
    let shape = Shape::fixed([n]);
    Ok(cx.graph.random(cornu_graph::ops::Distribution::Uniform, stream, shape)?)
}

/// A layer with a factor, a value range, a data format and a seed, which changes colours.
macro_rules! colour_layer {
    (
        $(#[$doc:meta])*
        $layer:ident within $bounds:expr, channels $channels:expr $(, factor $default:expr)?
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $layer {
            /// How far; a number is the upper end, and the lower one its opposite within bounds.
            pub factor: $crate::layers::Factor,
            /// Lowest and highest value of a picture. Default: 0 to 255.
            pub value_range: [f64; 2],
            /// Where the channels are. Default: last.
            pub data_format: $crate::layers::DataFormat,
            /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
            pub seed: Option<u64>,
        }

        impl $layer {
            /// What the factor lies within.
            const BOUNDS: [f64; 2] = $bounds;

            /// As far as `factor` says, on values from 0 to 255.
            pub fn new(factor: impl Into<$crate::layers::Factor>) -> Self {
                Self {
                    factor: factor.into(),
                    value_range: [0.0, 255.0],
                    data_format: $crate::layers::DataFormat::ChannelsLast,
                    seed: None,
                }
            }

            /// Reads the layer's own keys.
            ///
            /// # Errors
            ///
            /// What is wrong with one of them.
            pub fn from_config(
                config: &mut $crate::ConfigReader,
            ) -> Result<Self, $crate::LayerError> {
                Ok(Self {
                    factor: super::change::read_factor(
                        config,
                        [$($default)?].first().copied(),
                        Self::BOUNDS,
                    )?,
                    value_range: super::change::read_value_range(config)?,
                    data_format: $crate::layers::DataFormat::read(config)?,
                    seed: config.seed()?,
                })
            }

            fn limits(&self) -> [f64; 2] {
                super::change::limits(self.factor, Self::BOUNDS)
            }
        }

        $crate::layers::setters::setters!($layer {
            value_range: [f64; 2],
            data_format: $crate::layers::DataFormat,
            seed: Option<u64>,
        });

        impl $crate::layers::Layer for $layer {
            fn class_name(&self) -> &'static str {
                stringify!($layer)
            }

            fn config(&self) -> serde_json::Map<String, serde_json::Value> {
                $crate::ConfigWriter::new()
                    .set("data_format", self.data_format.name())
                    .set("factor", serde_json::json!(self.limits()))
                    .set("value_range", serde_json::json!(self.value_range))
                    .set("seed", self.seed)
                    .finish()
            }

            fn output_shape(
                &self,
                inputs: &[$crate::SymbolicShape],
            ) -> Result<$crate::SymbolicShape, $crate::LayerError> {
                super::change::check("factor", self.factor, Self::BOUNDS)?;
                let allowed: &[usize] = &$channels;
                if allowed.is_empty() {
                    return Ok(self.data_format.picture::<2>(inputs)?.shape());
                }
                super::change::colour_shape(self.data_format, inputs, allowed)
            }

            fn lower(
                &self,
                cx: &mut $crate::layers::LowerCx<'_>,
                inputs: &[cornu_graph::ValueId],
            ) -> Result<cornu_graph::ValueId, $crate::LayerError> {
                super::change::lower(self, cx, inputs[0])
            }
        }
    };
}

pub(super) use colour_layer;
