//! The catalogue: complete, up to date, and true.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod census;

use std::fs;

use census::{census, workspace};
use cornu::catalogue::{State, modules, state, to_markdown};
use cornu::nn::{Constraint, Initializer, Regularizer, refusals};
use cornu::nn::{layers, losses, metrics, optimizers, schedules};
use serde_json::json;

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

#[test]
fn what_is_done_is_there() {
    for (module, names) in modules() {
        for name in names.iter().filter(|(_, state)| **state == State::Done(None)).map(|(n, _)| n) {
            let error = error_of(module, name).unwrap_or_default();
            assert!(!error.contains(&format!("`{name}` is not")), "{module}.{name}: {error}");
        }
    }
}
