//! Layers that only act in training: noise, and penalties on what passes.

mod activity_regularization;
mod alpha_dropout;
mod dropout;
mod gaussian_dropout;
mod gaussian_noise;
mod spatial_dropout;

pub use activity_regularization::ActivityRegularization;
pub use alpha_dropout::AlphaDropout;
pub use dropout::Dropout;
pub use gaussian_dropout::GaussianDropout;
pub use gaussian_noise::GaussianNoise;
pub use spatial_dropout::{SpatialDropout, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D};

use cornu_graph::ValueId;
use cornu_graph::ops::Distribution;
use cornu_tensor::Shape;

use super::LowerCx;
use crate::LayerError;

/// A share of elements, `0 ... 1`.
pub(super) fn check_rate(key: &str, rate: f64) -> Result<(), LayerError> {
    if (0.0..=1.0).contains(&rate) {
        Ok(())
    } else {
        Err(LayerError::config(key, "a number from 0 to 1", rate))
    }
}

/// `x` with a share `rate` of `mask_shape`'s elements zeroed and the rest divided by `1 - rate`.
pub(super) fn drop(
    cx: &mut LowerCx<'_>,
    x: ValueId,
    rate: f64,
    mask_shape: Shape,
) -> Result<ValueId, LayerError> {
    if !cx.training || rate == 0.0 {
        return Ok(x);
    }
    let factors = dropout_factors(cx, rate, mask_shape)?;
    Ok(cx.graph.mul(x, factors)?)
}

/// 0 for a share `rate` of the elements, `1 / (1 - rate)` for the rest.
pub(super) fn dropout_factors(
    cx: &mut LowerCx<'_>,
    rate: f64,
    shape: Shape,
) -> Result<ValueId, LayerError> {
    let keep = 1.0 - rate;
    let stream = cx.random_stream();
    let g = &mut *cx.graph;
    let uniform = g.random(Distribution::Uniform, stream, shape)?;
    let limit = g.scalar(keep)?;
    let is_kept = g.less(uniform, limit)?;
    // With a rate of 1 nothing is kept, and the scale is never used.
    let scale = g.scalar(if keep == 0.0 { 0.0 } else { 1.0 / keep })?;
    let zero = g.scalar(0.0)?;
    Ok(g.select(is_kept, scale, zero)?)
}
