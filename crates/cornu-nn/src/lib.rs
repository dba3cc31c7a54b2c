//! Everything that Keras names with a class: layers, activations, losses, metrics, optimizers,
//! schedules, initializers, regularizers, constraints.
//!
//! Each is one file with its configuration, rules and documentation. A layer only *describes* work: it
//! adds nodes to a `cornu_graph::Graph`; it never computes, and writes no backward pass.

pub mod config;
mod error;
pub mod layers;
pub mod losses;
pub mod metrics;
pub mod optimizers;
pub mod schedules;
mod shape;

pub use config::{ConfigReader, ConfigWriter};
pub use error::LayerError;
pub use layers::{Layer, LowerCx, WeightSpec};
pub use shape::SymbolicShape;
