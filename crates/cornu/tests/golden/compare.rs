//! Comparing numbers and configurations.

use serde_json::Value;

use crate::tally::{Failure, Verdict};

/// Whether `got` is within `relative` of `expected`.
pub(crate) fn close(what: &str, got: f64, expected: f64, relative: f64) -> Verdict {
    let are_equal = got == expected || (got.is_nan() && expected.is_nan());
    if are_equal || (got - expected).abs() <= relative * expected.abs().max(1.0) {
        return Ok(());
    }
    Err(Failure::wrong(format!("{what}: expected {expected}, got {got}")))
}

/// The first place where two JSON values differ. Keras notes two things that nobody can know: the
/// number of samples that a Normalization was adapted to, and an `axis` left out of a loss.
pub(crate) fn difference(place: &str, got: &Value, expected: &Value) -> Option<String> {
    match (got, expected) {
        (Value::Object(g), Value::Object(e)) => {
            let null = Value::Null;
            let keys = g.keys().chain(e.keys()).filter(|key| *key != "shared_object_id");
            for key in keys {
                let is_normalization = e.get("class_name").is_some_and(|c| c == "Normalization");
                let default_axis = key == "axis" && !e.contains_key("axis") && g[key] == -1;
                if default_axis || (key == "build_config" && is_normalization) {
                    continue;
                }
                let (g, e) = (g.get(key).unwrap_or(&null), e.get(key).unwrap_or(&null));
                let found = difference(&format!("{place}.{key}"), g, e);
                if found.is_some() {
                    return found;
                }
            }
            None
        }
        (Value::Array(g), Value::Array(e)) if g.len() == e.len() => {
            let pairs = g.iter().zip(e).enumerate();
            pairs.into_iter().find_map(|(i, (g, e))| difference(&format!("{place}[{i}]"), g, e))
        }
        // Python's 1 and 1.0 are the same number.
        (Value::Number(g), Value::Number(e)) if g.as_f64() == e.as_f64() => None,
        _ if got == expected => None,
        _ => Some(format!("{place}: expected {expected}, got {got}")),
    }
}
