//! Layers of every model.

mod dense;
mod einsum_dense;
mod embedding;
mod identity;
mod input_layer;
mod layer_scale;
mod masking;
mod reversible_embedding;

pub use dense::Dense;
pub use einsum_dense::EinsumDense;
pub use embedding::Embedding;
pub use identity::Identity;
pub use input_layer::InputLayer;
pub use layer_scale::LayerScale;
pub use masking::Masking;
pub use reversible_embedding::ReversibleEmbedding;
