use std::borrow::Borrow;
use std::sync::Arc;

use cornu_graph::check_size;
use cornu_nn::{Layer, LayerError, SymbolicShape};
use serde_json::{Map, Value};

use super::keras_tensor::{ArgumentForm, Call, KerasTensor, Keyword};
use super::{CallOptions, next_id};
use crate::ModelError;
use crate::network::{LayerValues, Network, provisional_name};
use crate::operation::Operation;

/// A layer as a part of a model: the same handle applied twice is one layer with one set of
/// weights.
///
/// ```
/// use cornu_model::{Input, LayerExt, Model};
/// use cornu_nn::layers::Dense;
///
/// let (a, b) = (Input::new([4]), Input::new([4]));
/// let tower = Dense::new(3).named("tower");
/// let model = Model::new([&a, &b], [tower.apply(&a)?, tower.apply(&b)?])?;
/// assert_eq!(model.count_params(), 15);
/// # Ok::<(), cornu_model::ModelError>(())
/// ```
#[derive(Debug, Clone)]
pub struct LayerHandle(Arc<Described>);

#[derive(Debug, Clone)]
struct Described {
    id: u64,
    name: Option<String>,
    trainable: bool,
    kind: LayerKind,
}

/// What a layer of a model is.
#[derive(Debug, Clone)]
pub(crate) enum LayerKind {
    /// An input of the model.
    Input(SymbolicShape),
    /// A layer of `cornu-nn`.
    Layer(Arc<dyn Layer>),
    /// A function of `keras.ops`, which Keras does not count among the layers.
    Operation(Arc<Operation>),
    /// A model used as a layer, with the weights it brings.
    Network { network: Arc<Network>, values: Arc<LayerValues> },
}

impl LayerHandle {
    /// A layer to be applied, perhaps more than once.
    pub fn new(layer: impl Layer + 'static) -> Self {
        Self::from_kind(LayerKind::Layer(Arc::new(layer)), None, true)
    }

    pub(crate) fn from_kind(kind: LayerKind, name: Option<String>, trainable: bool) -> Self {
        Self(Arc::new(Described { id: next_id(), name, trainable, kind }))
    }

    pub(crate) fn of_network(network: Arc<Network>, values: LayerValues) -> Self {
        let (id, name, trainable) = (network.id, network.name.clone(), network.trainable);
        let kind = LayerKind::Network { network, values: Arc::new(values) };
        Self(Arc::new(Described { id, name, trainable, kind }))
    }

    /// The same layer under a name; without one it is named after its class.
    pub fn named(self, name: impl Into<String>) -> Self {
        Self(Arc::new(Described { name: Some(name.into()), ..Arc::unwrap_or_clone(self.0) }))
    }

    /// The same layer, its weights kept as they are in training if `trainable` is false. The
    /// layers of a model that is used as a layer are frozen with it.
    pub fn trainable(self, trainable: bool) -> Self {
        Self(Arc::new(Described { trainable, ..Arc::unwrap_or_clone(self.0) }))
    }

    /// Applies the layer to one tensor.
    ///
    /// # Errors
    ///
    /// [`ModelError::Layer`] if the layer does not take such an input; likewise for all the
    /// methods below.
    pub fn apply(&self, input: &KerasTensor) -> Result<KerasTensor, ModelError> {
        self.call(&[input], ArgumentForm::Separate, None, &[]).map(first)
    }

    /// Applies the layer to several tensors that it takes as one list, such as `Add` and
    /// `Concatenate`.
    #[allow(clippy::missing_errors_doc, reason = "see `apply`")]
    pub fn apply_list<T: Borrow<KerasTensor>>(
        &self,
        inputs: &[T],
    ) -> Result<KerasTensor, ModelError> {
        self.call(inputs, ArgumentForm::List, None, &[]).map(first)
    }

    /// Applies the layer to several tensors that it takes as separate arguments, such as query,
    /// value and key of attention.
    #[allow(clippy::missing_errors_doc, reason = "see `apply`")]
    pub fn apply_to<T: Borrow<KerasTensor>>(
        &self,
        inputs: &[T],
    ) -> Result<KerasTensor, ModelError> {
        self.call(inputs, ArgumentForm::Separate, None, &[]).map(first)
    }

    /// Applies a `ReversibleEmbedding` the other way round, from vectors to scores: Keras's call
    /// argument `reverse=True`.
    #[allow(clippy::missing_errors_doc, reason = "see `apply`")]
    pub fn apply_reverse(&self, input: &KerasTensor) -> Result<KerasTensor, ModelError> {
        if self.kind().class_name() != "ReversibleEmbedding" {
            let source = cornu_nn::LayerError::Unsupported {
                setting: format!("reverse=true for a {}", self.kind().class_name()),
                hint: "only a ReversibleEmbedding has a way back".to_owned(),
            };
            return Err(ModelError::layer(
                provisional_name(self, std::slice::from_ref(input)),
                source,
            ));
        }
        let arguments = Map::from_iter([("reverse".to_owned(), Value::Bool(true))]);
        self.call(&[input], ArgumentForm::Separate, Some(arguments), &[]).map(first)
    }

    /// Applies the layer to one or several tensors and gives all its outputs.
    #[allow(clippy::missing_errors_doc, reason = "see `apply`")]
    pub fn apply_all<T: Borrow<KerasTensor>>(
        &self,
        inputs: &[T],
    ) -> Result<Vec<KerasTensor>, ModelError> {
        self.call(inputs, self.form(inputs.len()), None, &[])
    }

    /// As [`LayerHandle::apply_all`], with more than inputs.
    #[allow(clippy::missing_errors_doc, reason = "see `apply`")]
    pub fn apply_with<T: Borrow<KerasTensor>>(
        &self,
        inputs: &[T],
        options: &CallOptions,
    ) -> Result<Vec<KerasTensor>, ModelError> {
        let of_query = |(keyword, _): &(Keyword, KerasTensor)| *keyword == Keyword::Mask(0);
        if self.kind().class_name() == FORGETS_QUERY_MASK && options.tensors().iter().any(of_query)
        {
            let source = LayerError::Unsupported {
                setting: "query_mask".to_owned(),
                hint: "Keras forgets it; put what it says into the attention_mask".to_owned(),
            };
            let inputs: Vec<KerasTensor> = inputs.iter().map(|x| x.borrow().clone()).collect();
            return Err(ModelError::layer(provisional_name(self, &inputs), source));
        }
        let switches = options.switches().map(|key| (key.to_owned(), Value::Bool(true)));
        self.call(inputs, self.form(inputs.len()), Some(switches.collect()), options.tensors())
    }

    fn form(&self, n_inputs: usize) -> ArgumentForm {
        if 1 < n_inputs && self.takes_list() { ArgumentForm::List } else { ArgumentForm::Separate }
    }

    /// Applies the layer with keyword arguments as a file gives them, those that are tensors apart.
    pub(crate) fn call<T: Borrow<KerasTensor>>(
        &self,
        inputs: &[T],
        form: ArgumentForm,
        kwargs: Option<Map<String, Value>>,
        tensors: &[(Keyword, KerasTensor)],
    ) -> Result<Vec<KerasTensor>, ModelError> {
        let mut inputs: Vec<KerasTensor> =
            inputs.iter().map(|input| input.borrow().clone()).collect();
        let shapes: Vec<SymbolicShape> = inputs.iter().map(|input| input.shape().clone()).collect();
        let is_on = |key: &str| kwargs.as_ref().is_some_and(|k| k.get(key) == Some(&true.into()));
        let checked = || {
            check_sizes("input", &shapes)?;
            self.check_call(inputs.len(), is_on("use_causal_mask"), tensors)?;
            let mut outputs = self.output_shapes(&shapes, kwargs.as_ref())?;
            if is_on("return_attention_scores") {
                outputs.push(self.scores_shape(&shapes)?);
            }
            check_sizes("output", &outputs)?;
            Ok(outputs)
        };
        let output_shapes = checked().map_err(|error| match error {
            Refusal::Layer(source) => ModelError::layer(provisional_name(self, &inputs), source),
            Refusal::Network(problem) => ModelError::Structure(format!(
                "`{}` used as a layer: {problem}",
                provisional_name(self, &inputs)
            )),
        })?;
        let n_outputs = output_shapes.len();
        inputs.extend(tensors.iter().map(|(_, tensor)| tensor.clone()));
        let call = Arc::new(Call {
            id: next_id(),
            layer: self.clone(),
            inputs,
            keywords: tensors.iter().map(|(keyword, _)| *keyword).collect(),
            form,
            kwargs,
            output_shapes,
        });
        Ok((0..n_outputs).map(|output| KerasTensor { call: call.clone(), output }).collect())
    }

    /// Whether the layer takes such keyword arguments.
    fn check_call(
        &self,
        n_inputs: usize,
        is_causal: bool,
        tensors: &[(Keyword, KerasTensor)],
    ) -> Result<(), Refusal> {
        let class_name = self.kind().class_name();
        let refuse = |setting: String, hint: &str| {
            Err(Refusal::Layer(LayerError::Unsupported { setting, hint: hint.to_owned() }))
        };
        if is_causal && !class_name.ends_with("Attention") {
            return refuse("use_causal_mask".to_owned(), "only attention layers take it");
        }
        for (keyword, _) in tensors {
            match *keyword {
                Keyword::AttentionMask if !TAKES_ATTENTION_MASK.contains(&class_name) => {
                    let hint = "MultiHeadAttention and GroupQueryAttention take it";
                    return refuse("attention_mask".to_owned(), hint);
                }
                Keyword::CountWeights if class_name != "CategoryEncoding" => {
                    return refuse("count_weights".to_owned(), "CategoryEncoding takes it");
                }
                Keyword::Mask(input) if n_inputs <= input => {
                    let hint = format!("the call has {n_inputs} inputs");
                    return refuse(format!("a mask of input {input}"), &hint);
                }
                Keyword::Mask(_) if !matches!(self.kind(), LayerKind::Layer(_)) => {
                    return refuse("mask".to_owned(), "give it to the layers of the inner model");
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn scores_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, Refusal> {
        let shape = match self.kind() {
            LayerKind::Layer(layer) => layer.scores_shape(inputs),
            _ => None,
        };
        shape.ok_or_else(|| {
            Refusal::Layer(LayerError::Unsupported {
                setting: "return_attention_scores".to_owned(),
                hint: "only attention layers have scores".to_owned(),
            })
        })
    }

    fn output_shapes(
        &self,
        inputs: &[SymbolicShape],
        kwargs: Option<&Map<String, Value>>,
    ) -> Result<Vec<SymbolicShape>, Refusal> {
        match &self.0.kind {
            LayerKind::Input(shape) => Ok(vec![shape.clone()]),
            LayerKind::Layer(layer) => {
                // Weights that cannot be made are an error here, where the layer is applied.
                layer.weights(inputs).map_err(Refusal::Layer)?;
                let called = kwargs.and_then(|kwargs| layer.called_with(kwargs));
                called.as_ref().unwrap_or(layer).output_shapes(inputs).map_err(Refusal::Layer)
            }
            LayerKind::Operation(operation) => {
                Ok(vec![operation.output_shape(inputs).map_err(Refusal::Layer)?])
            }
            LayerKind::Network { network, .. } => {
                let expected = network.input_shapes();
                if expected != inputs {
                    let text = |shapes: &[SymbolicShape]| {
                        shapes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
                    };
                    return Err(Refusal::Network(format!(
                        "input: expected shape {}, got {}",
                        text(&expected),
                        text(inputs)
                    )));
                }
                Ok(network.output_shapes())
            }
        }
    }

    fn takes_list(&self) -> bool {
        match &self.0.kind {
            LayerKind::Layer(layer) => layer.takes_list(),
            LayerKind::Network { network, .. } => 1 < network.inputs.len(),
            LayerKind::Input(_) | LayerKind::Operation(_) => false,
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.0.id
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    pub(crate) fn is_trainable(&self) -> bool {
        self.0.trainable
    }

    pub(crate) fn kind(&self) -> &LayerKind {
        &self.0.kind
    }
}

/// The layer that puts the mask which came with the query in the place of the argument `query_mask`.
pub(crate) const FORGETS_QUERY_MASK: &str = "MultiHeadAttention";

/// Layers whose `call` has an argument `attention_mask`.
pub(crate) const TAKES_ATTENTION_MASK: &[&str] = &["MultiHeadAttention", "GroupQueryAttention"];

enum Refusal {
    Layer(LayerError),
    Network(String),
}

/// Sizes that can be counted with, before a layer multiplies them.
fn check_sizes(what: &'static str, shapes: &[SymbolicShape]) -> Result<(), Refusal> {
    shapes
        .iter()
        .filter_map(SymbolicShape::to_graph)
        .try_for_each(|shape| check_size(what, &shape))
        .map_err(|error| Refusal::Layer(error.into()))
}

/// The first output; a layer has at least one.
fn first(mut outputs: Vec<KerasTensor>) -> KerasTensor {
    outputs.swap_remove(0)
}

impl LayerKind {
    /// The name of Keras's own class, which names, files and summaries go by; the public name is
    /// another one for a single layer.
    pub(crate) fn python_name(&self) -> &'static str {
        match self.class_name() {
            "GroupQueryAttention" => "GroupedQueryAttention",
            name => name,
        }
    }

    /// Keras's class name.
    pub(crate) fn class_name(&self) -> &'static str {
        match self {
            Self::Input(_) => "InputLayer",
            Self::Layer(layer) => layer.class_name(),
            Self::Operation(operation) => operation.class_name(),
            Self::Network { network, .. } => network.form.class_name(),
        }
    }
}

impl<L: Layer + 'static> From<L> for LayerHandle {
    fn from(layer: L) -> Self {
        Self::new(layer)
    }
}

/// What a plain layer value offers to be applied. Each call makes a layer of its own; to share one,
/// make a [`LayerHandle`] with [`LayerExt::handle`] or [`LayerExt::named`] and apply that.
pub trait LayerExt: Layer + Clone + Sized + 'static {
    /// A layer that can be applied more than once.
    fn handle(&self) -> LayerHandle {
        LayerHandle::new(self.clone())
    }

    /// A layer with a name.
    fn named(&self, name: impl Into<String>) -> LayerHandle {
        self.handle().named(name)
    }

    /// A layer that training leaves as it is, if `trainable` is false.
    fn trainable(&self, trainable: bool) -> LayerHandle {
        self.handle().trainable(trainable)
    }

    /// [`LayerHandle::apply`] of a new layer.
    ///
    /// # Errors
    ///
    /// If the layer does not take such an input; likewise below.
    fn apply(&self, input: &KerasTensor) -> Result<KerasTensor, ModelError> {
        self.handle().apply(input)
    }

    /// [`LayerHandle::apply_list`] of a new layer.
    #[allow(clippy::missing_errors_doc, reason = "see `apply`")]
    fn apply_list<T: Borrow<KerasTensor>>(&self, inputs: &[T]) -> Result<KerasTensor, ModelError> {
        self.handle().apply_list(inputs)
    }

    /// [`LayerHandle::apply_to`] of a new layer.
    #[allow(clippy::missing_errors_doc, reason = "see `apply`")]
    fn apply_to<T: Borrow<KerasTensor>>(&self, inputs: &[T]) -> Result<KerasTensor, ModelError> {
        self.handle().apply_to(inputs)
    }
}

impl<L: Layer + Clone + 'static> LayerExt for L {}
