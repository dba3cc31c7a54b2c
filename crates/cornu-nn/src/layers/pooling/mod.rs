//! Pooling: one number for each window, or for each channel of a picture. One implementation of
//! each for one to three spatial axes.

mod adaptive_average_pooling;
mod adaptive_max_pooling;
mod average_pooling;
mod global_average_pooling;
mod global_max_pooling;
mod max_pooling;

pub use adaptive_average_pooling::{
    AdaptiveAveragePooling, AdaptiveAveragePooling1D, AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
};
pub use adaptive_max_pooling::{
    AdaptiveMaxPooling, AdaptiveMaxPooling1D, AdaptiveMaxPooling2D, AdaptiveMaxPooling3D,
};
pub use average_pooling::{AveragePooling, AveragePooling1D, AveragePooling2D, AveragePooling3D};
pub use global_average_pooling::{
    GlobalAveragePooling, GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D,
};
pub use global_max_pooling::{
    GlobalMaxPooling, GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D,
};
pub use max_pooling::{MaxPooling, MaxPooling1D, MaxPooling2D, MaxPooling3D};

use super::DataFormat;
use super::image::Picture;
use crate::{ConfigReader, LayerError, SymbolicShape};

/// Reads `strides`, which are the windows' size if null or missing.
fn read_strides<const RANK: usize>(
    config: &mut ConfigReader,
) -> Result<Option<[usize; RANK]>, LayerError> {
    match config.present("strides") {
        None => Ok(None),
        Some(_) => config.sizes("strides").map(Some),
    }
}

/// `(samples, channels)`, or with spatial sizes of 1.
fn global_shape<const RANK: usize>(
    format: DataFormat,
    keepdims: bool,
    inputs: &[SymbolicShape],
) -> Result<SymbolicShape, LayerError> {
    let mut picture: Picture<RANK> = format.picture(inputs)?;
    if keepdims {
        picture.spatial = [Some(1); RANK];
        return Ok(picture.shape());
    }
    Ok(SymbolicShape::new([inputs[0].dims()[0], picture.channels]))
}

/// The shape of pictures pooled to `output_size` cells.
fn adaptive_shape<const RANK: usize>(
    format: DataFormat,
    output_size: [usize; RANK],
    inputs: &[SymbolicShape],
) -> Result<SymbolicShape, LayerError> {
    if output_size.contains(&0) {
        let got = format!("{output_size:?}");
        return Err(LayerError::config("output_size", "at least 1 on each axis", got));
    }
    let mut picture: Picture<RANK> = format.picture(inputs)?;
    if picture.spatial.contains(&Some(0)) {
        return Err(LayerError::input_shape("pictures of at least one cell", inputs));
    }
    picture.spatial = output_size.map(Some);
    Ok(picture.shape())
}

/// Where window `i` of `m` over an axis of `n` cells begins and ends: from `floor(i n / m)` to before
/// `ceil((i + 1) n / m)`.
fn adaptive_window(i: usize, n: usize, m: usize) -> (usize, usize) {
    (i * n / m, ((i + 1) * n).div_ceil(m))
}
