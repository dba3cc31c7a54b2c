use cornu_nn::metrics::Direction;

use super::CallbackCx;
use crate::ModelError;
use crate::history::Logs;

/// Which way the watched value gets better.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// What the model knows of the loss or metric.
    #[default]
    Auto,
    /// Smaller is better.
    Min,
    /// Larger is better.
    Max,
}

/// A log to watch.
///
/// Source: Keras 3, `keras/src/callbacks/monitor_callback.py`.
#[derive(Debug, Clone)]
pub(super) struct Monitor {
    callback: &'static str,
    pub(super) name: String,
    pub(super) mode: Mode,
    pub(super) min_delta: f64,
}

impl Monitor {
    pub(super) fn new(callback: &'static str, name: &str, min_delta: f64) -> Self {
        Self { callback, name: name.to_owned(), mode: Mode::Auto, min_delta }
    }

    /// The watched value. It may be missing only in epochs without validation.
    pub(super) fn value(
        &self,
        cx: &CallbackCx<'_>,
        logs: &Logs,
    ) -> Result<Option<f64>, ModelError> {
        let value = logs.get(&self.name).copied();
        if value.is_none() && !(cx.plan().has_validation && self.name.starts_with("val_")) {
            let names: Vec<&str> = logs.keys().map(String::as_str).collect();
            return Err(self.error(format!(
                "`{}` is not among the logs: {}; choose one of those, or give validation data",
                self.name,
                names.join(", ")
            )));
        }
        Ok(value)
    }

    /// Whether `value` is better than `reference` by more than `min_delta`; anything is better than
    /// nothing.
    pub(super) fn is_improvement(
        &self,
        cx: &CallbackCx<'_>,
        value: f64,
        reference: Option<f64>,
    ) -> Result<bool, ModelError> {
        let direction = match self.mode {
            Mode::Min => Direction::Down,
            Mode::Max => Direction::Up,
            Mode::Auto => cx.model.direction(&self.name).ok_or_else(|| {
                self.error(format!(
                    "it is not known which way `{}` gets better; set `mode`",
                    self.name
                ))
            })?,
        };
        Ok(reference.is_none_or(|reference| match direction {
            Direction::Down => value + self.min_delta.abs() < reference,
            Direction::Up => reference < value - self.min_delta.abs(),
        }))
    }

    pub(super) fn error(&self, problem: String) -> ModelError {
        ModelError::Callback { callback: self.callback, problem }
    }
}

/// The setters that all watching callbacks have.
macro_rules! monitor_settings {
    ($callback:ident) => {
        impl $callback {
            /// Which log to watch. Default: `val_loss`.
            pub fn monitor(mut self, name: &str) -> Self {
                self.monitor.name = name.to_owned();
                self
            }

            /// Which way it gets better. Default: what the model knows of it.
            pub fn mode(mut self, mode: $crate::callbacks::Mode) -> Self {
                self.monitor.mode = mode;
                self
            }
        }
    };
}

pub(super) use monitor_settings;
