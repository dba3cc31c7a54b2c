//! What the tests against golden cases share.

use cornu_model::ModelError;
use cornu_nn::LayerError;
use serde_json::Value;

/// Why a case did not pass.
pub(crate) enum Outcome {
    /// A number or text is wrong.
    Wrong(String),
    /// The case needs something that is not supported, and was refused with a message.
    Refused(String),
}

impl From<ModelError> for Outcome {
    fn from(error: ModelError) -> Self {
        let text = error.to_string();
        let unknown = matches!(
            error,
            ModelError::Layer {
                source: LayerError::UnknownClass { .. } | LayerError::Unsupported { .. },
                ..
            }
        );
        if unknown || text.contains("not supported") {
            Self::Refused(text)
        } else {
            Self::Wrong(text)
        }
    }
}

impl From<String> for Outcome {
    fn from(text: String) -> Self {
        Self::Wrong(text)
    }
}

/// Counts outcomes and prints them.
#[derive(Default)]
pub(crate) struct Tally {
    passed: usize,
    failed: Vec<String>,
    refused: Vec<String>,
}

impl Tally {
    pub(crate) fn add(&mut self, case: &str, outcome: Result<(), Outcome>) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(Outcome::Wrong(text)) => self.failed.push(format!("{case}: {text}")),
            Err(Outcome::Refused(text)) => self.refused.push(format!("{case}: {text}")),
        }
    }

    /// Prints the result and fails if a case is wrong.
    #[track_caller]
    pub(crate) fn finish(self, kind: &str) {
        for line in &self.refused {
            println!("refused: {line}");
        }
        for line in &self.failed {
            println!("FAILED: {line}");
        }
        println!(
            "golden {kind}: {} passed, {} failed, {} refused",
            self.passed,
            self.failed.len(),
            self.refused.len()
        );
        assert!(self.failed.is_empty(), "{kind}: {} failed", self.failed.len());
        assert!(0 < self.passed, "{kind}: no case passed");
    }
}

/// Whether `got` is within `relative` of `expected`.
pub(crate) fn close(what: &str, got: f64, expected: f64, relative: f64) -> Result<(), Outcome> {
    if (got - expected).abs() <= relative * expected.abs().max(1.0) {
        return Ok(());
    }
    Err(Outcome::Wrong(format!("{what}: expected {expected}, got {got}")))
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
        _ if got == expected => None,
        _ => Some(format!("{place}: expected {expected}, got {got}")),
    }
}
