//! The catalogue: complete, up to date, and true.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod census;

use std::fs;
use std::path::Path;

use census::{census, workspace};
use cornu::catalogue::{State, modules, state, to_markdown};
use cornu::model::Model;
use cornu::model::callbacks::{
    CSVLogger, Callback, EarlyStopping, LambdaCallback, LearningRateScheduler, ModelCheckpoint,
    ReduceLROnPlateau, SwapEMAWeights, TensorBoard, TerminateOnNaN,
};
use cornu::nn::{Activation, Constraint, Initializer, LayerError, Regularizer, refusals};
use cornu::nn::{layers, losses, metrics, optimizers, schedules};
use serde_json::{Value, json};

#[test]
fn the_document_is_what_the_code_says() {
    let committed = fs::read_to_string(workspace().join("docs/catalogue.md")).unwrap();
    assert!(
        committed == to_markdown(),
        "docs/catalogue.md is out of date: cargo run -p cornu --example catalogue > docs/catalogue.md"
    );
}

#[test]
fn every_name_of_keras_is_listed_and_no_other() {
    let Some(census) = census() else { return };
    let mut listed = modules();
    let mut missing = Vec::new();
    let mut take = |module: &str, name: &str| {
        let known = listed.get_mut(module).is_some_and(|names| names.remove(name).is_some());
        if !known {
            missing.push(format!("{module}.{name}"));
        }
    };
    for (module, contents) in census["modules"].as_object().unwrap() {
        for (name, entry) in contents["entries"].as_object().unwrap() {
            let inner = format!("{module}.{name}");
            let has_section = census["modules"].get(&inner).is_some()
                || census["submodules"].get(&inner).is_some();
            if entry["kind"] != "module" || !has_section {
                take(module, name);
            }
        }
    }
    for (module, entries) in census["submodules"].as_object().unwrap() {
        entries.as_object().unwrap().keys().for_each(|name| take(module, name));
    }
    census["keras_tuner"].as_object().unwrap().keys().for_each(|name| take("keras_tuner", name));
    assert!(missing.is_empty(), "neither done nor refused: {missing:?}");
    let more: Vec<String> = listed
        .iter()
        .flat_map(|(module, names)| names.keys().map(move |name| format!("{module}.{name}")))
        .collect();
    assert!(more.is_empty(), "no names of Keras: {more:?}");
}

/// The error of making something of a kind that configurations name; `None` if there is none.
fn error_of(module: &str, name: &str) -> Option<String> {
    let value = json!(name);
    let error = match module {
        "keras.layers" => {
            let mut reader = cornu::nn::ConfigReader::new(&json!({})).unwrap();
            layers::layer_from_config(name, &mut reader).err()
        }
        "keras.losses" => losses::loss_from_config(&value).err(),
        "keras.metrics" => metrics::metric_from_config(&value).err(),
        "keras.optimizers" => optimizers::optimizer_from_config(&value).err(),
        "keras.optimizers.schedules" => schedules::schedule_from_config(&value).err(),
        "keras.initializers" => Initializer::from_config("initializer", &value).err(),
        "keras.regularizers" => Regularizer::from_config("regularizer", &value).err(),
        "keras.constraints" => Constraint::from_config("constraint", &value).err(),
        _ => None,
    };
    error.map(|error| error.to_string())
}

#[test]
fn what_is_refused_says_so_and_why_when_it_is_asked_for() {
    for refusal in refusals::REFUSALS {
        for name in refusal.names {
            // A line stays until somebody has taken it out.
            if matches!(state(refusal.module, name), Some(State::Done(_))) {
                continue;
            }
            let error = error_of(refusal.module, name).unwrap_or_default();
            assert!(
                error.contains(name) && error.ends_with(refusal.reason),
                "{}.{name}: {error:?}",
                refusal.module
            );
        }
    }
}

/// A value for each key that something cannot be made without.
fn example(key: &str) -> Value {
    match key {
        "activation" => json!("relu"),
        "axes" | "dims" => json!([1]),
        "batch_shape" => json!([null, 2]),
        "boundaries" => json!([10]),
        "cell" => json!({"class_name": "LSTMCell", "config": {"units": 2}}),
        "equation" => json!("ab,bc->ac"),
        "layer" => json!({"class_name": "LSTM", "config": {"units": 2}}),
        "layers" => json!([{"class_name": "Rescaling", "config": {"scale": 0.5}}]),
        // Within the limits of every layer.
        "factor" => json!(1),
        "target_class_ids" => json!([0]),
        "target_shape" => json!([-1]),
        "values" => json!([0.1, 0.01]),
        "alpha"
        | "decay_rate"
        | "height_factor"
        | "initial_learning_rate"
        | "precision"
        | "rate"
        | "recall"
        | "scale"
        | "sensitivity"
        | "specificity"
        | "stddev" => json!(0.5),
        _ => json!(2),
    }
}

/// Makes something from its name as files do: its own name, or the error.
fn made(module: &str, name: &str, config: &Value) -> Result<String, LayerError> {
    let object = json!({"class_name": name, "config": config});
    let value = if *config == json!({}) { json!(name) } else { object };
    Ok(match module {
        "keras.layers" => {
            let mut reader = cornu::nn::ConfigReader::new(config)?;
            let layer = layers::layer_from_config(name, &mut reader)?;
            reader.finish()?;
            layer.class_name().to_owned()
        }
        "keras.activations" => Activation::named(name)?.name().to_owned(),
        "keras.losses" => losses::loss_from_config(&value)?.class_name().to_owned(),
        "keras.metrics" => {
            let metric = match metrics::metric_from_config(&value) {
                // The mean of a loss.
                Err(LayerError::UnknownClass { .. }) => {
                    metrics::metric_for_shapes(&value, &[4, 2], &[4, 2])?
                }
                other => other?,
            };
            match metric.class_name() {
                "MeanMetricWrapper" => losses::loss_from_config(&value)?.class_name().to_owned(),
                class => class.to_owned(),
            }
        }
        "keras.optimizers" => optimizers::optimizer_from_config(&value)?.class_name().to_owned(),
        "keras.optimizers.schedules" => {
            schedules::schedule_from_config(&value)?.class_name().to_owned()
        }
        "keras.initializers" => {
            Initializer::from_config("initializer", &value)?.class_name().to_owned()
        }
        "keras.regularizers" => {
            let made = Regularizer::from_config("regularizer", &value)?;
            made.unwrap().class_name().to_owned()
        }
        "keras.constraints" => {
            let made = Constraint::from_config("constraint", &value)?;
            made.unwrap().class_name().to_owned()
        }
        "keras.callbacks" => {
            let _: Box<dyn Callback> = match name {
                "CSVLogger" => Box::new(CSVLogger::new("log.csv")),
                "EarlyStopping" => Box::new(EarlyStopping::new()),
                "LambdaCallback" => Box::new(LambdaCallback::new()),
                "LearningRateScheduler" => Box::new(LearningRateScheduler::new(|_, rate| rate)),
                "ModelCheckpoint" => Box::new(ModelCheckpoint::new("best.keras")),
                "ReduceLROnPlateau" => Box::new(ReduceLROnPlateau::new()),
                "SwapEMAWeights" => Box::new(SwapEMAWeights),
                "TensorBoard" => Box::new(TensorBoard::new("logs")),
                "TerminateOnNaN" => Box::new(TerminateOnNaN),
                name => {
                    let name = name.to_owned();
                    return Err(LayerError::UnknownClass { kind: "callback", name });
                }
            };
            name.to_owned()
        }
        _ => {
            let name = name.to_owned();
            return Err(LayerError::UnknownClass { kind: "item", name });
        }
    })
}

/// The same with whatever it cannot be made without.
fn made_with_examples(module: &str, name: &str) -> Result<String, LayerError> {
    // Keras can find its boundaries in data, too.
    let is_discretization = (module, name) == ("keras.layers", "Discretization");
    let mut config =
        if is_discretization { json!({"bin_boundaries": [0.0, 1.0]}) } else { json!({}) };
    loop {
        match made(module, name, &config) {
            Err(LayerError::MissingKey(key)) if config.get(&key).is_none() => {
                config[&key] = example(&key);
            }
            other => return other,
        }
    }
}

/// The operation of a model that computes the function `name`.
fn operation_of(module: &str, name: &str) -> Option<Model> {
    let class: String = name
        .split('_')
        .flat_map(|word| {
            word[..1].to_uppercase().chars().chain(word[1..].chars()).collect::<Vec<_>>()
        })
        .collect();
    let tensor =
        json!({"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}});
    [1, 2].into_iter().find_map(|n_arguments| {
        ["numpy", "nn"].into_iter().find_map(|part| {
            if module != "keras.ops" && module != format!("keras.ops.{part}") {
                return None;
            }
            let node = json!({"args": vec![tensor.clone(); n_arguments], "kwargs": {}});
            let layers = json!([
                {"class_name": "InputLayer", "inbound_nodes": [],
                    "config": {"name": "x", "batch_shape": [null, 2]}},
                {"class_name": class, "module": format!("keras.src.ops.{part}"),
                    "config": {"name": "y"}, "inbound_nodes": [node]},
            ]);
            let config = json!({"name": "m", "layers": layers, "input_layers": [["x", 0, 0]],
                "output_layers": [["y", 0, 0]]});
            Model::from_config(&json!({"class_name": "Functional", "config": config})).ok()
        })
    })
}

/// All code but the catalogue's own.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_str().unwrap().to_owned();
        if entry.is_dir() && !["catalogue", "tests", "examples", "target"].contains(&&name[..]) {
            sources(&entry, text);
        } else if name.ends_with(".rs") {
            text.push_str(&fs::read_to_string(entry).unwrap());
        }
    }
}

/// Whether code defines what a text names between backticks, first.
fn is_defined(text: &str, code: &str) -> bool {
    let Some(path) = text.split('`').nth(1) else { return false };
    let path = path.split('(').next().unwrap_or(path);
    path.split("::").last().is_some_and(|name| {
        ["fn", "struct", "enum", "trait", "type"].iter().any(|kind| {
            let definition = format!("{kind} {name}");
            code.match_indices(&definition).any(|(at, _)| {
                let after = code[at + definition.len()..].chars().next();
                !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
            })
        })
    })
}

#[test]
fn what_is_done_is_there() {
    let mut code = String::new();
    sources(&workspace().join("crates"), &mut code);
    let mut missing = Vec::new();
    for (module, names) in modules() {
        for (name, state) in names {
            let State::Done(other) = state else { continue };
            let is_there = match (made_with_examples(module, &name), &other) {
                (Ok(class), None) => class == name,
                (Ok(class), Some(text)) => text.contains(&format!("`{class}`")),
                (Err(LayerError::UnknownClass { .. } | LayerError::Config { .. }), Some(text)) => {
                    if text == "in models of files" {
                        operation_of(module, &name).is_some()
                    } else {
                        // A class of the module by another name, or something of Rust's own.
                        let class = text.split('`').nth(1).unwrap_or_default();
                        made_with_examples(module, class).is_ok() || is_defined(text, &code)
                    }
                }
                (Err(_), _) => false,
            };
            if !is_there {
                missing.push(format!("{module}.{name}: {:?}", made_with_examples(module, &name)));
            }
        }
    }
    assert!(missing.is_empty(), "listed as done: {missing:#?}");
}

#[test]
fn what_is_not_there_would_not_pass() {
    for module in ["keras.layers", "keras.losses", "keras.callbacks", "keras.optimizers"] {
        assert!(made_with_examples(module, "NoSuchThing").is_err(), "{module}");
    }
    assert!(operation_of("keras.ops", "no_such_thing").is_none());
    assert!(!is_defined("`nn::ops::one`", "pub fn one_hot()"));
    assert!(is_defined("`nn::ops::one_hot`, a function", "pub fn one_hot()"));
    assert!(!is_defined("nothing", "pub fn nothing()"));
}
