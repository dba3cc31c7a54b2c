//! Pictures of networks and of what they compute: as data, as SVG, as PNG.
//!
//! - [`chart`]: curves over epochs, ROC, calibration, confusion and more.
//! - [`plot_model`], [`model_to_dot`] and [`diagram`]: the network as boxes and arrows.
//!
//! What pictures are made of is in [`drawing`]; [`save_drawing`] writes one as a file.

mod diagram;
mod files;

pub use cornu_plot::{ColourMap, PlotError, chart, diagram::*, drawing, png, png_data_uri, raster};
pub use diagram::{diagram, model_to_dot, plot_model};
pub use files::{PlotFileError, save_drawing};
