//! Functional and Sequential models: compile, fit, evaluate, predict, callbacks, save and load.
//!
//! - Put a model together: [`Input`], [`LayerExt::apply`], [`Model::new`], [`Sequential`].
//! - Train it: [`Model::compile`], [`Model::fit`] (the training loop), [`callbacks`].
//! - Use it: [`Model::evaluate`], [`Model::predict`], [`Model::summary`].
//! - Keep it: [`Model::save`], [`Model::load`], [`Model::to_json`].

mod averages;
pub mod callbacks;
mod check;
mod compile;
mod config;
mod data;
mod error;
mod evaluate;
mod fit;
mod history;
mod load;
mod lower;
mod mixing;
mod model;
mod network;
mod operation;
mod plan;
mod safetensors;
mod save;
mod seeds;
mod sequential;
mod shuffle;
mod step;
mod stored;
mod structure;
mod summary;
mod symbolic;

pub use callbacks::Callback;
pub use compile::{Compile, LossSpec, MetricSpec, OptimizerSpec, PerOutput, metrics};
pub use data::{Batch, Batches, Dataset, Layout};
pub use error::ModelError;
pub use fit::Fit;
pub use history::{EpochSums, History, Logs};
pub use lower::Forward;
pub use model::Model;
pub use network::{NetworkForm, WeightInfo};
pub use operation::operation_classes;
pub use seeds::set_random_seed;
pub use sequential::Sequential;
pub use step::StepKind;
pub use structure::{LayerCall, Structure};
pub use summary::{SummaryOptions, SummaryStyle};
pub use symbolic::{CallOptions, Input, KerasTensor, LayerExt, LayerHandle, Tensors};
