//! Every layer and every optimizer to the real Keras and back.
//!
//! `round_trip write FOLDER` saves a model of each layer of the catalogue with an input and a
//! prediction. Keras loads them, compares, saves them again, and trains a network with each of its
//! optimizers; then `round_trip read FOLDER` compares configurations and predictions, and goes on
//! with the training. `conformance/keras/run` does all of it.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::fs;
use std::path::Path;

use cornu_model::{Batch, Dataset, Model, set_random_seed};
use cornu_nn::layers::LAYERS;
use cornu_nn::optimizers::OPTIMIZERS;
use cornu_tensor::Tensor;
use serde_json::{Value, json};

// The configurations and shapes that the tests of the catalogue use; its tests are not needed here.
#[path = "../../cornu-nn/tests/layers/catalogue.rs"]
#[allow(dead_code, unused_imports, clippy::unwrap_used, reason = "helpers of tests")]
mod catalogue;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Most that predictions may differ by, relative to the largest.
const TOLERANCE: f32 = 1e-5;
const SAMPLES: usize = 3;

fn main() -> Result<()> {
    let usage = "usage: round_trip write|read FOLDER";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [action, folder] = arguments.as_slice() else { return Err(usage.into()) };
    let folder = Path::new(folder);
    fs::create_dir_all(folder)?;
    let failed = match action.as_str() {
        "write" => each_layer(|class_name| write(class_name, folder)),
        "read" => {
            let layers = each_layer(|class_name| read(class_name, folder));
            layers + each_optimizer(folder, |class_name| go_on(class_name, folder))
        }
        _ => return Err(usage.into()),
    };
    if failed == 0 { Ok(()) } else { Err(format!("{failed} failed").into()) }
}

/// Keras makes no functional model with Equalization.
const LEFT_OUT: [&str; 2] = ["InputLayer", "Equalization"];

fn each_layer(run: impl Fn(&str) -> Result<()>) -> usize {
    let names = LAYERS.iter().map(|entry| entry.class_name);
    each("layers", names.filter(|name| !LEFT_OUT.contains(name)), run)
}

fn each_optimizer(folder: &Path, run: impl Fn(&str) -> Result<()>) -> usize {
    // Its steps on JAX differ from those on TensorFlow, which are Cornu's: Keras leaves it out there.
    let is_there = |name: &&str| {
        *name != "ScheduleFreeAdamW" || folder.join(format!("optimizer.{name}.keras")).exists()
    };
    let names = OPTIMIZERS.iter().map(|entry| entry.class_name);
    each("optimizers", names.filter(is_there), run)
}

/// Runs all, prints what fails, and answers how many did.
fn each<'a>(
    what: &str,
    names: impl Iterator<Item = &'a str>,
    run: impl Fn(&str) -> Result<()>,
) -> usize {
    let (mut passed, mut failed) = (0, 0);
    for name in names {
        match run(name) {
            Ok(()) => passed += 1,
            Err(error) => {
                failed += 1;
                println!("FAILED  {name}: {error}");
            }
        }
    }
    println!("{what}: {passed} passed, {failed} failed");
    failed
}

/// A model of one layer, as Keras writes it.
fn object(class_name: &str, config: &Value, samples: &[Vec<usize>]) -> Value {
    let tensor = |i: usize| {
        let mut shape = vec![Value::Null];
        shape.extend(samples[i].iter().map(|&n| json!(n)));
        json!({"class_name": "__keras_tensor__", "config": {
            "shape": shape, "dtype": "float32", "keras_history": [format!("input_{i}"), 0, 0]}})
    };
    let inputs: Vec<Value> = (0..samples.len()).map(tensor).collect();
    let takes_arguments = ["MultiHeadAttention", "GroupQueryAttention"].contains(&class_name);
    let is_single = samples.len() == 1 || takes_arguments;
    let args = if is_single { json!(inputs) } else { json!([inputs]) };
    let mut layers: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(i, input)| {
            json!({"module": "keras.layers", "class_name": "InputLayer", "registered_name": null,
                "config": {"batch_shape": input["config"]["shape"], "dtype": "float32",
                    "sparse": false, "name": format!("input_{i}")},
                "name": format!("input_{i}"), "inbound_nodes": []})
        })
        .collect();
    let mut config = config.clone();
    config["name"] = json!("layer");
    layers.push(json!({"module": "keras.layers", "class_name": class_name,
        "registered_name": null, "config": config, "name": "layer",
        "inbound_nodes": [{"args": args, "kwargs": {}}]}));
    let ends: Vec<Value> =
        (0..samples.len()).map(|i| json!([format!("input_{i}"), 0, 0])).collect();
    json!({"module": "keras.src.models.functional", "class_name": "Functional",
        "registered_name": "Functional", "config": {"name": "model", "trainable": true,
            "layers": layers, "input_layers": ends, "output_layers": [["layer", 0, 0]]}})
}

/// Whole numbers for what takes classes, else halves.
fn inputs(class_name: &str, samples: &[Vec<usize>]) -> Vec<Tensor> {
    let takes_classes =
        ["Embedding", "ReversibleEmbedding", "CategoryEncoding"].contains(&class_name);
    let number = |i: usize| match (i.wrapping_mul(2_654_435_761) >> 7) % 9 {
        n if takes_classes => (n % 3) as f32,
        n => n as f32 / 2.0 + (i % 5) as f32 / 16.0,
    };
    samples.iter().map(|dims| Tensor::from_fn([&[SAMPLES], &dims[..]].concat(), number)).collect()
}

fn write(class_name: &str, folder: &Path) -> Result<()> {
    set_random_seed(11);
    let (config, samples) = catalogue::example(class_name);
    let mut model = Model::from_config(&object(class_name, &config, &samples))?;
    // Numbers that no initializer gives. Variances must be positive, so all are.
    let mut weights = model.get_weights();
    for (weight, info) in weights.iter_mut().zip(model.weight_infos()) {
        if !info.is_integer() {
            let old = weight.clone();
            *weight =
                Tensor::from_fn(old.dims(), |i| old.data()[i].abs() + (i * 7 % 5) as f32 / 8.0);
        }
    }
    model.set_weights(&weights)?;
    model.save(folder.join(format!("{class_name}.keras")))?;
    let x = inputs(class_name, &samples);
    let y = predict(&mut model, &x)?;
    let data = json!({"x": x.iter().map(to_json).collect::<Vec<_>>(),
        "y": y.iter().map(to_json).collect::<Vec<_>>()});
    Ok(fs::write(folder.join(format!("{class_name}.json")), data.to_string())?)
}

fn read(class_name: &str, folder: &Path) -> Result<()> {
    let data: Value = read_json(&folder.join(format!("{class_name}.json")))?;
    let first = Model::load(folder.join(format!("{class_name}.keras")))?;
    let mut again = Model::load(folder.join(format!("{class_name}.again.keras")))?;
    let (got, expected) = (layer_config(&again), layer_config(&first));
    if got != expected {
        return Err(format!("config {got}, not {expected}").into());
    }
    if first.get_weights() != again.get_weights() {
        return Err("other weights".into());
    }
    let y = predict(&mut again, &tensors(&data["x"])?)?;
    let off = difference(&y, &tensors(&data["y"])?);
    if off <= TOLERANCE { Ok(()) } else { Err(format!("predictions differ by {off:e}").into()) }
}

/// The layer's own configuration. What Keras notes of its call is not part of it, nor is a seed, which
/// it draws where there is none.
fn layer_config(model: &Model) -> Value {
    let mut object = model.to_config();
    let layer = object["config"]["layers"].as_array_mut().and_then(Vec::pop).unwrap_or_default();
    let mut config = layer["config"].clone();
    if let Some(config) = config.as_object_mut() {
        config.remove("seed");
    }
    config
}

/// Five more steps from Keras's checkpoint.
fn go_on(class_name: &str, folder: &Path) -> Result<()> {
    let data: Value = read_json(&folder.join(format!("optimizer.{class_name}.json")))?;
    let mut model = Model::load(folder.join(format!("optimizer.{class_name}.keras")))?;
    let batch = Batch { x: tensors(&data["x"])?, y: tensors(&data["y"])?, ..Batch::default() };
    let losses = data["losses"].as_array().ok_or("no losses")?;
    for (step, loss) in losses.iter().enumerate() {
        model.reset_metrics();
        let (got, expected) =
            (model.train_on_batch(&batch)?["loss"], loss.as_f64().unwrap_or(f64::NAN));
        let off = (got - expected).abs();
        if off.is_nan() || f64::from(TOLERANCE) * expected.abs().max(1.0) < off {
            return Err(format!("step {step}: loss {got}, not {expected}").into());
        }
    }
    let off = difference(&model.get_weights(), &tensors(&data["weights"])?);
    if off <= TOLERANCE { Ok(()) } else { Err(format!("weights differ by {off:e}").into()) }
}

fn predict(model: &mut Model, x: &[Tensor]) -> Result<Vec<Tensor>> {
    Ok(model.predict_batches(&Dataset::several(x.to_vec(), Vec::new())?, SAMPLES)?)
}

/// The largest difference, relative to the largest number; infinite if shapes differ.
fn difference(got: &[Tensor], expected: &[Tensor]) -> f32 {
    let dims = |tensors: &[Tensor]| tensors.iter().map(|t| t.dims().to_vec()).collect::<Vec<_>>();
    if dims(got) != dims(expected) {
        return f32::INFINITY;
    }
    let of_tensor = |(got, expected): (&Tensor, &Tensor)| {
        let scale = expected.data().iter().fold(1.0f32, |m, x| m.max(x.abs()));
        let pairs = got.data().iter().zip(expected.data());
        let worst = pairs.map(|(a, b)| (a - b).abs() / scale);
        worst.fold(0.0f32, |m, off| if off.is_nan() { f32::INFINITY } else { m.max(off) })
    };
    got.iter().zip(expected).map(of_tensor).fold(0.0, f32::max)
}

fn to_json(tensor: &Tensor) -> Value {
    json!({"dims": tensor.dims(), "data": tensor.data()})
}

fn read_json(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(serde_json::from_str(&text)?)
}

fn tensors(list: &Value) -> Result<Vec<Tensor>> {
    let tensor = |json: &Value| -> Result<Tensor> {
        let dims: Vec<usize> = serde_json::from_value(json["dims"].clone())?;
        let data: Vec<f32> = serde_json::from_value(json["data"].clone())?;
        Ok(Tensor::new(dims, data)?)
    };
    list.as_array().ok_or("no list of tensors")?.iter().map(tensor).collect()
}
