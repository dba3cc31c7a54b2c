//! What a model is made of, as data: for diagrams, tables and other tools.

use cornu_nn::SymbolicShape;
use cornu_nn::layers::Family;
use serde_json::{Map, Value};

use crate::network::{LayerEntry, Network, NetworkForm, WeightInfo};
use crate::summary::params;
use crate::symbolic::LayerKind;
use crate::{Model, ModelError};

/// The calls of a model's layers and how tensors flow between them.
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    /// The model's name.
    pub name: String,
    /// Functional or Sequential.
    pub form: NetworkForm,
    /// The calls, each behind all those whose outputs it takes.
    pub calls: Vec<LayerCall>,
    /// Which call, and which of its outputs, gives each output of the model.
    pub outputs: Vec<(usize, usize)>,
}

/// One call of a layer. A layer that is called twice is there twice.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerCall {
    /// Name of the layer.
    pub name: String,
    /// Keras's class name, such as `Conv2D`; `InputLayer` for inputs.
    pub class_name: &'static str,
    /// What the layer is for; `None` for operations, models, and layers that are not Keras's.
    pub family: Option<Family>,
    /// How many calls of the same layer came before.
    pub node: usize,
    /// The keys of Keras's `get_config()` apart from `name`, `trainable` and `dtype`; none for inputs,
    /// operations and models.
    pub config: Map<String, Value>,
    /// Which call, and which of its outputs, gives each input.
    pub inputs: Vec<(usize, usize)>,
    /// Shapes of the outputs, the batch axis first.
    pub output_shapes: Vec<SymbolicShape>,
    /// Number of weight values of the layer, also if it is called more than once.
    pub params: usize,
    /// How many of them training may change.
    pub trainable_params: usize,
    /// Whether training may change the layer: it and every model around it are trainable.
    pub trainable: bool,
    /// What is inside, if the layer is a model.
    pub inner: Option<Box<Structure>>,
}

impl Model {
    /// What the model is made of.
    ///
    /// ```
    /// use cornu_model::{Input, LayerExt, Model};
    /// use cornu_nn::layers::Dense;
    ///
    /// let inputs = Input::new([4]);
    /// let outputs = Dense::new(2).apply(&inputs)?;
    /// let structure = Model::new(&inputs, &outputs)?.structure()?;
    /// assert_eq!(structure.calls[1].class_name, "Dense");
    /// assert_eq!(structure.calls[1].inputs, [(0, 0)]);
    /// assert_eq!(structure.calls[1].params, 10);
    /// # Ok::<(), cornu_model::ModelError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ModelError::Layer`] if a layer cannot say what its weights are.
    pub fn structure(&self) -> Result<Structure, ModelError> {
        structure(&self.network, self.name(), self.network.trainable)
    }
}

fn structure(network: &Network, name: &str, trainable: bool) -> Result<Structure, ModelError> {
    let calls = network.calls.iter().map(|call| {
        let layer = &network.layers[call.layer];
        let trainable = trainable && layer.trainable;
        let config = match &layer.kind {
            LayerKind::Layer(kind) => kind.built_config(&network.build_shapes(call.layer)),
            _ => Map::new(),
        };
        let inner = match &layer.kind {
            LayerKind::Network { network, .. } => {
                Some(Box::new(structure(network, &layer.name, trainable)?))
            }
            _ => None,
        };
        Ok(LayerCall {
            name: layer.name.clone(),
            class_name: layer.kind.class_name(),
            family: match &layer.kind {
                LayerKind::Input(_) => Some(Family::Input),
                LayerKind::Layer(kind) => Family::of(kind.class_name()),
                LayerKind::Operation(_) | LayerKind::Network { .. } => None,
            },
            node: call.node,
            config,
            inputs: call.inputs.iter().map(|tensor| (tensor.call, tensor.output)).collect(),
            output_shapes: call.output_shapes.clone(),
            params: params(network, call.layer, layer)?.0,
            trainable_params: trainable_params(network, call.layer, layer, trainable)?,
            trainable,
            inner,
        })
    });
    Ok(Structure {
        name: name.to_owned(),
        form: network.form,
        calls: calls.collect::<Result<_, ModelError>>()?,
        outputs: network.outputs.iter().map(|tensor| (tensor.call, tensor.output)).collect(),
    })
}

/// Number of weight values that training may change, if the layer and all around it are `trainable`.
fn trainable_params(
    network: &Network,
    index: usize,
    layer: &LayerEntry,
    trainable: bool,
) -> Result<usize, ModelError> {
    let infos = match &layer.kind {
        LayerKind::Network { network, .. } => network.weights_within(trainable)?.0,
        LayerKind::Layer(kind) if trainable => {
            let specs = kind.weights(&network.build_shapes(index));
            let specs = specs.map_err(|error| ModelError::layer(&layer.name, error))?;
            let specs = specs.iter().filter(|spec| spec.trainable);
            return Ok(specs.map(|spec| spec.dims.iter().product::<usize>()).sum());
        }
        LayerKind::Layer(_) | LayerKind::Input(_) | LayerKind::Operation(_) => return Ok(0),
    };
    Ok(infos.iter().filter(|weight| weight.trainable).map(WeightInfo::len).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Input, LayerExt};
    use cornu_nn::layers::{Add, BatchNormalization, Dense};

    #[test]
    fn shared_layers_are_there_once_per_call_and_models_have_an_inside() {
        let inner_input = Input::new([3]);
        let inner = Dense::new(3).named("core").apply(&inner_input).unwrap();
        let inner = Model::new(&inner_input, &inner).unwrap().named("block");
        let (a, b) = (Input::named("a", [3]), Input::named("b", [3]));
        let block = inner.handle().trainable(false);
        let sum =
            Add::new().apply_list(&[block.apply(&a).unwrap(), block.apply(&b).unwrap()]).unwrap();
        let model = Model::new([&a, &b], &sum).unwrap();
        let structure = model.structure().unwrap();
        let calls = &structure.calls;
        let names: Vec<(&str, usize)> =
            calls.iter().map(|call| (call.name.as_str(), call.node)).collect();
        let of = |name: &str, node| names.iter().position(|&known| known == (name, node)).unwrap();
        assert_eq!(names.len(), 5);
        let (first, second) = (of("block", 0), of("block", 1));
        assert_eq!(calls[first].inputs, [(of("a", 0), 0)]);
        assert_eq!(calls[of("add", 0)].inputs, [(first, 0), (second, 0)]);
        assert_eq!(structure.outputs, [(of("add", 0), 0)]);
        let inside = calls[second].inner.as_ref().unwrap();
        assert_eq!((calls[second].params, inside.calls[1].params), (12, 12));
        assert!(!calls[second].trainable && !inside.calls[1].trainable);
        assert_eq!(inside.calls[1].config["units"], 3);
        assert_eq!((calls[second].trainable_params, inside.calls[1].trainable_params), (0, 0));
    }

    #[test]
    fn moving_statistics_and_frozen_layers_are_not_trainable() {
        let inner_input = Input::new([3]);
        let x = Dense::new(3).trainable(false).apply(&inner_input).unwrap();
        let x = BatchNormalization::new().apply(&x).unwrap();
        let inner = Model::new(&inner_input, &x).unwrap().named("block");
        let input = Input::new([3]);
        let x = inner.handle().apply(&input).unwrap();
        let model = Model::new(&input, BatchNormalization::new().apply(&x).unwrap()).unwrap();
        let calls = model.structure().unwrap().calls;
        let counts = |call: &LayerCall| (call.params, call.trainable_params);
        assert_eq!(counts(&calls[1]), (24, 6));
        assert_eq!(counts(&calls[2]), (12, 6));
        let inside = &calls[1].inner.as_ref().unwrap().calls;
        assert_eq!(inside.iter().map(counts).collect::<Vec<_>>(), [(0, 0), (12, 0), (12, 6)]);
    }
}
