//! Golden kind `train`: whole training runs, step by step.

use std::collections::BTreeMap;

use cornu_engine::{Options, Runtime};
use cornu_model::{Batch, Batches, Compile, Dataset, Fit, History, Logs, Model};
use cornu_tensor::Tensor;
use cornu_testkit::{Case, Cases};
use serde_json::Value;

use crate::compare::close;
use crate::files;
use crate::runtimes::RUNTIMES;
use crate::tally::{Failure, Verdict};

pub(crate) fn check(cases: &Cases, case: &Case) -> Verdict {
    for (runtime, threads) in RUNTIMES {
        run(case, runtime, threads).map_err(|f| f.at(format!("{runtime:?}/{threads}")))?;
    }
    files::check(cases, case)
}

fn run(case: &Case, runtime: Runtime, threads: usize) -> Verdict {
    // In `f64` the reference must follow Keras's `f64` run; learning rates are rounded to `f32`.
    let (prefix, tolerance) =
        if runtime == Runtime::Reference { ("f64_", 1e-5) } else { ("", 1e-3) };
    let mut model = compiled(case, runtime, threads)?;
    let (data, validation) = data(case);
    let (history, batch_logs) = fit(case, &mut model, &data, validation.as_ref())?;

    for (i, expected) in list(case, &format!("{prefix}batch_logs")).iter().enumerate() {
        same_logs(&format!("batch {i}"), &batch_logs[i], expected, tolerance)?;
    }
    for (i, expected) in list(case, &format!("{prefix}epoch_logs")).iter().enumerate() {
        let logs = history.history.iter().map(|(name, values)| (name.clone(), values[i])).collect();
        same_logs(&format!("epoch {i}"), &logs, expected, tolerance)?;
    }
    if case.json["summary_after"].is_string() && model.summary() != case.json["summary_after"] {
        return Err(Failure::wrong(format!("summary: got\n{}", model.summary())));
    }
    let scale = if runtime == Runtime::Reference { 1e-5 } else { 1e-3 };
    for (i, weight) in model.get_weights().iter().enumerate() {
        let path = case.json["weights"][i]["path"].as_str().unwrap_or_default();
        if is_noise(path) {
            continue;
        }
        case.check_relative(&format!("w1.{i}"), weight, scale)?;
    }
    // Paths are Keras's but for the names of models in front, which it adds or not.
    let variables = model.optimizer_variables();
    for (i, (path, value)) in variables.iter().enumerate() {
        let expected = &case.json["optimizer_variables"][i]["path"];
        let end = |path: &str| path.split('/').next_back().unwrap_or_default().to_owned();
        let (ours, theirs) = (end(path), end(expected.as_str().unwrap_or("?")));
        if !ours.ends_with(&theirs) && !theirs.ends_with(&ours) {
            return Err(Failure::wrong(format!("optimizer variable {i}: {path}, not {expected}")));
        }
        if is_noise(&theirs) {
            continue;
        }
        // Keras's values in `float32`: small ones are differences of large ones.
        case.check_relative(&format!("ov.{i}"), value, scale.max(1e-4))?;
    }
    if case.has(&format!("ov.{}", variables.len())) {
        return Err(Failure::wrong("optimizer variables are missing".to_owned()));
    }
    let predictions = model.predict_batches(&data, 32)?;
    for (i, prediction) in predictions.iter().enumerate() {
        case.check_relative(&format!("pred.{i}"), prediction, 2.0 * scale)?;
    }
    // Keras's run was evaluated without the sample weights.
    let unweighted = data.clone().sample_weights(Vec::new())?;
    let scores = model.evaluate_batches(&unweighted, batch_size(case))?;
    same_logs("evaluate", &scores, &case.json["evaluate_after"], tolerance.max(3e-5))?;
    steps(case, runtime, threads, &data, prefix, tolerance)
}

/// Whether the gradient of a weight is zero but for rounding, which Adam blows up to steps: a key's
/// bias adds the same to all scores of a query.
fn is_noise(path: &str) -> bool {
    path.ends_with("/key/bias") || path.contains("_key_bias_")
}

/// The same run by `train_on_batch`, metrics reset after each step.
fn steps(
    case: &Case,
    runtime: Runtime,
    threads: usize,
    data: &Dataset,
    prefix: &str,
    tolerance: f64,
) -> Verdict {
    let expected = list(case, &format!("{prefix}step_logs"));
    let mut model = compiled(case, runtime, threads)?;
    let mut batch = Batch::default();
    let order: Vec<usize> = (0..data.len()).collect();
    let batches = order.chunks(batch_size(case)).cycle();
    for (i, (samples, expected)) in batches.zip(&expected).enumerate() {
        data.fill(samples, &mut batch)?;
        model.reset_metrics();
        let logs = model.train_on_batch(&batch)?;
        same_logs(&format!("step {i}"), &logs, expected, tolerance)?;
    }
    Ok(())
}

fn compiled(case: &Case, runtime: Runtime, threads: usize) -> Result<Model, Failure> {
    let mut model = Model::from_config(&case.json["object"])?;
    let options = Options::from_environment().map_err(|error| error.to_string())?;
    model.set_options(options.runtime(runtime).threads(threads));
    model.set_weights(&case.list("w0"))?;
    model.compile_with(Compile::from_config(&case.json["compile"])?)?;
    Ok(model)
}

fn fit(
    case: &Case,
    model: &mut Model,
    data: &Dataset,
    validation: Option<&Dataset>,
) -> Result<(History, Vec<Logs>), Failure> {
    let mut batch_logs = Vec::new();
    let history = {
        let mut fit = Fit::epochs(case.json["epochs"].as_u64().unwrap() as usize)
            .batch_size(batch_size(case))
            .shuffle(false)
            .callback(cornu_model::callbacks::LambdaCallback::new().on_batch_end(|_, _, logs| {
                batch_logs.push(logs.clone());
                Ok(())
            }));
        for (key, value) in case.json["fit"].as_object().unwrap() {
            match key.as_str() {
                "validation_split" => fit = fit.validation_split(value.as_f64().unwrap()),
                other => return Err(Failure::Refused(format!("fit({other}={value})"))),
            }
        }
        if let Some(weights) = case.json["class_weight"].as_object() {
            fit = fit.class_weight(
                weights.iter().map(|(class, w)| (class.parse().unwrap(), w.as_f64().unwrap())),
            );
        }
        if let Some(validation) = validation {
            fit = fit.validation(validation);
        }
        model.fit(data, fit)?
    };
    Ok((history, batch_logs))
}

fn data(case: &Case) -> (Dataset, Option<Dataset>) {
    let targets = |value: &Value| -> Vec<Tensor> {
        let names = match value {
            Value::Array(names) => names.clone(),
            name => vec![name.clone()],
        };
        names.iter().map(|name| case.f32(name.as_str().unwrap()).unwrap()).collect()
    };
    let mut data = Dataset::several(case.list("in"), targets(&case.json["y_true"])).unwrap();
    if let Some(name) = case.json["sample_weight"].as_str() {
        data = data.sample_weight(case.f32(name).unwrap()).unwrap();
    }
    let validation = &case.json["validation"];
    let validation = validation
        .is_object()
        .then(|| Dataset::several(case.list("val.in"), targets(&validation["y"])).unwrap());
    (data, validation)
}

fn batch_size(case: &Case) -> usize {
    case.json["batch_size"].as_u64().unwrap() as usize
}

fn list(case: &Case, key: &str) -> Vec<Value> {
    case.json[key].as_array().cloned().unwrap_or_default()
}

fn same_logs(what: &str, got: &Logs, expected: &Value, tolerance: f64) -> Verdict {
    let expected: BTreeMap<String, f64> =
        serde_json::from_value(expected.clone()).map_err(|error| format!("{what}: {error}"))?;
    let names = |logs: &BTreeMap<String, f64>| logs.keys().cloned().collect::<Vec<_>>().join(", ");
    if names(got) != names(&expected) {
        let (expected, got) = (names(&expected), names(got));
        return Err(Failure::wrong(format!("{what}: expected logs {expected}, got {got}")));
    }
    for (name, &value) in &expected {
        close(&format!("{what}, {name}"), got[name], value, tolerance)?;
    }
    Ok(())
}
