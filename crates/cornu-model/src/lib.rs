//! Functional and Sequential models: compile, fit, evaluate, predict, callbacks, save and load.

mod config;
mod error;
mod lower;
mod model;
mod network;
mod seeds;
mod sequential;
mod summary;
mod symbolic;

pub use error::ModelError;
pub use model::Model;
pub use network::{NetworkForm, WeightInfo};
pub use seeds::set_random_seed;
pub use sequential::Sequential;
pub use summary::SummaryOptions;
pub use symbolic::{Input, KerasTensor, LayerExt, LayerHandle, Tensors};
