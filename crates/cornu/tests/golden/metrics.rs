//! Golden cases of kind `metric`: results and state, batch by batch.

use cornu_nn::metrics::{Direction, Metric, metric_from_config};
use cornu_tensor::Array;
use cornu_testkit::Case;
use serde_json::{Value, json};

use crate::tally::{Verdict, verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    let object = json!({"class_name": case.class(), "config": case.json["args"]});
    let mut metric = metric_from_config(&object)?;
    let mut failures = check_config(case, &*metric);
    if let Err(message) = check_batches(case, &mut *metric) {
        failures.push(message);
    }
    verdict(failures)
}

/// Every key that Keras writes is written, and read back.
fn check_config(case: &Case, metric: &dyn Metric) -> Vec<String> {
    let mut failures = Vec::new();
    let config = metric.config();
    for (key, expected) in case.config().as_object().unwrap() {
        let got = config.get(key);
        let equal = match (got.and_then(Value::as_f64), expected.as_f64()) {
            (Some(got), Some(expected)) => got == expected,
            _ => got == Some(expected),
        };
        // Keras numbers the names of one session; IoU counts in whole numbers.
        let ignored =
            key == "name" || key == "dtype" || (case.class() == "BinaryIoU" && got.is_none());
        if !equal && !ignored {
            failures.push(format!("configuration: {key}: expected {expected}, got {got:?}"));
        }
    }
    let object = json!({"class_name": metric.class_name(), "config": config});
    match metric_from_config(&object) {
        Ok(again) if again.config() == config => {}
        other => failures.push(format!("configuration read back: {other:?}")),
    }
    let direction = match metric.direction() {
        Some(Direction::Up) => json!("up"),
        Some(Direction::Down) => json!("down"),
        None => Value::Null,
    };
    if direction != case.json["direction"] {
        failures.push(format!("direction {direction}"));
    }
    failures
}

fn check_batches(case: &Case, metric: &mut dyn Metric) -> Result<(), String> {
    let n_batches = case.json["batches"].as_array().unwrap().len();
    let check_variables = |metric: &dyn Metric, key: &str| {
        let variables = metric.variables();
        for (j, (name, value)) in variables.iter().enumerate() {
            let expected = &case.json["variables"][j]["name"];
            if expected != name {
                return Err(format!("variable {j}: expected {expected}, got {name}"));
            }
            case.check(&format!("var.{key}.{j}"), &value.to_f32())?;
        }
        if case.has(&format!("var.{key}.{}", variables.len())) {
            return Err("a variable is missing".to_owned());
        }
        Ok(())
    };
    for b in 0..n_batches {
        let y_pred = case.f32(&format!("y_pred.{b}")).unwrap();
        let y_true = case.f32(&format!("y_true.{b}")).unwrap_or_default();
        let weight = case.f32(&format!("sw.{b}"));
        metric.update(&y_true, &y_pred, weight.as_ref()).map_err(|error| error.to_string())?;
        let result = metric.result();
        let dims = if result.len() == 1 { Vec::new() } else { vec![result.len()] };
        case.check(&format!("result.{b}.0"), &Array::from_fn(dims, |i| result[i] as f32))?;
        check_variables(metric, &b.to_string())?;
    }
    metric.reset();
    check_variables(metric, "reset")
}
