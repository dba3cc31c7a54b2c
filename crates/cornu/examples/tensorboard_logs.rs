//! Trains a small network with the TensorBoard callback and writes beside the event files what they must
//! hold, as `expected.json`: for `conformance/tensorboard/check.py`.

#![allow(clippy::print_stderr, reason = "an example may print")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use cornu::model::callbacks::{TensorBoard, UpdateFreq};
use cornu::prelude::*;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: tensorboard_logs FOLDER");
        std::process::exit(2);
    };
    cornu::set_random_seed(7);
    let inputs = Input::new([8, 8, 1]);
    let x = Conv2D::new(4, 3).activation(Activation::Relu).apply(&inputs)?;
    let x = Flatten::new().apply(&x)?;
    let outputs = Dense::new(1).activation(Activation::Sigmoid).apply(&x)?;
    let mut model = Model::new(&inputs, &outputs)?;
    model.compile(Adam::default(), BinaryCrossentropy::default(), [Metric::accuracy()])?;
    let data = |n: usize| {
        let x = Tensor::from_fn([n, 8, 8, 1], |i| ((i * 37) % 101) as f32 / 101.0);
        let y = Tensor::from_fn([n, 1], |i| (i % 2) as f32);
        Dataset::new(x, y)
    };
    let (train, val) = (data(40)?, data(12)?);

    // What the callback sees, step by step.
    let batches: Arc<Mutex<Vec<Logs>>> = Arc::default();
    let weights: Arc<Mutex<Vec<Vec<Tensor>>>> = Arc::default();
    let (seen_batches, seen_weights) = (batches.clone(), weights.clone());
    let spy = LambdaCallback::new()
        .on_batch_end(move |_, _, logs| {
            if let Ok(mut batches) = seen_batches.lock() {
                batches.push(logs.clone());
            }
            Ok(())
        })
        .on_epoch_end(move |cx, _, _| {
            if let Ok(mut weights) = seen_weights.lock() {
                weights.push(cx.weights());
            }
            Ok(())
        });
    let board = TensorBoard::new(&folder)
        .histogram_freq(1)
        .write_images(true)
        .update_freq(UpdateFreq::Batch);
    let fit = Fit::epochs(3).batch_size(8).validation(&val).callback(spy).callback(board);
    // Before the optimizer has state, as when training begins.
    let summary = model.summary();
    let history = model.fit(&train, fit)?;

    let mut expected: BTreeMap<&str, Value> = BTreeMap::new();
    expected.insert("epochs", json!(history.history));
    let batches = batches.lock().map_err(|error| error.to_string())?;
    expected.insert("batches", json!(*batches));
    let names: Vec<&str> = model.weight_infos().iter().map(|info| info.path.as_str()).collect();
    let weights = weights.lock().map_err(|error| error.to_string())?;
    let values: Vec<BTreeMap<&str, Value>> = weights
        .iter()
        .map(|weights| {
            let one = |weight: &Tensor| json!({"shape": weight.dims(), "values": weight.data()});
            names.iter().copied().zip(weights.iter().map(one)).collect()
        })
        .collect();
    expected.insert("weights", json!(values));
    expected.insert("model", json!(model.to_json()));
    expected.insert("summary", json!(summary));
    std::fs::write(folder.join("expected.json"), serde_json::to_string(&expected)?)?;
    Ok(())
}
