//! Golden cases of kind `util`: helpers that fit no other kind.

use std::fs;

use cornu::utils::{normalize, to_categorical};
use cornu_data::{ImageFolder, Split, keras_order};
use cornu_graph::Graph;
use cornu_nn::layers::CallArguments;
use cornu_nn::layers::Normalization;
use cornu_nn::{Layer, LowerCx};
use cornu_tensor::{Shape, Tensor};
use cornu_testkit::Case;
use serde_json::Value;

use crate::runtimes::Experiment;
use crate::tally::{Failure, Verdict, verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    let args = &case.json["args"];
    match case.function() {
        "to_categorical" => {
            let n_classes = args["num_classes"].as_u64().map(|n| n as usize);
            let got = to_categorical(&case.f32("in.0").unwrap(), n_classes)?;
            Ok(case.check("out.0", &got)?)
        }
        "normalize" => {
            let (axis, order) = (args["axis"].as_i64().unwrap_or(-1), args["order"].as_f64());
            let got = normalize(&case.f32("in.0").unwrap(), axis, order.unwrap_or(2.0))?;
            Ok(case.check("out.0", &got)?)
        }
        "Normalization.adapt" => adapt(case),
        "image_dataset_from_directory" => order_of_files(case),
        other => Err(Failure::Refused(format!("function `{other}`"))),
    }
}

/// `adapt` with several axes, and the layer with what it has learned.
fn adapt(case: &Case) -> Verdict {
    let data = case.f32("data").unwrap();
    let mut wrong = Vec::new();
    for (name, args) in case.json["args"].as_object().unwrap() {
        let axis = match args.get("axis") {
            None => vec![-1],
            Some(Value::Null) => Vec::new(),
            Some(Value::Array(axes)) => axes.iter().map(|axis| axis.as_i64().unwrap()).collect(),
            Some(axis) => vec![axis.as_i64().unwrap()],
        };
        let layer = Normalization::new().axis(axis);
        let weights = layer.adapt(&data)?;
        // Keras keeps the axes that are summed over.
        for (what, weight) in [("mean", &weights[0]), ("variance", &weights[1])] {
            let key = format!("{what}.{name}");
            let dims = case.f32(&key).unwrap().dims().to_vec();
            let weight = weight.clone().reshaped(dims).map_err(|error| error.to_string())?;
            wrong.extend(case.check(&key, &weight).err());
        }
        wrong.extend(with_weights(case, &layer, weights, &format!("out.{name}"))?);
    }
    verdict(wrong)
}

fn with_weights(
    case: &Case,
    layer: &Normalization,
    weights: [Tensor; 3],
    expected: &str,
) -> Result<Vec<String>, Failure> {
    let x = case.f32("in.0").unwrap();
    let mut graph = Graph::new();
    let input = graph.input("in.0", Shape::batched(&x.dims()[1..]))?;
    let mut values = Vec::new();
    for (i, weight) in weights.iter().enumerate() {
        let id = graph.add_variable(format!("w.{i}"), weight.dims());
        values.push(graph.variable(id)?);
    }
    let y = layer.lower(
        &mut LowerCx {
            graph: &mut graph,
            training: false,
            trainable: true,
            weights: &values,
            weight_updates: &mut Vec::new(),
            losses: &mut Vec::new(),
            next_stream: &mut 0,
            call: &CallArguments::default(),
        },
        &[input],
    )?;
    graph.set_output("y", y);
    let experiment = Experiment {
        graph,
        samples: x.dims()[0],
        inputs: vec![("in.0".to_owned(), x)],
        variables: weights.to_vec(),
        expected: vec![expected.to_owned()],
        after: Vec::new(),
        exact_to: None,
    };
    Ok(experiment.check(case))
}

/// The files of a folder in Keras's order, shuffled and divided. Only their names count.
fn order_of_files(case: &Case) -> Verdict {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    for file in case.json["files_and_pixel_value"].as_array().unwrap() {
        let path = folder.path().join(file[0].as_str().unwrap());
        fs::create_dir_all(path.parent().unwrap()).map_err(|error| error.to_string())?;
        fs::write(path, b"").map_err(|error| error.to_string())?;
    }
    let found = ImageFolder::open(folder.path()).map_err(|error| error.to_string())?;
    let args = &case.json["args"];
    let (seed, share) = (args["seed"].as_u64().unwrap(), args["validation_split"].as_f64());
    let mut wrong = Vec::new();
    for (key, result) in case.json["results"].as_object().unwrap() {
        let seed = key.contains("shuffle=True").then_some(seed as u32);
        let part = |split| share.map(|share| (split, share));
        let subset = match key.split_once("subset=").map(|(_, subset)| subset) {
            Some("training") => part(Split::Train),
            Some("validation") => part(Split::Val),
            _ => None,
        };
        let order = keras_order(found.samples.len(), seed, subset);
        let paths: Vec<String> = order
            .iter()
            .map(|&i| {
                let path = found.samples[i].path.strip_prefix(folder.path()).unwrap();
                path.to_string_lossy().replace('\\', "/")
            })
            .collect();
        if serde_json::json!(paths) != result["file_paths"] {
            wrong.push(format!("{key}: expected {}, got {paths:?}", result["file_paths"]));
        }
        if serde_json::json!(found.class_names) != result["class_names"] {
            wrong.push(format!("{key}: classes {:?}", found.class_names));
        }
        let labels: Vec<usize> = order.iter().map(|&i| found.samples[i].class_idx).collect();
        let expected = &result["labels_order"];
        if !expected.is_null() && serde_json::json!(labels) != *expected {
            wrong.push(format!("{key}: labels {labels:?}"));
        }
    }
    verdict(wrong)
}
