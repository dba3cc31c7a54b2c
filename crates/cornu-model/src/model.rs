use std::sync::Arc;

use cornu_engine::Variables;
use cornu_tensor::Tensor;

use crate::ModelError;
use crate::network::{LayerWeights, Network, NetworkForm, WeightInfo};
use crate::symbolic::{KerasTensor, LayerHandle, Tensors};

/// Layers, their weights, and what it takes to train them.
#[derive(Debug)]
pub struct Model {
    pub(crate) network: Arc<Network>,
    pub(crate) weights: Vec<WeightInfo>,
    pub(crate) layer_weights: Vec<LayerWeights>,
    /// The weights in the order of `weights`, then the optimizer's variables.
    pub(crate) variables: Variables,
}
