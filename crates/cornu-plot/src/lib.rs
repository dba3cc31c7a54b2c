//! Charts, diagrams and pictures: SVG for what is drawn, PNG for what is made of pixels.
//!
//! - [`chart`]: curves, matrices and bars of results as SVG.
//! - [`drawing`]: shapes in a plane, as SVG or as pixels, light and dark.
//! - [`diagram`]: networks as boxes and arrows, also as DOT and Mermaid text.
//! - [`figure`]: kernels, feature maps, activation functions, a convolution at work, contact sheets.
//! - [`raster`]: pictures of pixels, as files and inside of a page.

pub mod chart;
mod colour_map;
pub mod diagram;
pub mod drawing;
mod error;
pub mod figure;
pub mod raster;
mod xml;

pub use colour_map::ColourMap;
pub use error::PlotError;
