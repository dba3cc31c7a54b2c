//! Constructor arguments: all of Keras's are known, with Keras's defaults.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod census;

use std::collections::BTreeMap;

use census::census;
use cornu::catalogue::{State, modules};
use cornu::nn::layers::layer_from_config;
use cornu::nn::losses::loss_from_config;
use cornu::nn::metrics::metric_from_config;
use cornu::nn::optimizers::optimizer_from_config;
use cornu::nn::schedules::schedule_from_config;
use cornu::nn::{ConfigReader, Constraint, Initializer, LayerError, Regularizer};
use serde_json::{Map, Value, json};

/// The configuration of an object that is read from `config`.
fn configured(module: &str, class: &str, config: &Map<String, Value>) -> Result<Value, LayerError> {
    let object = json!({"class_name": class, "config": config});
    let of_object = |written: Option<Value>| written.map_or(Value::Null, |w| w["config"].clone());
    Ok(match module {
        "keras.layers" => {
            let mut reader = ConfigReader::new(&object["config"])?;
            let layer = layer_from_config(class, &mut reader)?;
            reader.finish()?;
            layer.config().into()
        }
        "keras.losses" => loss_from_config(&object)?.config().into(),
        "keras.metrics" => metric_from_config(&object)?.config().into(),
        "keras.optimizers" => optimizer_from_config(&object)?.config().into(),
        "keras.optimizers.schedules" => schedule_from_config(&object)?.config().into(),
        "keras.initializers" => {
            of_object(Some(Initializer::from_config("i", &object)?.to_config()))
        }
        "keras.regularizers" => {
            of_object(Regularizer::from_config("r", &object)?.map(|r| r.to_config()))
        }
        "keras.constraints" => {
            of_object(Constraint::from_config("c", &object)?.map(|c| c.to_config()))
        }
        _ => Value::Null,
    })
}

/// A value for an argument without a default.
fn example(class: &str, argument: &str) -> Value {
    let dense = json!({"class_name": "Dense", "config": {"units": 3}});
    match (class, argument) {
        ("Bidirectional", _) => json!({"class_name": "LSTM", "config": {"units": 3}}),
        ("RNN", _) => json!({"class_name": "LSTMCell", "config": {"units": 3}}),
        (_, "layer") => dense,
        ("Activation", _) => json!("relu"),
        ("Dot", _) => json!(1),
        ("RandomPosterization", "factor") => json!(4),
        (_, "equation") => json!("ab,bc->ac"),
        (_, "output_shape" | "target_shape" | "dims") => json!([1]),
        (_, "rate" | "stddev" | "scale" | "height_factor" | "width_factor" | "factor") => {
            json!(0.5)
        }
        (_, "recall" | "precision" | "specificity" | "sensitivity" | "decay_rate") => json!(0.5),
        (_, "initial_learning_rate") => json!(0.1),
        (_, "target_class_ids" | "boundaries") => json!([1]),
        (_, "values") => json!([0.1, 0.2]),
        _ => json!(2),
    }
}

/// Arguments of Keras's constructors that no configuration has, and why.
const NOT_IN_CONFIGURATIONS: &[(&str, &str, &str)] = &[
    ("InputLayer", "shape", "files have `batch_shape`; `Input::new` takes it"),
    ("InputLayer", "batch_size", "files have `batch_shape`"),
    ("InputLayer", "batch_shape", "the only argument of the class, and needed"),
    ("InputLayer", "input_tensor", "a tensor"),
    ("InputLayer", "input_shape", "files have `batch_shape`"),
    ("Bidirectional", "weights", "values are set by `Model::set_weights`"),
    ("Embedding", "weights", "values are set by `Model::set_weights`"),
];

/// What of `config` other than the argument itself `default` changes, or that it is not known.
fn difference(
    module: &str,
    class: &str,
    least: &Map<String, Value>,
    argument: &str,
    default: &Value,
) -> Option<String> {
    let mut with = least.clone();
    with.insert(argument.to_owned(), default.clone());
    let expected = match configured(module, class, least) {
        Ok(config) => config,
        Err(error) => return Some(format!("{class}: {error}")),
    };
    match configured(module, class, &with) {
        Err(error) => Some(format!("{class}({argument}={default}): {error}")),
        Ok(got) if got != expected => {
            let keys = expected.as_object().into_iter().flatten();
            let changed: Vec<String> = keys
                .filter(|(key, value)| got[*key] != **value)
                .map(|(key, value)| format!("{key} is {value}, not {}", got[key]))
                .collect();
            Some(format!("{class}({argument}={default}): {}", changed.join(", ")))
        }
        Ok(_) => None,
    }
}

#[test]
fn every_argument_is_known_and_has_keras_s_default() {
    let Some(census) = census() else { return };
    let mut wrong = Vec::new();
    let mut n_checked = 0;
    for (module, names) in modules() {
        let skipped = ["keras.callbacks", "keras.activations", "keras.models"];
        for name in names.iter().filter(|(_, state)| **state == State::Done(None)).map(|(n, _)| n) {
            let entry = &census["modules"][module]["entries"][name];
            if entry["kind"] != "class" || skipped.contains(&module) {
                continue;
            }
            let all = entry["params"].as_array().cloned().unwrap_or_default();
            let name_of = |p: &Value| p["name"].as_str().unwrap_or_default().to_owned();
            let needed = all.iter().filter(|p| p["required"] == true);
            let mut least: Map<String, Value> =
                needed.map(|p| (name_of(p), example(name, &name_of(p)))).collect();
            for (key, value) in more(name) {
                least.insert(key.to_owned(), value);
            }
            for parameter in all.iter().filter(|p| p.get("default").is_some()) {
                let argument = name_of(parameter);
                let known =
                    |(class, key, _): &&(&str, &str, &str)| class == name && *key == argument;
                // What all layers share is the model's.
                let is_shared = module == "keras.layers" && argument == "name";
                if argument == "dtype"
                    || is_shared
                    || least.contains_key(&argument)
                    || NOT_IN_CONFIGURATIONS.iter().any(|one| known(&one))
                {
                    continue;
                }
                n_checked += 1;
                wrong.extend(difference(module, name, &least, &argument, &parameter["default"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {n_checked}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(500 < n_checked, "{n_checked} arguments");
}

/// Arguments that have a default with which the class does not work.
fn more(class: &str) -> Vec<(&'static str, Value)> {
    match class {
        "InputLayer" => vec![("batch_shape", json!([null, 3]))],
        "Discretization" => vec![("bin_boundaries", json!([0.0, 1.0]))],
        "CategoryEncoding" => vec![("num_tokens", json!(3))],
        _ => Vec::new(),
    }
}

#[test]
fn layers_write_keras_s_default_configuration() {
    let Some(census) = census() else { return };
    let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (class, config) in census["default_layer_configs"].as_object().unwrap() {
        if modules()["keras.layers"].get(class) != Some(&State::Done(None)) {
            continue;
        }
        let mut own = config.as_object().unwrap().clone();
        for key in ["name", "trainable", "dtype"] {
            own.remove(key);
        }
        match configured("keras.layers", class, &own) {
            // A default that is a setting Cornu has not is refused by its name.
            Err(LayerError::Unsupported { .. }) => {}
            Err(error) => wrong.entry(class.clone()).or_default().push(error.to_string()),
            Ok(got) => {
                let keys = got.as_object().unwrap().keys().chain(own.keys());
                let differs = keys.filter(|&key| !same(&got[key], own.get(key)));
                let text = differs.map(|key| format!("{key}: {} {:?}", got[key], own.get(key)));
                let text: Vec<String> = text.collect();
                if !text.is_empty() {
                    wrong.insert(class.clone(), text);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Equal, with numbers compared as numbers.
fn same(a: &Value, b: Option<&Value>) -> bool {
    match (a, b) {
        (Value::Number(a), Some(Value::Number(b))) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Some(Value::Array(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, Some(b)))
        }
        (a, b) => Some(a) == b,
    }
}
