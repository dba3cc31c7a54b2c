//! Everything that Keras names with a class: layers, activations, losses, metrics, optimizers,
//! schedules, initializers, regularizers, constraints.
//!
//! Each is one file with its configuration, rules and documentation. A layer only *describes* work: it
//! adds nodes to a `cornu_graph::Graph`; it never computes, and writes no backward pass.

pub mod activations;
pub mod config;
pub mod constraints;
mod error;
pub mod initializers;
pub mod layers;
pub mod losses;
pub mod metrics;
pub mod ops;
pub mod optimizers;
pub mod refusals;
pub mod regularizers;
pub mod schedules;
mod shape;

pub use activations::Activation;
pub use config::{ConfigReader, ConfigWriter};
pub use constraints::Constraint;
pub use error::LayerError;
pub use initializers::Initializer;
pub use layers::{Layer, LowerCx, WeightSpec, layer_from_config};
pub use regularizers::Regularizer;
pub use shape::SymbolicShape;
