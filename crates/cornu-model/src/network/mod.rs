//! The structure of a model as data: its layers, their calls, inputs and outputs.

mod names;
mod order;

use std::collections::BTreeMap;
use std::sync::Arc;

use cornu_nn::{SymbolicShape, WeightSpec};
use cornu_tensor::Tensor;
use serde_json::{Map, Value};

use crate::ModelError;
use crate::symbolic::{ArgumentForm, KerasTensor, Keyword, LayerKind, Tensors, next_id};

pub(crate) use names::provisional_name;

/// Layers and how they are connected. A model is a network with weights; a network inside of
/// another one is a layer of it.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(crate) id: u64,
    /// `None`: named after its class by whatever it is a layer of.
    pub(crate) name: Option<String>,
    pub(crate) trainable: bool,
    pub(crate) form: NetworkForm,
    /// In Keras's order: by depth, inputs first.
    pub(crate) layers: Vec<LayerEntry>,
    /// In an order in which they can be computed.
    pub(crate) calls: Vec<NetworkCall>,
    pub(crate) inputs: Vec<TensorRef>,
    pub(crate) outputs: Vec<TensorRef>,
    /// Names of the inputs, in order, if the model takes a dict of them.
    pub(crate) input_keys: Option<Vec<String>>,
    /// Names of the outputs, in order, if the model gives a dict of them.
    pub(crate) output_keys: Option<Vec<String>>,
}

/// Which of Keras's classes a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkForm {
    /// Any graph of layers.
    Functional,
    /// A chain of layers.
    Sequential,
}

impl NetworkForm {
    /// Keras's class name.
    pub fn class_name(self) -> &'static str {
        match self {
            Self::Functional => "Functional",
            Self::Sequential => "Sequential",
        }
    }
}

/// A layer of a network.
#[derive(Debug, Clone)]
pub(crate) struct LayerEntry {
    /// Tells layers apart; a layer that two networks share has one id.
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) trainable: bool,
    pub(crate) kind: LayerKind,
}

/// One application of a layer.
#[derive(Debug, Clone)]
pub(crate) struct NetworkCall {
    /// Position in [`Network::layers`].
    pub(crate) layer: usize,
    /// How many calls of the same layer came before.
    pub(crate) node: usize,
    /// Calls that come between this one and the outputs, at most.
    pub(crate) depth: usize,
    pub(crate) form: ArgumentForm,
    pub(crate) kwargs: Option<Map<String, Value>>,
    /// Positional arguments, then those that `keywords` names.
    pub(crate) inputs: Vec<TensorRef>,
    pub(crate) keywords: Vec<Keyword>,
    pub(crate) output_shapes: Vec<SymbolicShape>,
}

impl NetworkCall {
    /// The positional arguments.
    pub(crate) fn positional(&self) -> &[TensorRef] {
        &self.inputs[..self.inputs.len() - self.keywords.len()]
    }

    /// The tensors given by keyword.
    pub(crate) fn by_keyword(&self) -> impl Iterator<Item = (Keyword, TensorRef)> {
        let tensors = &self.inputs[self.inputs.len() - self.keywords.len()..];
        self.keywords.iter().copied().zip(tensors.iter().copied())
    }

    /// Whether the keyword argument `key` is true.
    pub(crate) fn has_flag(&self, key: &str) -> bool {
        self.kwargs.as_ref().and_then(|kwargs| kwargs.get(key)).is_some_and(|value| value == true)
    }
}

/// An output of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TensorRef {
    /// Position in [`Network::calls`].
    pub(crate) call: usize,
    pub(crate) output: usize,
}

/// A weight of a network.
#[derive(Debug, Clone)]
pub struct WeightInfo {
    /// Layer path and weight name, such as `conv2d/kernel` or `encoder/conv2d/kernel`.
    pub path: String,
    /// What the layer says of it.
    pub spec: WeightSpec,
    /// Whether an optimizer may change it: the layer, every network around it and the weight
    /// itself are trainable.
    pub trainable: bool,
}

impl WeightInfo {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.spec.dims.iter().product()
    }

    /// Whether it has no values: an axis of size 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether Keras keeps it as `int64`: the `count` of a Normalization, and no other weight.
    pub fn is_integer(&self) -> bool {
        self.spec.name == "count" && self.spec.dims.is_empty() && !self.spec.trainable
    }

    /// Bytes that Keras keeps it in.
    pub(crate) fn n_bytes(&self) -> usize {
        if self.is_integer() { 8 * self.len() } else { 4 * self.len() }
    }
}

/// The weights of one layer: where they lie among all weights of the network.
#[derive(Debug, Clone)]
pub(crate) struct LayerWeights {
    pub(crate) layer: u64,
    pub(crate) first: usize,
    pub(crate) n: usize,
    /// Values the layer starts from if it belongs to a network that brought its weights.
    pub(crate) brought: Option<Vec<Tensor>>,
}

impl Network {
    /// Makes a network of everything between `inputs` and `outputs`.
    pub(crate) fn new(
        inputs: &Tensors,
        outputs: &Tensors,
        form: NetworkForm,
    ) -> Result<Self, ModelError> {
        let order = order::ordered(&inputs.tensors, &outputs.tensors)?;
        let names = names::assign(&order.layers)?;
        let layers = order.layers.iter().zip(names).map(|(handle, name)| LayerEntry {
            id: handle.id(),
            name,
            trainable: handle.is_trainable(),
            kind: handle.kind().clone(),
        });
        let reference = |tensor: &KerasTensor| order.reference(tensor);
        let calls = order.calls.iter().map(|ordered| NetworkCall {
            layer: ordered.layer,
            node: ordered.node,
            depth: ordered.depth,
            form: ordered.call.form,
            kwargs: ordered.call.kwargs.clone(),
            inputs: ordered.inputs.iter().map(reference).collect(),
            keywords: ordered.call.keywords.clone(),
            output_shapes: ordered.call.output_shapes.clone(),
        });
        Ok(Self {
            id: next_id(),
            name: None,
            trainable: true,
            form,
            layers: layers.collect(),
            calls: calls.collect(),
            inputs: inputs.tensors.iter().map(reference).collect(),
            outputs: outputs.tensors.iter().map(reference).collect(),
            input_keys: inputs.keys.clone(),
            output_keys: outputs.keys.clone(),
        })
    }

    /// The name, or Keras's default.
    pub(crate) fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(match self.form {
            NetworkForm::Functional => "functional",
            NetworkForm::Sequential => "sequential",
        })
    }

    pub(crate) fn shape(&self, tensor: TensorRef) -> &SymbolicShape {
        &self.calls[tensor.call].output_shapes[tensor.output]
    }

    pub(crate) fn input_shapes(&self) -> Vec<SymbolicShape> {
        self.inputs.iter().map(|&tensor| self.shape(tensor).clone()).collect()
    }

    pub(crate) fn output_shapes(&self) -> Vec<SymbolicShape> {
        self.outputs.iter().map(|&tensor| self.shape(tensor).clone()).collect()
    }

    /// Names of the layers that make the outputs.
    pub(crate) fn output_names(&self) -> Vec<&str> {
        self.names_of(&self.outputs)
    }

    /// What settings and logs call the outputs: their own names if they have some, else those of the
    /// layers.
    pub(crate) fn output_labels(&self) -> Vec<&str> {
        match &self.output_keys {
            Some(keys) => keys.iter().map(String::as_str).collect(),
            None => self.output_names(),
        }
    }

    /// Names of the input layers.
    pub(crate) fn input_names(&self) -> Vec<&str> {
        self.names_of(&self.inputs)
    }

    fn names_of(&self, tensors: &[TensorRef]) -> Vec<&str> {
        let name = |t: &TensorRef| self.layers[self.calls[t.call].layer].name.as_str();
        tensors.iter().map(name).collect()
    }

    /// What Keras calls `model.layers`: no operations, and a Sequential does not list its input.
    pub(crate) fn listed_layers(&self) -> impl Iterator<Item = (usize, &LayerEntry)> {
        self.listed_operations().filter(|(_, layer)| !matches!(layer.kind, LayerKind::Operation(_)))
    }

    /// What Keras calls `model.operations`.
    pub(crate) fn listed_operations(&self) -> impl Iterator<Item = (usize, &LayerEntry)> {
        self.layers.iter().enumerate().filter(|(_, layer)| {
            self.form == NetworkForm::Functional || !matches!(layer.kind, LayerKind::Input(_))
        })
    }

    /// Calls of layer `layer`, in the order they were made.
    pub(crate) fn calls_of(&self, layer: usize) -> Vec<&NetworkCall> {
        let mut calls: Vec<_> = self.calls.iter().filter(|call| call.layer == layer).collect();
        calls.sort_by_key(|call| call.node);
        calls
    }

    /// Shapes of the inputs of the first call of layer `layer`, which it is built for.
    pub(crate) fn build_shapes(&self, layer: usize) -> Vec<SymbolicShape> {
        let first = self.calls.iter().find(|call| call.layer == layer && call.node == 0);
        first.map_or_else(Vec::new, |call| {
            call.positional().iter().map(|&tensor| self.shape(tensor).clone()).collect()
        })
    }

    /// Sets `trainable` of the layer at `path`; answers whether there is one.
    pub(crate) fn set_trainable(&mut self, path: &str, trainable: bool) -> bool {
        if let Some(layer) = self.layers.iter_mut().find(|layer| layer.name == path) {
            layer.trainable = trainable;
            return true;
        }
        let Some((outer, inner)) = path.split_once('/') else { return false };
        let layer = self.layers.iter_mut().find(|layer| layer.name == outer);
        match layer.map(|layer| &mut layer.kind) {
            Some(LayerKind::Network { network, .. }) => {
                Arc::make_mut(network).set_trainable(inner, trainable)
            }
            _ => false,
        }
    }

    /// All weights in Keras's order, and where those of each layer lie. A shared layer counts once.
    pub(crate) fn weights(&self) -> Result<(Vec<WeightInfo>, Vec<LayerWeights>), ModelError> {
        self.weights_within(self.trainable)
    }

    /// The same inside of something that is trainable or not, whatever the network itself says.
    pub(crate) fn weights_within(
        &self,
        trainable: bool,
    ) -> Result<(Vec<WeightInfo>, Vec<LayerWeights>), ModelError> {
        let mut collected = Collected::default();
        collected.add(self, "", trainable, &[])?;
        Ok((collected.weights, collected.layers))
    }
}

/// Values of the weights of layers, by layer id.
pub(crate) type LayerValues = BTreeMap<u64, Vec<Tensor>>;

#[derive(Default)]
struct Collected {
    weights: Vec<WeightInfo>,
    layers: Vec<LayerWeights>,
}

impl Collected {
    /// Adds the weights of `network`. `brought` are values that the networks around it brought,
    /// the outermost first, which knows them best.
    fn add(
        &mut self,
        network: &Network,
        prefix: &str,
        trainable: bool,
        brought: &[&LayerValues],
    ) -> Result<(), ModelError> {
        for (index, layer) in network.layers.iter().enumerate() {
            let path = format!("{prefix}{}", layer.name);
            let trainable = trainable && layer.trainable;
            match &layer.kind {
                LayerKind::Input(_) | LayerKind::Operation(_) => {}
                LayerKind::Network { network, values } => {
                    let mut brought = brought.to_vec();
                    brought.push(values);
                    self.add(network, &format!("{path}/"), trainable, &brought)?;
                }
                LayerKind::Layer(kind) => {
                    if self.layers.iter().any(|known| known.layer == layer.id) {
                        continue;
                    }
                    let specs = kind
                        .weights(&network.build_shapes(index))
                        .map_err(|error| ModelError::layer(&path, error))?;
                    self.layers.push(LayerWeights {
                        layer: layer.id,
                        first: self.weights.len(),
                        n: specs.len(),
                        brought: brought.iter().find_map(|b| b.get(&layer.id)).cloned(),
                    });
                    self.weights.extend(specs.into_iter().map(|spec| WeightInfo {
                        path: weight_path(&path, &spec),
                        trainable: trainable && spec.trainable,
                        spec,
                    }));
                }
            }
        }
        Ok(())
    }
}

/// `layer/kernel`, or `layer/sublayer/kernel` for the weight of a sublayer.
fn weight_path(layer: &str, spec: &WeightSpec) -> String {
    let names = spec.group.iter().map(|sublayer| &sublayer.name).chain([&spec.name]);
    names.fold(layer.to_owned(), |path, name| format!("{path}/{name}"))
}
