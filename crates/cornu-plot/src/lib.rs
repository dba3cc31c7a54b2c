//! Charts, diagrams and pictures: SVG for what is drawn, PNG for what is made of pixels.
//!
//! - [`chart`]: curves, matrices and bars of results as SVG.
//! - [`drawing`]: shapes in a plane, as SVG or as pixels, light and dark.
//! - [`diagram`]: networks as boxes and arrows, also as DOT and Mermaid text.
//! - [`figure`]: kernels, feature maps, activation functions, a convolution at work.
//! - [`raster`]: pictures of pixels, [`png`]: as files, [`png_data_uri`]: inside of a page.

pub mod chart;
mod colour_map;
pub mod diagram;
pub mod drawing;
mod embed;
mod error;
pub mod figure;
pub mod png;
pub mod raster;

pub use colour_map::ColourMap;
pub use embed::png_data_uri;
pub use error::PlotError;
