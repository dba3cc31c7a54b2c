//! Pooling: one number for each window, or for each channel of a picture.

mod average_pooling2d;
mod global_average_pooling2d;
mod global_max_pooling2d;
mod max_pooling2d;

pub use average_pooling2d::AveragePooling2D;
pub use global_average_pooling2d::GlobalAveragePooling2D;
pub use global_max_pooling2d::GlobalMaxPooling2D;
pub use max_pooling2d::MaxPooling2D;

use super::DataFormat;
use crate::{LayerError, SymbolicShape};

/// `(samples, channels)`, or with heights and widths of 1.
fn global_shape(
    format: DataFormat,
    keepdims: bool,
    inputs: &[SymbolicShape],
) -> Result<SymbolicShape, LayerError> {
    let mut picture = format.picture(inputs)?;
    if keepdims {
        picture.spatial = [Some(1); 2];
        return Ok(picture.shape());
    }
    Ok(SymbolicShape::new([inputs[0].dims()[0], picture.channels]))
}
