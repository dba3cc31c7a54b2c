//! Pictures made of pixels: to lay maps over, to write as PNG.
//!
//! | step | where |
//! |---|---|
//! | an array of pixels, filled, pasted, resized | [`Raster`] |
//! | a map as colours, or laid over a picture | [`Raster::from_map`], [`overlay`] |
//! | a PNG file with its text alternative | [`Raster::to_png`] |
//!
//! Words, colour bars and sheets of many pictures are [drawings](crate::drawing).

mod file;
mod overlay;
mod picture;
mod resize;

pub use overlay::{Overlay, ValueRange, overlay};
pub use picture::Raster;
pub(crate) use picture::mixed;
pub use resize::Sampling;
