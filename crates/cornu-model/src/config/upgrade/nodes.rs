use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{is_model, layer_name};
use crate::ModelError;
use crate::config::RECURRENT;

/// Functions of TensorFlow in a model, and the operations of Keras 3 that compute the same.
const FUNCTIONS: &[(&str, &str, &str)] = &[
    ("__operators__.add", NUMPY, "Add"),
    ("abs", NUMPY, "Absolute"),
    ("exp", NUMPY, "Exp"),
    ("math.abs", NUMPY, "Absolute"),
    ("math.add", NUMPY, "Add"),
    ("math.divide", NUMPY, "Divide"),
    ("math.exp", NUMPY, "Exp"),
    ("math.log", NUMPY, "Log"),
    ("math.maximum", NUMPY, "Maximum"),
    ("math.minimum", NUMPY, "Minimum"),
    ("math.multiply", NUMPY, "Multiply"),
    ("math.negative", NUMPY, "Negative"),
    ("math.pow", NUMPY, "Power"),
    ("math.sigmoid", NN, "Sigmoid"),
    ("math.softplus", NN, "Softplus"),
    ("math.sqrt", NUMPY, "Sqrt"),
    ("math.square", NUMPY, "Square"),
    ("math.subtract", NUMPY, "Subtract"),
    ("math.tanh", NUMPY, "Tanh"),
    ("math.truediv", NUMPY, "TrueDivide"),
    ("nn.relu", NN, "Relu"),
    ("nn.sigmoid", NN, "Sigmoid"),
    ("nn.softplus", NN, "Softplus"),
    ("nn.tanh", NUMPY, "Tanh"),
    ("tanh", NUMPY, "Tanh"),
];

const NUMPY: &str = "keras.src.ops.numpy";
const NN: &str = "keras.src.ops.nn";

/// Call arguments of attention layers that are tensors, in their order.
const ATTENTION: &[&str] = &["query", "value", "key"];

/// The calls in a functional model's configuration in Keras 3's form: `[["name", 0, 0, {}]]` becomes
/// positional and keyword arguments.
pub(super) fn functional(config: &mut Value, place: &str) -> Result<(), ModelError> {
    let old = config["layers"].as_array().into_iter().flatten().any(|layer| {
        layer["inbound_nodes"].as_array().is_some_and(|nodes| nodes.iter().any(Value::is_array))
    });
    if !old {
        return Ok(());
    }
    number_model_nodes(config);
    for layer in config["layers"].as_array_mut().into_iter().flatten() {
        let name = layer["config"]["name"].as_str().unwrap_or_default().to_owned();
        let place = format!("{place}, layer `{name}`");
        let class = layer["class_name"].as_str().unwrap_or_default().to_owned();
        let nodes = layer.get_mut("inbound_nodes").and_then(Value::as_array_mut);
        for node in nodes.into_iter().flatten() {
            if node.is_array() {
                *node = call(node, &class, &place)?;
            }
        }
        if class == "TFOpLambda" {
            operation(layer, &place)?;
        } else if matches!(&*class, "SlicingOpLambda" | "TensorFlowOpLayer" | "ClassMethod") {
            return Err(ModelError::unsupported(
                place,
                format!("{class} {} of TensorFlow is not supported", layer["config"]["function"]),
            ));
        }
    }
    Ok(())
}

/// Gives layers whose names have a `/` others, also where calls refer to them.
pub(super) fn without_slashes(layers: &mut [Value]) {
    let rename = |name: &mut Value| {
        if let Value::String(text) = name {
            *text = layer_name(text);
        }
    };
    for layer in layers {
        layer.get_mut("name").map(rename);
        layer.get_mut("config").and_then(|config| config.get_mut("name")).map(rename);
        layer.get_mut("inbound_nodes").map(references_without_slashes);
    }
}

/// The same for references such as `["conv1/bn", 0, 0]`, wherever they are.
pub(super) fn references_without_slashes(value: &mut Value) {
    match value {
        Value::Array(parts) => {
            if let [Value::String(name), Value::Number(_), Value::Number(_), ..] = &mut parts[..] {
                *name = layer_name(name);
            }
            parts.iter_mut().for_each(references_without_slashes);
        }
        Value::Object(parts) => parts.values_mut().for_each(references_without_slashes),
        _ => {}
    }
}

/// The arguments of one call.
fn call(node: &Value, class: &str, place: &str) -> Result<Value, ModelError> {
    let wrong = || ModelError::config(place, format!("inbound node {node}: expected tensors"));
    let entries = node.as_array().ok_or_else(wrong)?;
    let single = [node.clone()];
    // One tensor alone may come without the list around it.
    let entries = if entries.first().is_some_and(Value::is_string) { &single[..] } else { entries };
    let mut tensors = Vec::new();
    let mut kwargs = Map::new();
    for entry in entries {
        let parts = entry.as_array().filter(|parts| 3 <= parts.len()).ok_or_else(wrong)?;
        if parts[0] == "_CONSTANT_VALUE" {
            tensors.push(parts[2].clone());
        } else {
            tensors.push(tensor(entry).ok_or_else(wrong)?);
        }
        for (key, value) in parts.get(3).and_then(Value::as_object).into_iter().flatten() {
            kwargs.insert(key.clone(), argument(value));
        }
    }
    if class == "TFOpLambda" {
        // `y` is the other operand; a name is only for TensorFlow's graph.
        tensors.extend(["x", "y"].iter().filter_map(|key| kwargs.remove(*key)));
        kwargs.remove("name");
        return Ok(json!({"args": tensors, "kwargs": kwargs}));
    }
    if RECURRENT.contains(&class) && 1 < tensors.len() {
        kwargs.insert("initial_state".to_owned(), json!(tensors.split_off(1)));
    }
    if class == "MultiHeadAttention" {
        let named = ATTENTION.iter().filter_map(|key| kwargs.remove(*key));
        tensors.extend(named.filter(|value| !value.is_null()));
        return Ok(json!({"args": tensors, "kwargs": kwargs}));
    }
    let args = if 1 < tensors.len() { json!([tensors]) } else { json!(tensors) };
    Ok(json!({"args": args, "kwargs": kwargs}))
}

/// A keyword argument; `["name", 0, 0]` is a tensor, also in lists.
fn argument(value: &Value) -> Value {
    match (tensor(value), value) {
        (Some(tensor), _) => tensor,
        (None, Value::Array(items)) => items.iter().map(argument).collect(),
        (None, other) => other.clone(),
    }
}

fn tensor(value: &Value) -> Option<Value> {
    let parts = value.as_array()?;
    let is_tensor =
        3 <= parts.len() && parts[0].is_string() && parts[1].is_u64() && parts[2].is_u64();
    is_tensor.then(|| {
        json!({
            "class_name": "__keras_tensor__",
            "config": {"keras_history": parts[..3]},
        })
    })
}

/// A function of TensorFlow becomes the operation that Keras 3 has for it.
fn operation(layer: &mut Value, place: &str) -> Result<(), ModelError> {
    let function = layer["config"]["function"].as_str().unwrap_or_default();
    let found = FUNCTIONS.iter().find(|(name, ..)| *name == function);
    let Some((_, module, class)) = found else {
        return Err(ModelError::unsupported(
            place,
            format!("the TensorFlow function `tf.{function}` is not supported"),
        ));
    };
    layer["module"] = json!(module);
    layer["class_name"] = json!(class);
    layer["config"] = json!({"name": layer["config"]["name"]});
    Ok(())
}

/// Keras 2 counted the calls of a model in a model from 0 or, since TensorFlow 2.2, from 1; Keras 3
/// from 0, but from 1 where they are outputs of a functional model.
fn number_model_nodes(config: &mut Value) {
    let models = config["layers"].as_array().into_iter().flatten().filter(|layer| is_model(layer));
    let mut models: BTreeMap<String, NestedModel> = models
        .filter_map(|layer| {
            let name = layer["config"]["name"].as_str().or_else(|| layer["name"].as_str())?;
            let is_functional = layer["class_name"] != "Sequential";
            Some((name.to_owned(), NestedModel { is_functional, first: None }))
        })
        .collect();
    visit(config, &mut |name, _, number| {
        if let Some(model) = models.get_mut(name) {
            let number = number.as_u64().unwrap_or(0);
            model.first = Some(model.first.map_or(number, |first| first.min(number)));
        }
    });
    visit(config, &mut |name, is_output, number| {
        if let Some(model) = models.get(name) {
            let first = model.first.unwrap_or(0).min(1);
            let counted = number.as_u64().unwrap_or(0) - first;
            *number = json!(counted + u64::from(is_output && model.is_functional));
        }
    });
}

struct NestedModel {
    is_functional: bool,
    /// The lowest number of a call that anything refers to.
    first: Option<u64>,
}

/// Calls `f` with every reference to an output of a layer: the layer's name, whether it is one of the
/// outputs of the model, and the number of the call.
fn visit(config: &mut Value, f: &mut dyn FnMut(&str, bool, &mut Value)) {
    fn references(value: &mut Value, found: &mut dyn FnMut(&str, &mut Value)) {
        match value {
            Value::Array(parts) => {
                if let [Value::String(name), number, tensor, ..] = &mut parts[..]
                    && number.is_u64()
                    && tensor.is_u64()
                {
                    found(name, number);
                }
                parts.iter_mut().for_each(|part| references(part, found));
            }
            Value::Object(parts) => {
                parts.values_mut().for_each(|part| references(part, found));
            }
            _ => {}
        }
    }
    for layer in config["layers"].as_array_mut().into_iter().flatten() {
        if let Some(nodes) = layer.get_mut("inbound_nodes") {
            references(nodes, &mut |name, number| f(name, false, number));
        }
    }
    if let Some(outputs) = config.get_mut("output_layers") {
        references(outputs, &mut |name, number| f(name, true, number));
    }
}
