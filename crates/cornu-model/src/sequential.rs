use crate::network::{Network, NetworkForm};
use crate::symbolic::{Input, KerasTensor, LayerHandle};
use crate::{Model, ModelError};

/// A chain of layers.
///
/// ```
/// use cornu_model::Sequential;
/// use cornu_nn::layers::{Dense, Dropout};
///
/// let model = Sequential::new([6]).add(Dense::new(8)).add(Dropout::new(0.5)).add(Dense::new(3)).build()?;
/// assert_eq!(model.name(), "sequential");
/// # Ok::<(), cornu_model::ModelError>(())
/// ```
///
/// # Source
///
/// Keras 3, `keras/src/models/sequential.py`. Not taken over: a chain without an input shape, which
/// Keras builds when it first sees data.
#[derive(Debug, Clone)]
pub struct Sequential {
    input: KerasTensor,
    layers: Vec<LayerHandle>,
    name: Option<String>,
}

impl Sequential {
    /// An empty chain for samples of shape `sample`, the batch axis not counted.
    pub fn new(sample: impl AsRef<[usize]>) -> Self {
        Self::from_input(Input::new(sample))
    }

    /// An empty chain that starts at `input`.
    pub fn from_input(input: KerasTensor) -> Self {
        Self { input, layers: Vec::new(), name: None }
    }

    /// The same chain with another layer at its end: a layer value, a named [`LayerHandle`], or a
    /// model's handle.
    #[allow(clippy::should_implement_trait, reason = "Keras's word")]
    pub fn add(mut self, layer: impl Into<LayerHandle>) -> Self {
        self.layers.push(layer.into());
        self
    }

    /// The same chain under a name.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The model.
    ///
    /// # Errors
    ///
    /// [`ModelError::Layer`] if a layer does not take what the one before it gives.
    pub fn build(self) -> Result<Model, ModelError> {
        Model::from_network(self.into_network()?)
    }

    pub(crate) fn into_network(self) -> Result<Network, ModelError> {
        let mut x = self.input.clone();
        for layer in &self.layers {
            x = layer.apply(&x)?;
        }
        let mut network = Network::new(&self.input.into(), &x.into(), NetworkForm::Sequential)?;
        network.name = self.name;
        Ok(network)
    }
}
