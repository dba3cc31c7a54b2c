//! Layers of every model.

mod dense;
mod identity;
mod input_layer;

pub use dense::Dense;
pub use identity::Identity;
pub use input_layer::InputLayer;
