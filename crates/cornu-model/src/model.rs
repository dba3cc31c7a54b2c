use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;

use cornu_engine::{Options, Program, Variables};
use cornu_nn::SymbolicShape;
use cornu_tensor::Tensor;

use crate::ModelError;
use crate::compile::Compiled;
use crate::fit::Running;
use crate::network::{LayerValues, LayerWeights, Network, NetworkForm, WeightInfo};
use crate::seeds::{Purpose, derived, global_seed};
use crate::step::StepKey;
use crate::symbolic::{KerasTensor, LayerHandle, Tensors};

/// Layers, their weights, and what it takes to train them.
///
/// ```
/// use cornu_model::{Input, LayerExt, Model};
/// use cornu_nn::layers::Dense;
///
/// let inputs = Input::new([4]);
/// let hidden = Dense::new(8).apply(&inputs)?;
/// let outputs = Dense::new(1).apply(&hidden)?;
/// let model = Model::new(&inputs, &outputs)?;
/// assert_eq!(model.count_params(), 49);
/// # Ok::<(), cornu_model::ModelError>(())
/// ```
///
/// Layers without a name are named after their class, numbered in the order in which they were
/// made (`dense`, `dense_1`). Numbers start anew in each model, so the same code always makes the
/// same names.
///
/// A model owns its weights: two models made of the same layers start alike but train apart. To
/// train parts of a model inside of another one, use it as a layer ([`Model::apply`]).
#[derive(Debug)]
pub struct Model {
    pub(crate) network: Arc<Network>,
    pub(crate) weights: Vec<WeightInfo>,
    pub(crate) layer_weights: Vec<LayerWeights>,
    /// The weights in the order of `weights`, then the optimizer's variables.
    pub(crate) variables: Variables,
    pub(crate) seed: u64,
    pub(crate) options: Options,
    pub(crate) compiled: Option<Compiled>,
    /// Compiled programs by what they do and the shapes they were made for.
    pub(crate) programs: BTreeMap<StepKey, Program>,
    /// Sums of `train_on_batch` and `test_on_batch` since the last reset.
    pub(crate) running: Option<Running>,
    /// What [`Model::load`] could not use of its file.
    pub(crate) load_notes: Vec<String>,
}

/// Most weights of a model: 8 GiB of them. A configuration may ask for any number.
const MAX_PARAMS: f64 = (1u64 << 31) as f64;

/// Refuses what no memory could hold, before any of it is asked for.
fn check_size(weights: &[WeightInfo]) -> Result<(), ModelError> {
    // In floating point, as the product may be larger than any whole number.
    let size =
        |weight: &WeightInfo| weight.spec.dims.iter().map(|&dim| dim as f64).product::<f64>();
    let total: f64 = weights.iter().map(size).sum();
    let largest = weights.iter().max_by(|a, b| size(a).total_cmp(&size(b)));
    match largest {
        Some(largest) if MAX_PARAMS < total => Err(ModelError::Structure(format!(
            "{total:.3e} parameters are more than the {MAX_PARAMS:.3e} that a model may have; the \
             largest weight is `{}` of shape {:?}",
            largest.path, largest.spec.dims
        ))),
        _ => Ok(()),
    }
}

impl Model {
    /// A functional model: everything between `inputs` and `outputs`, one or several each.
    ///
    /// # Errors
    ///
    /// [`ModelError::Structure`] if an output depends on an input that is not given, or two layers
    /// have one name.
    pub fn new(
        inputs: impl Into<Tensors>,
        outputs: impl Into<Tensors>,
    ) -> Result<Self, ModelError> {
        let network = Network::new(&inputs.into(), &outputs.into(), NetworkForm::Functional)?;
        Self::from_network(network)
    }

    pub(crate) fn from_network(network: Network) -> Result<Self, ModelError> {
        let (weights, layer_weights) = network.weights()?;
        check_size(&weights)?;
        let mut model = Self {
            network: Arc::new(network),
            weights,
            layer_weights,
            variables: Variables::new(),
            seed: global_seed(),
            options: Options::from_environment()?,
            compiled: None,
            programs: BTreeMap::new(),
            running: None,
            load_notes: Vec::new(),
        };
        model.draw_weights();
        Ok(model)
    }

    /// The same model under a name.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.network).name = Some(name.into());
        self
    }

    /// The same model with a seed of its own: its weights are drawn anew (but for those that a
    /// model used as a layer brought), and the order of samples and dropout follow from it.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self.draw_weights();
        if let Some(compiled) = &mut self.compiled {
            compiled.state = None;
            compiled.iteration = 0;
        }
        self
    }

    /// Changes the seed of the order of samples and of dropout; weights stay as they are. A loaded
    /// model has the global seed: files hold none.
    pub fn set_seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// Weights as their initializers draw them, each with a seed from its position.
    fn draw_weights(&mut self) {
        let mut variables = Variables::new();
        for layer in &self.layer_weights {
            for position in 0..layer.n {
                let index = layer.first + position;
                let spec = &self.weights[index].spec;
                variables.push(match &layer.brought {
                    Some(values) => values[position].clone(),
                    None => {
                        let seed = derived(self.seed, Purpose::Weight, index as u64);
                        spec.values(seed)
                    }
                });
            }
        }
        self.variables = variables;
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.network.display_name()
    }

    /// Functional or Sequential.
    pub fn form(&self) -> NetworkForm {
        self.network.form
    }

    /// Shapes of the inputs, the batch axis first.
    pub fn input_shapes(&self) -> Vec<SymbolicShape> {
        self.network.input_shapes()
    }

    /// Shapes of the outputs, the batch axis first.
    pub fn output_shapes(&self) -> Vec<SymbolicShape> {
        self.network.output_shapes()
    }

    /// Names of the input layers.
    pub fn input_names(&self) -> Vec<&str> {
        self.network.input_names()
    }

    /// Names of the layers that make the outputs.
    pub fn output_names(&self) -> Vec<&str> {
        self.network.output_names()
    }

    /// Names and class names of the layers, in Keras's order.
    pub fn layers(&self) -> Vec<(&str, &'static str)> {
        let listed = self.network.listed_layers();
        listed.map(|(_, layer)| (layer.name.as_str(), layer.kind.class_name())).collect()
    }

    /// What is known of each weight, in Keras's order.
    pub fn weight_infos(&self) -> &[WeightInfo] {
        &self.weights
    }

    /// Number of weight values.
    pub fn count_params(&self) -> usize {
        self.weights.iter().map(WeightInfo::len).sum()
    }

    /// Values of all weights, in Keras's order.
    pub fn get_weights(&self) -> Vec<Tensor> {
        (0..self.weights.len()).map(|i| self.variables.get(i).clone()).collect()
    }

    /// Replaces the values of all weights.
    ///
    /// # Errors
    ///
    /// [`ModelError::WeightShape`] if a shape differs, [`ModelError::Data`] if their number does.
    /// The weights are unchanged then.
    pub fn set_weights<T: Borrow<Tensor>>(&mut self, values: &[T]) -> Result<(), ModelError> {
        if values.len() != self.weights.len() {
            let (expected, got) = (self.weights.len(), values.len());
            return Err(ModelError::data(
                "weights",
                format!("{expected} tensors"),
                format!("{got}"),
            ));
        }
        for (weight, value) in self.weights.iter().zip(values) {
            check_shape(weight, value.borrow())?;
        }
        for (index, value) in values.iter().enumerate() {
            self.variables.set(index, value.borrow().clone());
        }
        Ok(())
    }

    /// Freezes or thaws a layer: `conv2d`, or `base/conv2d` inside of a model used as a layer, which
    /// is frozen as a whole by its own name. The model must be compiled again.
    ///
    /// # Errors
    ///
    /// [`ModelError::Structure`] if there is no such layer.
    pub fn set_trainable(&mut self, layer: &str, trainable: bool) -> Result<(), ModelError> {
        if !Arc::make_mut(&mut self.network).set_trainable(layer, trainable) {
            let names: Vec<&str> = self.layers().into_iter().map(|(name, _)| name).collect();
            return Err(ModelError::Structure(format!(
                "there is no layer `{layer}`; there are {}",
                names.join(", ")
            )));
        }
        (self.weights, self.layer_weights) = self.network.weights()?;
        self.compiled = None;
        self.programs.clear();
        Ok(())
    }

    /// How programs are compiled and run: runtime, threads, instruction set. Programs compiled
    /// before are dropped.
    pub fn set_options(&mut self, options: Options) {
        self.options = options;
        self.programs.clear();
    }

    /// The model as a layer that brings its weights as they are now. Applying handles of one model
    /// shares one set of weights.
    pub fn handle(&self) -> LayerHandle {
        let values: LayerValues = self
            .layer_weights
            .iter()
            .map(|layer| {
                let values =
                    (layer.first..layer.first + layer.n).map(|i| self.variables.get(i).clone());
                (layer.layer, values.collect())
            })
            .collect();
        LayerHandle::of_network(self.network.clone(), values)
    }

    /// Applies the model as a layer.
    ///
    /// # Errors
    ///
    /// [`ModelError::Structure`] if the input has another shape than the model's.
    pub fn apply(&self, input: &KerasTensor) -> Result<KerasTensor, ModelError> {
        self.handle().apply(input)
    }
}

pub(crate) fn check_shape(weight: &WeightInfo, value: &Tensor) -> Result<(), ModelError> {
    if weight.spec.dims == value.dims() {
        return Ok(());
    }
    Err(ModelError::WeightShape {
        weight: weight.path.clone(),
        expected: weight.spec.dims.clone(),
        got: value.dims().to_vec(),
    })
}
