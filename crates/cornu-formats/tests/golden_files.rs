//! Files that the real Keras wrote, against what the golden cases say is in them.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may panic and say that it was skipped, its helpers too"
)]

use cornu_formats::weights::group_keys;
use cornu_formats::{Attribute, Data, Dataset, Group, read_h5, read_keras, read_keras_bytes};
use cornu_testkit::{Case, Cases};
use serde_json::{Value, json};
use std::fs;

/// All cases with saved files.
fn cases_with_files() -> Option<(Cases, Vec<Case>)> {
    let Some(cases) = Cases::find().or_else(Cases::committed) else {
        eprintln!("skipped: no golden cases");
        return None;
    };
    let kinds = ["model", "train", "util"].into_iter();
    let found: Vec<Case> = kinds
        .flat_map(|kind| cases.of_kind(kind).collect::<Vec<_>>())
        .filter(|case| case.json["files"].is_object())
        .collect();
    if found.is_empty() {
        eprintln!("skipped: no golden case has files");
        return None;
    }
    Some((cases, found))
}

/// The tree of a file, and its config if it is an archive.
fn read_any(cases: &Cases, name: &str) -> (Group, Option<Value>) {
    let path = cases.file(name);
    if name.ends_with(".keras") {
        let archive = read_keras(&path).unwrap();
        assert_eq!(archive.metadata["keras_version"], "3.15.1", "{name}");
        return (archive.weights, Some(archive.config));
    }
    (read_h5(fs::read(path).unwrap()).unwrap(), None)
}

/// As the cases describe a tree: path -> shape and type, `path/@` -> attributes.
fn described(group: &Group, at: &str, entries: &mut serde_json::Map<String, Value>) {
    if !group.attributes.is_empty() {
        let attributes = group.attributes.iter();
        let attributes =
            attributes.map(|(name, attribute)| (name.clone(), json!(as_python(attribute))));
        let key = if at.is_empty() { "/@".to_owned() } else { format!("{at}@") };
        entries.insert(key, Value::Object(attributes.collect()));
    }
    for (name, dataset) in &group.datasets {
        let described = json!({"shape": dataset.dims, "dtype": dataset.data.dtype()});
        entries.insert(format!("{at}{name}"), described);
    }
    for (name, inner) in &group.groups {
        described(inner, &format!("{at}{name}/"), entries);
    }
}

fn as_python(attribute: &Attribute) -> String {
    match attribute {
        Attribute::Text(text) => text.clone(),
        Attribute::Texts(texts) => {
            let quoted: Vec<String> = texts.iter().map(|text| format!("'{text}'")).collect();
            format!("[{}]", quoted.join(", "))
        }
        Attribute::Floats(values) if values.is_empty() => "[]".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Equal, but for long texts, of which the cases keep the first 300 characters.
fn agrees(got: Option<&Value>, expected: &Value) -> bool {
    match (got, expected) {
        (Some(Value::String(got)), Value::String(expected)) if 300 <= expected.len() => {
            got.starts_with(expected)
        }
        (Some(Value::Object(got)), Value::Object(expected)) => {
            let same = |(key, entry): (&String, &Value)| agrees(got.get(key), entry);
            got.len() == expected.len() && expected.iter().all(same)
        }
        (got, expected) => got == Some(expected),
    }
}

#[test]
fn files_hold_what_keras_put_in() {
    let Some((cases, found)) = cases_with_files() else { return };
    for case in &found {
        for (name, expected) in case.json["files"].as_object().unwrap() {
            let (tree, _) = read_any(&cases, name);
            let Some(expected) = expected["h5"].as_object() else { continue };
            let mut got = serde_json::Map::new();
            described(&tree, "", &mut got);
            for (path, entry) in expected {
                assert!(agrees(got.get(path), entry), "{name}: {path}: {:?}", got.get(path));
            }
            let no_more = |path: &&String| !expected.contains_key(*path);
            assert_eq!(got.keys().find(no_more), None, "{name}");
        }
    }
}

#[test]
fn weights_have_the_values_of_the_model() {
    let Some((cases, found)) = cases_with_files() else { return };
    for case in found.iter().filter(|case| case.has("w.0") && case.id.starts_with("model/")) {
        for name in case.json["files"].as_object().unwrap().keys() {
            let (tree, _) = read_any(&cases, name);
            let numbers = |d: &Dataset| {
                let whole = || d.to_i64().map(|a| a.map(|&x| x as f64));
                d.to_f32().map(|a| a.to_f64()).or_else(whole).unwrap()
            };
            let stored: Vec<_> = tree.all_datasets().iter().map(|(_, d)| numbers(d)).collect();
            for i in (0..).take_while(|i| case.has(&format!("w.{i}"))) {
                let weight = case.f64(&format!("w.{i}")).unwrap();
                assert!(stored.contains(&weight), "{name}: w.{i} of {:?}", weight.dims());
            }
        }
    }
}

#[test]
fn groups_are_named_by_class() {
    let Some((cases, found)) = cases_with_files() else { return };
    for case in &found {
        for name in case.json["files"].as_object().unwrap().keys() {
            let (tree, Some(config)) = read_any(&cases, name) else { continue };
            let is_sequential = config["class_name"] == "Sequential";
            let layers = config["config"]["layers"].as_array().unwrap().iter();
            let classes: Vec<&str> = layers
                // Operators in the graph are listed with the layers, but have no groups.
                .filter(|layer| !layer["module"].as_str().unwrap().starts_with("keras.src.ops"))
                .map(|layer| layer["class_name"].as_str().unwrap())
                .filter(|class| !(is_sequential && *class == "InputLayer"))
                .collect();
            let mut expected = group_keys(classes);
            expected.sort();
            let mut got: Vec<&str> =
                tree.group("layers").unwrap().groups.iter().map(|(key, _)| key.as_str()).collect();
            got.sort_unstable();
            assert_eq!(got, expected, "{name}");
        }
    }
}

#[test]
fn optimizers_count_in_int64_and_scalars_have_no_axes() {
    let Some((cases, found)) = cases_with_files() else { return };
    for case in found.iter().filter(|case| case.id.starts_with("train/")) {
        for name in case.json["files"].as_object().unwrap().keys() {
            let (tree, Some(_)) = read_any(&cases, name) else { continue };
            let iteration = tree.dataset("optimizer/vars/0").unwrap();
            let is_count = matches!(iteration.data, Data::I64(_) | Data::I32(_));
            assert!(iteration.dims.is_empty() && is_count, "{name}");
            let class = case.json["compile"]["optimizer"]["class_name"].as_str();
            let saved = tree.group("optimizer/vars").unwrap().text("name");
            let is_same =
                |class: &str| saved.is_some_and(|s| s.replace('_', "") == class.to_lowercase());
            assert!(class.is_none_or(is_same), "{name}: {saved:?}");
        }
    }
}

#[test]
fn written_again_they_hold_the_same() {
    let Some(cases) = Cases::find().or_else(Cases::committed) else {
        eprintln!("skipped: no golden cases");
        return;
    };
    let Ok(folder) = fs::read_dir(cases.folder().join("files")) else {
        eprintln!("skipped: no files");
        return;
    };
    for entry in folder {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".keras") {
            let archive = read_keras(&path).unwrap();
            let bytes = cornu_formats::keras_archive::keras_bytes(&archive).unwrap();
            assert_eq!(read_keras_bytes(&name, &bytes).unwrap(), archive, "{name}");
        } else {
            let tree = read_h5(fs::read(&path).unwrap()).unwrap();
            let bytes = cornu_formats::write_h5(&tree);
            // A config longer than HDF5 can keep in an attribute of this format is refused.
            let Ok(bytes) = bytes else {
                assert!(name.ends_with(".h5") && !name.ends_with(".weights.h5"), "{name}");
                continue;
            };
            assert_eq!(read_h5(bytes).unwrap(), tree, "{name}");
        }
    }
}
