//! Reading and writing Keras's configuration objects.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{Activation, Constraint, Initializer, LayerError, Regularizer};

/// Reads the keys of a configuration and remembers which were read, so that a key that nobody knows
/// is an error without any code in the layers.
#[derive(Debug, Clone)]
pub struct ConfigReader {
    values: Map<String, Value>,
    read: BTreeSet<String>,
}

impl ConfigReader {
    /// Reads from the JSON object `config`.
    ///
    /// # Errors
    ///
    /// [`LayerError::Config`] if it is not an object.
    pub fn new(config: &Value) -> Result<Self, LayerError> {
        match config {
            Value::Object(values) => Ok(Self { values: values.clone(), read: BTreeSet::new() }),
            other => Err(LayerError::config("config", "an object", other)),
        }
    }

    /// The value under `key`; `None` if it is missing. JSON's null is a value.
    pub fn value(&mut self, key: &str) -> Option<&Value> {
        self.read.insert(key.to_owned());
        self.values.get(key)
    }

    /// As [`Self::value`], with null as missing.
    pub fn present(&mut self, key: &str) -> Option<Value> {
        self.value(key).filter(|value| !value.is_null()).cloned()
    }

    /// Marks keys as known although their value changes nothing here.
    pub fn ignore(&mut self, keys: &[&str]) {
        self.read.extend(keys.iter().map(|&key| key.to_owned()));
    }

    /// Accepts `key` only if it is missing, null or one of the given values.
    ///
    /// # Errors
    ///
    /// [`LayerError::Unsupported`] with `hint` otherwise.
    pub fn only(&mut self, key: &str, accepted: &[Value], hint: &str) -> Result<(), LayerError> {
        match self.present(key) {
            Some(value) if !accepted.contains(&value) => Err(LayerError::Unsupported {
                setting: format!("{key}={value}"),
                hint: hint.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    fn required<T>(
        &mut self,
        key: &str,
        expected: &str,
        convert: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, LayerError> {
        let value = self.value(key).ok_or_else(|| LayerError::MissingKey(key.to_owned()))?;
        convert(value).ok_or_else(|| LayerError::config(key, expected, value))
    }

    fn or<T>(
        &mut self,
        key: &str,
        expected: &str,
        default: T,
        convert: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, LayerError> {
        match self.value(key) {
            None => Ok(default),
            Some(value) => convert(value).ok_or_else(|| LayerError::config(key, expected, value)),
        }
    }

    /// A whole number of at least 1.
    ///
    /// # Errors
    ///
    /// If it is missing or something else; so for all the methods below.
    pub fn positive(&mut self, key: &str) -> Result<usize, LayerError> {
        self.required(key, "a whole number of at least 1", |v| whole(v).filter(|&n| 0 < n))
    }

    /// A whole number of at least 1, `default` if missing.
    #[allow(clippy::missing_errors_doc, reason = "see `positive`")]
    pub fn positive_or(&mut self, key: &str, default: usize) -> Result<usize, LayerError> {
        self.or(key, "a whole number of at least 1", default, |v| whole(v).filter(|&n| 0 < n))
    }

    /// Any whole number, `default` if missing.
    #[allow(clippy::missing_errors_doc, reason = "see `positive`")]
    pub fn integer_or(&mut self, key: &str, default: i64) -> Result<i64, LayerError> {
        self.or(key, "a whole number", default, Value::as_i64)
    }

    /// A number.
    #[allow(clippy::missing_errors_doc, reason = "see `positive`")]
    pub fn number(&mut self, key: &str) -> Result<f64, LayerError> {
        self.required(key, "a number", Value::as_f64)
    }

    /// A number, `default` if missing.
    #[allow(clippy::missing_errors_doc, reason = "see `positive`")]
    pub fn number_or(&mut self, key: &str, default: f64) -> Result<f64, LayerError> {
        self.or(key, "a number", default, Value::as_f64)
    }

    /// A number, or `None` for null or missing.
    #[allow(clippy::missing_errors_doc, reason = "see `positive`")]
    pub fn optional_number(&mut self, key: &str) -> Result<Option<f64>, LayerError> {
        self.or(key, "a number or null", None, |v| {
            if v.is_null() { Some(None) } else { v.as_f64().map(Some) }
        })
    }

    /// True or false, `default` if missing.
    #[allow(clippy::missing_errors_doc, reason = "see `positive`")]
    pub fn bool_or(&mut self, key: &str, default: bool) -> Result<bool, LayerError> {
        self.or(key, "true or false", default, Value::as_bool)
    }

    /// A text, `default` if missing.
    #[allow(clippy::missing_errors_doc, reason = "see `positive`")]
    pub fn string_or(&mut self, key: &str, default: &str) -> Result<String, LayerError> {
        self.or(key, "a text", default.to_owned(), |v| v.as_str().map(str::to_owned))
    }

    /// One whole number or several; `default` if missing.
    #[allow(clippy::missing_errors_doc, reason = "see `positive`")]
    pub fn integers_or(&mut self, key: &str, default: &[i64]) -> Result<Vec<i64>, LayerError> {
        self.or(key, "a whole number or a list of them", default.to_vec(), |v| match v {
            Value::Array(list) => list.iter().map(Value::as_i64).collect(),
            single => single.as_i64().map(|n| vec![n]),
        })
    }

    /// A random seed, or `None` for null or missing.
    #[allow(clippy::missing_errors_doc, reason = "see `positive`")]
    pub fn seed(&mut self) -> Result<Option<u64>, LayerError> {
        self.or("seed", "a whole number from 0 on, or null", None, |v| {
            if v.is_null() { Some(None) } else { v.as_u64().map(Some) }
        })
    }

    /// An activation; linear if null or missing.
    #[allow(clippy::missing_errors_doc, reason = "see `positive`")]
    pub fn activation(&mut self, key: &str) -> Result<Activation, LayerError> {
        self.value(key).map_or(Ok(Activation::Linear), |v| Activation::from_config(key, v))
    }

    /// An initializer, `default` if null or missing.
    #[allow(clippy::missing_errors_doc, reason = "see `positive`")]
    pub fn initializer_or(
        &mut self,
        key: &str,
        default: Initializer,
    ) -> Result<Initializer, LayerError> {
        self.present(key).map_or(Ok(default), |v| Initializer::from_config(key, &v))
    }

    /// A regularizer, or `None` for null or missing.
    #[allow(clippy::missing_errors_doc, reason = "see `positive`")]
    pub fn regularizer(&mut self, key: &str) -> Result<Option<Regularizer>, LayerError> {
        self.value(key).map_or(Ok(None), |v| Regularizer::from_config(key, v))
    }

    /// A constraint, or `None` for null or missing.
    #[allow(clippy::missing_errors_doc, reason = "see `positive`")]
    pub fn constraint(&mut self, key: &str) -> Result<Option<Constraint>, LayerError> {
        self.value(key).map_or(Ok(None), |v| Constraint::from_config(key, v))
    }

    /// One whole number of at least 1 for all of `N` axes, or one for each; `default` if missing.
    #[allow(clippy::missing_errors_doc, reason = "see `positive`")]
    pub fn sizes_or<const N: usize>(
        &mut self,
        key: &str,
        default: [usize; N],
    ) -> Result<[usize; N], LayerError> {
        let expected = format!("a whole number of at least 1, or {N} of them");
        self.or(key, &expected, default, |v| sizes(v, 1))
    }

    /// As [`Self::sizes_or`], without a default.
    #[allow(clippy::missing_errors_doc, reason = "see `positive`")]
    pub fn sizes<const N: usize>(&mut self, key: &str) -> Result<[usize; N], LayerError> {
        let expected = format!("a whole number of at least 1, or {N} of them");
        self.required(key, &expected, |v| sizes(v, 1))
    }

    /// One whole number from 0 on for all of `N` axes or one for each, or `None` for null or missing.
    #[allow(clippy::missing_errors_doc, reason = "see `positive`")]
    pub fn optional_counts<const N: usize>(
        &mut self,
        key: &str,
    ) -> Result<Option<[usize; N]>, LayerError> {
        let expected = format!("null, a whole number from 0 on, or {N} of them");
        self.or(
            key,
            &expected,
            None,
            |v| {
                if v.is_null() { Some(None) } else { sizes(v, 0).map(Some) }
            },
        )
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// [`LayerError::UnknownKeys`] if keys are left that nobody read.
    pub fn finish(self) -> Result<(), LayerError> {
        let unknown: Vec<String> =
            self.values.keys().filter(|key| !self.read.contains(*key)).cloned().collect();
        if unknown.is_empty() { Ok(()) } else { Err(LayerError::UnknownKeys(unknown)) }
    }
}

fn whole(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|n| usize::try_from(n).ok())
}

fn sizes<const N: usize>(value: &Value, at_least: usize) -> Option<[usize; N]> {
    let one = |v: &Value| whole(v).filter(|&n| at_least <= n);
    match value {
        Value::Array(list) => list.iter().map(one).collect::<Option<Vec<_>>>()?.try_into().ok(),
        single => one(single).map(|n| [n; N]),
    }
}

/// Collects the keys of a configuration, in Keras's order.
#[derive(Debug, Clone, Default)]
pub struct ConfigWriter(Map<String, Value>);

impl ConfigWriter {
    /// No keys yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key.
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// The finished object.
    pub fn finish(self) -> Map<String, Value> {
        self.0
    }
}

/// `{"module", "class_name", "config", "registered_name": null}`: how Keras writes an object.
pub fn keras_object(module: &str, class_name: &str, config: Map<String, Value>) -> Value {
    json!({ "module": module, "class_name": class_name, "config": config, "registered_name": null })
}

/// A single axis as a number, several as a list.
pub fn one_or_list(axes: &[i64]) -> Value {
    if let [one] = axes { json!(one) } else { json!(axes) }
}

/// Takes apart what Keras writes for an object: its class name and configuration. A plain text is a
/// class or function name without configuration.
///
/// # Errors
///
/// [`LayerError::Config`] for anything else.
pub fn object_parts(key: &str, value: &Value) -> Result<(String, Value), LayerError> {
    let wrong = || LayerError::config(key, "a name or a Keras object", value);
    match value {
        Value::String(name) => Ok((name.clone(), json!({}))),
        Value::Object(object) => {
            let name = object.get("class_name").and_then(Value::as_str).ok_or_else(wrong)?;
            Ok((name.to_owned(), object.get("config").cloned().unwrap_or_else(|| json!({}))))
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_nobody_reads_is_an_error() {
        let mut config = ConfigReader::new(&json!({"units": 3, "unitz": 4})).unwrap();
        assert_eq!(config.positive("units").unwrap(), 3);
        let error = config.finish().unwrap_err();
        assert_eq!(error.to_string(), "this key is not supported: unitz");
    }

    #[test]
    fn sizes_are_one_number_or_a_list() {
        let mut config =
            ConfigReader::new(&json!({"a": 3, "b": [2, 5], "c": [1, 2, 3], "d": 0})).unwrap();
        assert_eq!(config.sizes::<2>("a").unwrap(), [3, 3]);
        assert_eq!(config.sizes::<2>("b").unwrap(), [2, 5]);
        assert!(config.sizes::<2>("c").is_err());
        assert_eq!(
            config.sizes::<2>("d").unwrap_err().to_string(),
            "`d`: expected a whole number of at least 1, or 2 of them, got 0"
        );
    }
}
