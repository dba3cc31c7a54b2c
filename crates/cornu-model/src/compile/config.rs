//! `compile_config` in `config.json`.

use cornu_nn::LayerError;
use cornu_nn::config::keras_object;
use cornu_nn::losses::loss_from_config;
use cornu_nn::metrics::metric_from_config;
use cornu_nn::optimizers::optimizer_from_config;
use serde_json::{Map, Value, json};

use super::{Compile, LossSpec, MetricSpec, OptimizerSpec, PerOutput};
use crate::config::upgrade::{self, Origin};
use crate::{Model, ModelError};

/// Everything but the optimizer.
pub(super) fn write(compile: &Compile) -> Value {
    let metrics = |metrics: &Option<PerOutput<Vec<MetricSpec>>>| {
        metrics.as_ref().map(|metrics| {
            per_output(metrics.map(|m| m.iter().map(MetricSpec::to_config).collect::<Value>()))
        })
    };
    json!({
        "loss": per_output(compile.loss.map(LossSpec::to_config)),
        "loss_weights": compile.loss_weights.as_ref().map(|w| per_output(w.map(|w| json!(w)))),
        "metrics": metrics(&compile.metrics),
        "weighted_metrics": metrics(&compile.weighted_metrics),
        "run_eagerly": false,
        "steps_per_execution": 1,
        "jit_compile": false,
    })
}

fn per_output(values: PerOutput<Value>) -> Value {
    match values {
        PerOutput::One(value) => value,
        PerOutput::List(values) => Value::Array(values),
        PerOutput::Named(values) => Value::Object(values.into_iter().collect()),
    }
}

impl Model {
    /// What the model is compiled with, as Keras writes it; an empty object if it is not compiled.
    /// Keras: `Model.get_compile_config`.
    pub fn compile_config(&self) -> Value {
        let Some(compiled) = &self.compiled else { return json!({}) };
        let optimizer = &compiled.optimizer;
        let mut config = Map::new();
        let object = keras_object("keras.optimizers", optimizer.class_name(), optimizer.config());
        config.insert("optimizer".to_owned(), object);
        config.extend(compiled.config.as_object().cloned().unwrap_or_default());
        Value::Object(config)
    }
}

impl Compile {
    /// Reads what Keras writes as `compile_config`: the arguments of `compile`, objects and names, also
    /// such as only Keras 1 and 2 had.
    ///
    /// # Errors
    ///
    /// [`ModelError::Config`] names the key and what is wrong.
    pub fn from_config(config: &Value) -> Result<Self, ModelError> {
        Self::from_config_of(config, Origin::Older)
    }

    /// The same for what versions of `origin` wrote.
    pub(crate) fn from_config_of(config: &Value, origin: Origin) -> Result<Self, ModelError> {
        let config = &upgrade::training_config(config, origin);
        let at = |key: &str| format!("compile_config.{key}");
        let error = |key: &str, problem: String| ModelError::config(at(key), problem);
        let setting = |key: &str, error: &LayerError| ModelError::setting(at(key), error);
        let known = [
            "optimizer",
            "loss",
            "loss_weights",
            "metrics",
            "weighted_metrics",
            "run_eagerly",
            "steps_per_execution",
            "jit_compile",
            "auto_scale_loss",
        ];
        for (key, _) in config.as_object().into_iter().flatten() {
            if !known.contains(&key.as_str()) {
                return Err(ModelError::unsupported(at(key), "this key is not supported"));
            }
        }
        let optimizer = optimizer_from_config(&config["optimizer"])
            .map_err(|problem| setting("optimizer", &problem))?;
        let loss = read_per_output(&config["loss"], is_object, |value| match value {
            Value::String(name) => Ok(LossSpec::named(name)),
            value => loss_from_config(value)
                .map(LossSpec::boxed)
                .map_err(|problem| setting("loss", &problem)),
        })?
        .ok_or_else(|| error("loss", "no output has a loss".to_owned()))?;
        let loss_weights = read_per_output(
            &config["loss_weights"],
            |_| false,
            |value| {
                value
                    .as_f64()
                    .ok_or_else(|| error("loss_weights", format!("expected a number, got {value}")))
            },
        )?;
        let metric = |value: &Value| match value {
            Value::String(name) => Ok(MetricSpec::named(name)),
            value => metric_from_config(value)
                .map(MetricSpec::boxed)
                .map_err(|problem| setting("metrics", &problem)),
        };
        let metrics = |key: &str| {
            // A flat list is for the only output.
            let value = &config[key];
            let is_flat = |value: &Value| {
                is_object(value)
                    || value
                        .as_array()
                        .is_some_and(|list| list.iter().all(|m| m.is_string() || is_object(m)))
            };
            read_per_output(value, is_flat, |value| match value {
                Value::Null => Ok(Vec::new()),
                Value::Array(list) => list.iter().map(metric).collect(),
                single => Ok(vec![metric(single)?]),
            })
        };
        Ok(Self {
            optimizer: OptimizerSpec::boxed(optimizer),
            loss,
            loss_weights,
            metrics: metrics("metrics")?,
            weighted_metrics: metrics("weighted_metrics")?,
        })
    }
}

/// Whether `value` is one Keras object, not settings by output name.
fn is_object(value: &Value) -> bool {
    value.get("class_name").is_some()
}

/// A list or object of settings by output, or one setting for the only output. `is_one` tells lists
/// and objects that are one setting themselves.
fn read_per_output<T>(
    value: &Value,
    is_one: impl Fn(&Value) -> bool,
    mut read: impl FnMut(&Value) -> Result<T, ModelError>,
) -> Result<Option<PerOutput<T>>, ModelError> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        value if is_one(value) => PerOutput::One(read(value)?),
        Value::Array(list) => PerOutput::List(list.iter().map(read).collect::<Result<_, _>>()?),
        Value::Object(named) => {
            let read = |(name, value): (&String, &Value)| Ok((name.clone(), read(value)?));
            PerOutput::Named(named.iter().map(read).collect::<Result<_, ModelError>>()?)
        }
        value => PerOutput::One(read(value)?),
    }))
}
