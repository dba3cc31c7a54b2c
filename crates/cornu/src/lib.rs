//! Keras-compatible deep learning in Rust.
//!
//! The words are Keras's, the files are Keras's, and the arithmetic is compiled: a model becomes a
//! graph, the graph a plan, and the plan runs without further decisions.
//!
//! ```
//! use cornu::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let best = folder.path().join("best.keras");
//! # let file = folder.path().join("model.keras");
//! # let pictures = |n: usize| Tensor::from_fn([n, 16, 16, 1], |i| (i % 7) as f32 / 7.0);
//! # let labels = |n: usize| Tensor::from_fn([n, 1], |i| (i % 2) as f32);
//! # let train = Dataset::new(pictures(8), labels(8))?;
//! # let val = Dataset::new(pictures(4), labels(4))?;
//! # let test = Dataset::new(pictures(4), labels(4))?;
//! # let images = pictures(2);
//! cornu::set_random_seed(42);
//! let inputs = Input::new([16, 16, 1]);
//! let mut x = inputs.clone();
//! for (filters, kernel) in [(4, 3), (6, 5)] {
//!     x = Conv2D::new(filters, kernel)
//!         .padding(Padding::Same)
//!         .activation(Activation::Relu)
//!         .apply(&x)?;
//!     x = MaxPooling2D::new().apply(&x)?;
//! }
//! x = GlobalAveragePooling2D::new().apply(&x)?;
//! x = Dense::new(8).activation(Activation::Relu).apply(&x)?;
//! x = Dropout::new(0.6).apply(&x)?;
//! let outputs = Dense::new(1).activation(Activation::Sigmoid).apply(&x)?;
//! let mut model = Model::new(&inputs, &outputs)?;
//! println!("{}", model.summary()); // Keras's table
//!
//! model.compile(
//!     Adam::default(),
//!     BinaryCrossentropy::default(),
//!     [Metric::accuracy(), Metric::auc()],
//! )?;
//! let checkpoint = ModelCheckpoint::new(&best).monitor("val_loss");
//! let fit = Fit::epochs(2).batch_size(4).validation(&val).callback(checkpoint);
//! let history = model.fit(&train, fit)?;
//! let scores = model.evaluate(&test)?;
//! let p = model.predict(&images)?;
//! model.save(&file)?;
//! # assert_eq!(history.epochs.len(), 2);
//! # assert!(scores.contains_key("loss") && best.is_file() && file.is_file());
//! # assert_eq!(p.dims(), [2, 1]);
//! # Ok(())
//! # }
//! ```
//!
//! | floor | module |
//! |---|---|
//! | models: put together, train, evaluate, predict, save, load | [`model`] |
//! | layers, losses, metrics, optimizers, schedules, ... | [`nn`] |
//! | pictures, splits, the synthetic X-rays | [`data`] |
//! | ready-made networks | [`networks`] |
//! | why a network answers as it does | [`explain`] |
//! | Keras's files | [`formats`] |
//! | what predictions are worth: curves, areas, intervals | [`stats`] |
//! | charts, and pictures of networks and of what they compute | [`plot`] |
//! | helpers for labels and numbers | [`utils`] |
//! | arrays | [`tensor`] |
//! | the compiler and what it compiles | [`engine`], [`graph`] |
//! | what of Keras there is | [`catalogue`] |

pub use cornu_data as data;
pub use cornu_engine as engine;
pub use cornu_explain as explain;
pub use cornu_formats as formats;
pub use cornu_graph as graph;
pub use cornu_model as model;
pub use cornu_nn as nn;
pub use cornu_stats as stats;
pub use cornu_tensor as tensor;

pub mod catalogue;
mod metric;
pub mod networks;
pub mod plot;
pub mod prelude;
mod samples;
pub mod utils;

pub use cornu_model::set_random_seed;
pub use metric::Metric;
pub use samples::{Samples, Targets};

/// The program of docs/pictures.md compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/pictures.md")]
struct Pictures;
