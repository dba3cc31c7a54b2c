//! Optimizers, losses and metrics as `compile` takes them: values, or Keras's names.

use cornu_nn::config::keras_object;
use cornu_nn::losses::{Loss, loss_from_config};
use cornu_nn::metrics::Metric;
use cornu_nn::optimizers::{Optimizer, optimizer_from_config};
use serde_json::{Value, json};

use crate::ModelError;

/// An optimizer: a value, or a name such as `"adam"`.
#[derive(Debug)]
pub struct OptimizerSpec(Named<Box<dyn Optimizer>>);

/// A loss: a value, or a name such as `"mse"`.
#[derive(Debug)]
pub struct LossSpec(Named<Box<dyn Loss>>);

/// A metric: a value, or a name such as `"accuracy"`.
#[derive(Debug)]
pub struct MetricSpec(pub(super) Named<Box<dyn Metric>>);

/// Metrics by name: `metrics(["accuracy", "auc"])`.
pub fn metrics<const N: usize>(names: [&str; N]) -> Vec<MetricSpec> {
    names.into_iter().map(MetricSpec::named).collect()
}

#[derive(Debug)]
pub(super) enum Named<T> {
    Name(String),
    Value(T),
}

/// Losses that depend on the shapes of labels and predictions.
pub(crate) const CROSSENTROPY: &[&str] = &["crossentropy", "ce"];

impl OptimizerSpec {
    /// The optimizer of Keras's name, with its defaults.
    pub fn named(name: &str) -> Self {
        Self(Named::Name(name.to_owned()))
    }

    pub(super) fn resolve(self) -> Result<Box<dyn Optimizer>, ModelError> {
        let optimizer = match self.0 {
            Named::Value(optimizer) => optimizer,
            Named::Name(name) => optimizer_from_config(&json!(name))
                .map_err(|error| ModelError::Compile(format!("`optimizer`: {error}")))?,
        };
        optimizer
            .settings()
            .check()
            .map_err(|error| ModelError::Compile(format!("`optimizer`: {error}")))?;
        Ok(optimizer)
    }
}

impl LossSpec {
    /// The loss of Keras's name, with its defaults.
    pub fn named(name: &str) -> Self {
        Self(Named::Name(name.to_owned()))
    }

    /// `None` for `"crossentropy"`.
    pub(super) fn resolve(self) -> Result<Option<Box<dyn Loss>>, ModelError> {
        match self.0 {
            Named::Value(loss) => Ok(Some(loss)),
            Named::Name(name) if CROSSENTROPY.contains(&name.as_str()) => Ok(None),
            Named::Name(name) => loss_from_config(&json!(name))
                .map(Some)
                .map_err(|error| ModelError::Compile(format!("`loss`: {error}"))),
        }
    }

    pub(super) fn to_config(&self) -> Value {
        match &self.0 {
            Named::Name(name) => json!(name),
            Named::Value(loss) => keras_object("keras.losses", loss.class_name(), loss.config()),
        }
    }
}

impl MetricSpec {
    /// The metric of Keras's name, with its defaults.
    pub fn named(name: &str) -> Self {
        Self(Named::Name(name.to_owned()))
    }

    pub(super) fn to_config(&self) -> Value {
        match &self.0 {
            Named::Name(name) => json!(name),
            Named::Value(metric) => {
                keras_object("keras.metrics", metric.class_name(), metric.config())
            }
        }
    }
}

impl<O: Optimizer + 'static> From<O> for OptimizerSpec {
    fn from(optimizer: O) -> Self {
        Self(Named::Value(Box::new(optimizer)))
    }
}

impl<L: Loss + 'static> From<L> for LossSpec {
    fn from(loss: L) -> Self {
        Self(Named::Value(Box::new(loss)))
    }
}

impl<M: Metric + 'static> From<M> for MetricSpec {
    fn from(metric: M) -> Self {
        Self(Named::Value(Box::new(metric)))
    }
}

impl OptimizerSpec {
    /// An optimizer of any class.
    pub fn boxed(optimizer: Box<dyn Optimizer>) -> Self {
        Self(Named::Value(optimizer))
    }
}

impl LossSpec {
    /// A loss of any class.
    pub fn boxed(loss: Box<dyn Loss>) -> Self {
        Self(Named::Value(loss))
    }
}

impl MetricSpec {
    /// A metric of any class.
    pub fn boxed(metric: Box<dyn Metric>) -> Self {
        Self(Named::Value(metric))
    }
}
