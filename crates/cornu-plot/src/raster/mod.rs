//! Pictures made of pixels: to draw on, to lay maps over, to write as PNG.
//!
//! | step | where |
//! |---|---|
//! | an array of pixels, filled, pasted, resized | [`Raster`] |
//! | words on it | [`Raster::text`] |
//! | a map as colours, or laid over a picture | [`Raster::from_map`], [`overlay`] |
//! | what the colours stand for | [`colour_bar`] |
//! | many pictures with headings | [`ContactSheet`] |
//! | a PNG file with its text alternative | [`Raster::to_png`] |

mod colour_bar;
mod contact_sheet;
mod overlay;
mod picture;
mod png_file;
mod resize;
mod text;

pub use colour_bar::colour_bar;
pub use contact_sheet::ContactSheet;
pub use overlay::{Overlay, ValueRange, overlay};
pub use picture::Raster;
pub use resize::Sampling;
pub use text::{TextSize, fitted, text_width};
