//! Layers that bring their input to mean 0 and variance 1.

mod batch_normalization;
mod group_normalization;
mod layer_normalization;
mod rms_normalization;
mod spectral_normalization;
mod unit_normalization;

pub use batch_normalization::{BatchNormalization, RenormClipping};
pub use group_normalization::GroupNormalization;
pub use layer_normalization::LayerNormalization;
pub use rms_normalization::RMSNormalization;
pub use spectral_normalization::SpectralNormalization;
pub use unit_normalization::UnitNormalization;

use cornu_graph::{Graph, GraphError, ValueId};

/// `(x - mean) / sqrt(variance + epsilon) * gamma + beta`; all broadcast to `x`.
fn normalize(
    g: &mut Graph,
    x: ValueId,
    [mean, variance]: [ValueId; 2],
    epsilon: f64,
    gamma: Option<ValueId>,
    beta: Option<ValueId>,
) -> Result<ValueId, GraphError> {
    let raised = g.add_scalar(variance, epsilon)?;
    let mut factor = g.rsqrt(raised)?;
    if let Some(gamma) = gamma {
        factor = g.mul(factor, gamma)?;
    }
    let centred = g.sub(x, mean)?;
    let y = g.mul(centred, factor)?;
    beta.map_or(Ok(y), |beta| g.add(y, beta))
}
