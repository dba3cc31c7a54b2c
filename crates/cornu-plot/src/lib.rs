//! Charts, diagrams and pictures: SVG for what is drawn, PNG for what is made of pixels.

mod colour_map;
mod error;
pub mod raster;

pub use colour_map::ColourMap;
pub use error::PlotError;
