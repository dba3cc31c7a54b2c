//! Functional and Sequential models: compile, fit, evaluate, predict, callbacks, save and load.

mod error;
mod model;
mod network;
mod summary;
mod symbolic;

pub use error::ModelError;
pub use model::Model;
pub use network::{NetworkForm, WeightInfo};
pub use summary::SummaryOptions;
pub use symbolic::{Input, KerasTensor, LayerExt, LayerHandle, Tensors};
