//! Charts, diagrams and pictures: SVG for what is drawn, PNG for what is made of pixels.
//!
//! - [`chart`]: curves, matrices and bars as SVG.
//! - [`png_data_uri`]: pictures inside of a page.

pub mod chart;
mod embed;

pub use embed::png_data_uri;
