//! Configurations of Keras 1 and 2 as those of Keras 3, before anything reads them.
//!
//! Only what has another name or form is changed. In a configuration of Keras 3 nothing is, so that an
//! old name in it is refused, and what it leaves out has today's default; [`Origin`] tells them apart. A key
//! whose meaning is gone is dropped where its value asks for nothing, else it stays and the reader
//! of the layer refuses it by name.
//!
//! Sources: the old names in Keras 2, `keras/legacy/interfaces.py`, and Keras 3,
//! `keras/src/legacy/saving`.

mod layers;
mod nodes;
mod training;

use serde_json::{Map, Value, json};

use crate::ModelError;

pub(crate) use training::training_config;

/// Classes of models, in all versions.
const MODELS: &[&str] = &["Functional", "Model", "Sequential"];

/// So many layers may be side by side in a model. Some of what is done with them takes time that grows
/// with the square of their number.
const MAX_LAYERS: usize = 20_000;

/// Which versions of Keras a configuration is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From version 3 on.
    Keras3,
    /// Keras 1 or 2, or unknown: old names are read.
    Older,
}

impl Origin {
    /// That of a version's text, such as `2.15.0`.
    pub(crate) fn of_version(version: &str) -> Self {
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_some_and(|major| 3 <= major) { Self::Keras3 } else { Self::Older }
    }

    /// That of a model's object: it notes the version, or has the marks of Keras 3. Those that Keras
    /// 2.12 to 2.15 wrote have them too, but call the shape of an input by its old name.
    pub(crate) fn of_model(object: &Value) -> Self {
        if let Some(version) = object["keras_version"].as_str() {
            return Self::of_version(version);
        }
        let is_marked = ["module", "registered_name"].iter().any(|key| object.get(key).is_some());
        let layers = object["config"]["layers"].as_array();
        let is_older = layers
            .into_iter()
            .flatten()
            .any(|layer| layer["config"].get("batch_input_shape").is_some());
        if is_marked && !is_older { Self::Keras3 } else { Self::Older }
    }
}

/// The object of a model in Keras 3's form.
pub(super) fn model(object: &Value, origin: Origin, place: &str) -> Result<Value, ModelError> {
    let mut object = plain(object);
    upgrade_model(&mut object, origin, place)?;
    Ok(object)
}

fn is_model(object: &Value) -> bool {
    object["class_name"].as_str().is_some_and(|name| MODELS.contains(&name))
}

fn upgrade_model(object: &mut Value, origin: Origin, place: &str) -> Result<(), ModelError> {
    // Keras 1 and 2.0 to 2.2 wrote the layers of a Sequential without anything around them.
    if let Value::Array(layers) = &object["config"]
        && origin == Origin::Older
        && object["class_name"] == "Sequential"
    {
        object["config"] = json!({"layers": layers});
    }
    let layers = object.get_mut("config").and_then(|config| config.get_mut("layers"));
    let Some(layers) = layers.and_then(Value::as_array_mut) else { return Ok(()) };
    if MAX_LAYERS < layers.len() {
        let n = layers.len();
        let problem = format!("{n} layers are more than the {MAX_LAYERS} that a model may have");
        return Err(ModelError::config(place, problem));
    }
    if origin == Origin::Keras3 {
        let models = layers.iter_mut().enumerate().filter(|(_, layer)| is_model(layer));
        for (index, model) in models {
            upgrade_model(model, origin, &format!("{place}.layers[{index}]"))?;
        }
        return Ok(());
    }
    nodes::without_slashes(layers);
    let first_shape = layers.first().and_then(input_shape);
    for (index, layer) in layers.iter_mut().enumerate() {
        let place = format!("{place}.layers[{index}]");
        if is_model(layer) {
            upgrade_model(layer, origin, &place)?;
        } else {
            layers::layer(layer, &place)?;
        }
    }
    if object["class_name"] == "Sequential" {
        add_input(&mut object["config"], first_shape);
        return Ok(());
    }
    for key in ["input_layers", "output_layers"] {
        if let Some(ends) = object["config"].get_mut(key) {
            nodes::references_without_slashes(ends);
        }
    }
    nodes::functional(&mut object["config"], place)
}

/// The input of a Sequential that only its first layer tells.
fn add_input(config: &mut Value, first_shape: Option<Value>) {
    let has_shape = config["build_input_shape"].is_array();
    let Some(layers) = config["layers"].as_array_mut() else { return };
    let Some(first) = layers.first() else { return };
    if has_shape || first["class_name"] == "InputLayer" {
        return;
    }
    let Some(shape) = first_shape else { return };
    let name = first["config"]["name"].as_str().unwrap_or("input");
    let input = json!({
        "class_name": "InputLayer",
        "config": {"batch_shape": shape, "dtype": "float32", "name": format!("{name}_input")},
    });
    layers.insert(0, input);
}

/// The shape that a layer, or the first layer of a model, notes as that of its input.
fn input_shape(layer: &Value) -> Option<Value> {
    let config = &layer["config"];
    let noted = ["batch_input_shape", "batch_shape"].iter().find_map(|key| config.get(key));
    if let Some(shape) = noted.filter(|shape| shape.is_array()) {
        return Some(plain(shape));
    }
    if !is_model(layer) {
        return None;
    }
    let layers = config.get("layers").unwrap_or(config).as_array()?;
    layers.first().and_then(input_shape)
}

/// The name that a layer of Keras 2 has in Keras 3, which allows no `/` in it.
pub(crate) fn layer_name(name: &str) -> String {
    name.replace('/', "_")
}

/// Lists for the tuples and shapes that Keras marks as such.
fn plain(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(object) => {
            let is_list = matches!(
                object.get("class_name").and_then(Value::as_str),
                Some("__tuple__" | "TensorShape")
            );
            match object.get("items") {
                Some(items) if is_list => plain(items),
                _ => object.iter().map(|(key, value)| (key.clone(), plain(value))).collect(),
            }
        }
        other => other.clone(),
    }
}

/// Gives a value another key, unless that one is there already.
fn rename(config: &mut Map<String, Value>, old: &str, new: &str) {
    if let Some(value) = config.remove(old)
        && !config.contains_key(new)
    {
        config.insert(new.to_owned(), value);
    }
}

/// Removes a key if its value is null or one of these, which ask for nothing.
fn drop_if(config: &mut Map<String, Value>, key: &str, values: &[Value]) {
    if config.get(key).is_some_and(|value| value.is_null() || values.contains(value)) {
        config.remove(key);
    }
}
