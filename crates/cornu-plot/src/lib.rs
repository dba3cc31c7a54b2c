//! Charts, diagrams and pictures: SVG for what is drawn, PNG for what is made of pixels.
//!
//! - [`chart`]: curves, matrices and bars as SVG.
//! - [`drawing`]: shapes in a plane, as SVG or as pixels, light and dark.
//! - [`diagram`]: networks as boxes and arrows, also as DOT and Mermaid text.
//! - [`png`]: pixels as files; [`png_data_uri`]: pictures inside of a page.

pub mod chart;
pub mod diagram;
pub mod drawing;
mod embed;
pub mod png;

pub use embed::png_data_uri;
