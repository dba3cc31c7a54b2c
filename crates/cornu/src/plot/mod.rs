//! Pictures of networks and of what they compute: as data, as SVG, as PNG, as GIF.
//!
//! | picture | data | drawn by |
//! |---|---|---|
//! | the network as boxes and arrows | [`diagram`](fn@diagram) | [`plot_model`], [`model_to_dot`], [`Diagram::draw`] |
//! | learnt kernels | [`kernels`] | [`figure::filters`] |
//! | feature maps of every layer | [`feature_maps`] | [`figure::features`] |
//! | activation functions, derivatives, saturation | [`activation_curves`] | [`figure::activations`] |
//! | a kernel sliding over a picture | [`sliding_kernel`] | [`figure::convolution`] |
//! | where an answer comes from | [`explain::Explainer`](crate::explain::Explainer) | [`explanation`], [`comparison`] |
//! | whether that can be believed | [`Explainer::sanity_check`](crate::explain::Explainer::sanity_check) | [`sanity`](fn@sanity) |
//!
//! Curves over epochs, ROC, calibration, confusion and more are in [`chart`].
//! What pictures are made of is in [`drawing`]; [`save_drawing`] and [`save_animation`] write files.
//!
//! ```
//! use cornu::plot::{self, drawing::Theme};
//!
//! let model = cornu::networks::lesson_cnn()?;
//! let kernels = plot::kernels(&model, "conv2d")?;
//! let picture = plot::figure::filters(&kernels).to_svg(Theme::Auto);
//! assert!(picture.contains("What conv2d looks for"));
//! # Ok::<(), cornu::model::ModelError>(())
//! ```

mod diagram;
mod explanations;
mod figures;
mod files;

pub use cornu_plot::{ColourMap, PlotError, chart, diagram::*, drawing, figure, raster};
pub use diagram::{diagram, model_to_dot, plot_model};
pub use explanations::{
    Explained, comparison, explanation, laid_over, map_in_words, sanity, sanity_in_words, style_of,
};
pub use figures::{activation_curves, feature_maps, kernels, sliding_kernel};
pub use files::{PlotFileError, save_animation, save_drawing};
