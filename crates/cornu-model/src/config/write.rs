use cornu_nn::SymbolicShape;
use cornu_nn::layers::PRIVATE;
use serde_json::{Map, Value, json};

use super::RECURRENT;
use crate::network::{LayerEntry, Network, NetworkCall, NetworkForm, TensorRef};
use crate::symbolic::{ArgumentForm, Keyword, LayerKind, TAKES_ATTENTION_MASK};

/// Classes that Keras creates without building them, so that they have no `build_config`.
const WITHOUT_BUILD: &[&str] = &[
    "Activation",
    "ActivityRegularization",
    "AlphaDropout",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "Dropout",
    "ELU",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "Identity",
    "LeakyReLU",
    "Masking",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "ReLU",
    "Reshape",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "UnitNormalization",
];

/// The object of a model.
pub(super) fn model_object(network: &Network, name: &str) -> Value {
    object(network, name, network.trainable)
}

/// `trainable` counts the networks around: Keras freezes the layers of a frozen model one by one.
fn object(network: &Network, name: &str, trainable: bool) -> Value {
    match network.form {
        NetworkForm::Functional => json!({
            "module": "keras.src.models.functional",
            "class_name": "Functional",
            "config": functional_config(network, name, trainable),
            "registered_name": "Functional",
            "build_config": {"input_shape": null},
            "compile_config": {},
        }),
        NetworkForm::Sequential => {
            let input_shape = shapes(&network.input_shapes());
            json!({
                "module": "keras",
                "class_name": "Sequential",
                "config": sequential_config(network, name, trainable),
                "registered_name": null,
                "build_config": {"input_shape": input_shape},
                "compile_config": {},
            })
        }
    }
}

fn sequential_config(network: &Network, name: &str, trainable: bool) -> Value {
    let layers = network.layers.iter().enumerate();
    let layers: Vec<Value> =
        layers.map(|(index, layer)| layer_object(network, index, layer, trainable)).collect();
    json!({
        "name": name,
        "trainable": trainable,
        "dtype": float32(),
        "layers": layers,
        "build_input_shape": shapes(&network.input_shapes()),
    })
}

fn functional_config(network: &Network, name: &str, trainable: bool) -> Value {
    let layers = network.layers.iter().enumerate().map(|(index, layer)| {
        let mut object = layer_object(network, index, layer, trainable);
        let calls = network.calls_of(index).into_iter().filter(|call| !call.inputs.is_empty());
        object["name"] = json!(layer.name);
        object["inbound_nodes"] = calls.map(|call| inbound_node(network, layer, call)).collect();
        object
    });
    let layers: Vec<Value> = layers.collect();
    json!({
        "name": name,
        "trainable": trainable,
        "layers": layers,
        "input_layers": ends(network, &network.inputs, network.input_keys.as_deref()),
        "output_layers": ends(network, &network.outputs, network.output_keys.as_deref()),
    })
}

fn layer_object(network: &Network, index: usize, layer: &LayerEntry, trainable: bool) -> Value {
    let trainable = trainable && layer.trainable;
    match &layer.kind {
        LayerKind::Input(shape) => json!({
            "module": "keras.layers",
            "class_name": "InputLayer",
            "config": {
                "batch_shape": shape.dims(),
                "dtype": "float32",
                "sparse": false,
                "ragged": false,
                "name": layer.name,
                "optional": false,
            },
            "registered_name": null,
        }),
        LayerKind::Network { network, .. } => object(network, &layer.name, trainable),
        LayerKind::Operation(operation) => json!({
            "module": operation.module(),
            "class_name": operation.class_name(),
            "config": {"name": layer.name},
            "registered_name": operation.class_name(),
        }),
        LayerKind::Layer(kind) => {
            let mut config = Map::new();
            config.insert("name".to_owned(), json!(layer.name));
            if !WITHOUT_TRAINABLE.contains(&kind.class_name()) {
                config.insert("trainable".to_owned(), json!(trainable));
            }
            config.insert("dtype".to_owned(), float32());
            config.extend(kind.built_config(&network.build_shapes(index)));
            if kind.class_name() == "Pipeline" {
                // Keras's class takes nothing else.
                config.retain(|key, _| key == "name" || key == "layers");
            }
            let private = PRIVATE.iter().find(|(class_name, _)| *class_name == kind.class_name());
            let mut object = json!({
                "module": private.map_or("keras.layers", |(_, module)| module),
                "class_name": kind.class_name(),
                "config": config,
                "registered_name": private.map(|(class_name, _)| class_name),
            });
            if let Some(build) = build_config(kind.class_name(), &network.build_shapes(index)) {
                object["build_config"] = build;
            }
            object
        }
    }
}

/// Layers without weights whose constructor in Keras does not take `trainable`.
const WITHOUT_TRAINABLE: &[&str] =
    &["Discretization", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"];

fn build_config(class_name: &str, inputs: &[SymbolicShape]) -> Option<Value> {
    if WITHOUT_BUILD.contains(&class_name) {
        return None;
    }
    if TAKES_ATTENTION_MASK.contains(&class_name) {
        let names = ["query_shape", "value_shape", "key_shape"];
        let shapes =
            names.iter().zip(inputs).map(|(name, s)| ((*name).to_owned(), json!(s.dims())));
        return Some(json!({"shapes_dict": shapes.collect::<Map<_, _>>()}));
    }
    if let ([sequence, states @ ..], true) = (inputs, RECURRENT.contains(&class_name))
        && !states.is_empty()
    {
        let states: Vec<Value> = states.iter().map(|state| json!(state.dims())).collect();
        return Some(json!({"shapes_dict": {
            "sequences_shape": sequence.dims(),
            "initial_state_shape": states,
        }}));
    }
    Some(json!({"input_shape": shapes(inputs)}))
}

/// One shape, or a list of them.
fn shapes(shapes: &[SymbolicShape]) -> Value {
    match shapes {
        [shape] => json!(shape.dims()),
        shapes => shapes.iter().map(|shape| json!(shape.dims())).collect(),
    }
}

fn inbound_node(network: &Network, layer: &LayerEntry, call: &NetworkCall) -> Value {
    let tensors: Vec<Value> = call.positional().iter().map(|&t| keras_tensor(network, t)).collect();
    if let LayerKind::Operation(operation) = &layer.kind {
        let mut tensors = tensors.into_iter();
        let argument = |argument: &Option<Value>| argument.clone().or_else(|| tensors.next());
        let args: Vec<Value> = operation.arguments.iter().filter_map(argument).collect();
        return json!({"args": args, "kwargs": {}});
    }
    let mut kwargs = call.kwargs.clone().unwrap_or_else(|| default_kwargs(layer));
    // The operations that made it are not part of the model: Keras makes the mask again.
    if let Some(mask) = kwargs.get_mut("mask") {
        *mask = Value::Null;
    }
    let mut tensors = tensors;
    if RECURRENT.contains(&layer.kind.class_name()) && 1 < tensors.len() {
        kwargs.insert("initial_state".to_owned(), json!(tensors.split_off(1)));
    }
    for (keyword, tensor) in call.by_keyword() {
        let tensor = keras_tensor(network, tensor);
        let class_name = layer.kind.class_name();
        match keyword {
            Keyword::AttentionMask => {
                kwargs.insert("attention_mask".to_owned(), tensor);
            }
            Keyword::CountWeights => {
                kwargs.insert("count_weights".to_owned(), tensor);
            }
            Keyword::Mask(input) if TAKES_ATTENTION_MASK.contains(&class_name) => {
                if let Some(key) = MASKS_OF_ATTENTION.get(input) {
                    kwargs.insert((*key).to_owned(), tensor);
                }
            }
            Keyword::Mask(input) if call.form == ArgumentForm::List => {
                let empty = || Value::Array(vec![Value::Null; call.positional().len()]);
                let masks = kwargs.entry("mask").or_insert(Value::Null);
                if !masks.is_array() {
                    *masks = empty();
                }
                masks[input] = tensor;
            }
            Keyword::Mask(_) => {
                kwargs.insert("mask".to_owned(), tensor);
            }
        }
    }
    let args = match (input_keys(layer), call.form) {
        (Some(keys), _) => {
            let named: Map<String, Value> = keys.iter().cloned().zip(tensors).collect();
            json!([named])
        }
        (None, ArgumentForm::Separate) => json!(tensors),
        (None, ArgumentForm::List) => json!([tensors]),
    };
    json!({"args": args, "kwargs": kwargs})
}

/// The names of the inputs of a model that takes a dict of them.
fn input_keys(layer: &LayerEntry) -> Option<&[String]> {
    match &layer.kind {
        LayerKind::Network { network, .. } => network.input_keys.as_deref(),
        _ => None,
    }
}

/// What layers with separate queries, values and keys call the masks of their inputs.
pub(super) const MASKS_OF_ATTENTION: &[&str] = &["query_mask", "value_mask", "key_mask"];

/// The keyword arguments that Keras notes although nobody gave them.
fn default_kwargs(layer: &LayerEntry) -> Map<String, Value> {
    let kwargs = match layer.kind.class_name() {
        "Functional" | "Sequential" | "BatchNormalization" | "GlobalAveragePooling1D" => {
            json!({"mask": null})
        }
        "Dropout" | "SpatialDropout1D" | "SpatialDropout2D" | "SpatialDropout3D"
        | "GaussianDropout" | "GaussianNoise" | "AlphaDropout" => json!({"training": false}),
        "Pipeline" => json!({"training": true, "mask": null}),
        "LSTM" | "GRU" | "SimpleRNN" | "Bidirectional" => json!({"training": false, "mask": null}),
        _ => json!({}),
    };
    kwargs.as_object().cloned().unwrap_or_default()
}

fn keras_tensor(network: &Network, tensor: TensorRef) -> Value {
    let call = &network.calls[tensor.call];
    json!({
        "class_name": "__keras_tensor__",
        "config": {
            "shape": network.shape(tensor).dims(),
            "dtype": "float32",
            "keras_history": [network.layers[call.layer].name, call.node, tensor.output],
        },
    })
}

/// `[name, node, tensor]` for one tensor, a list of those for several, an object of those for tensors
/// with names. A functional model inside
/// of the network has a node of its own, number 0, before it is called: here, and only here, it
/// counts.
fn ends(network: &Network, tensors: &[TensorRef], keys: Option<&[String]>) -> Value {
    let end = |tensor: &TensorRef| {
        let call = &network.calls[tensor.call];
        let layer = &network.layers[call.layer];
        let own = usize::from(layer.kind.class_name() == "Functional");
        json!([layer.name, call.node + own, tensor.output])
    };
    if let Some(keys) = keys {
        return keys.iter().cloned().zip(tensors.iter().map(end)).collect();
    }
    match tensors {
        [tensor] => end(tensor),
        tensors => tensors.iter().map(end).collect(),
    }
}

fn float32() -> Value {
    json!({
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": "float32"},
        "registered_name": null,
    })
}
