use super::monitor::{Monitor, monitor_settings};
use super::{Callback, CallbackCx};
use crate::ModelError;
use crate::history::Logs;

/// Lowers the learning rate when a value has not become better for `patience` epochs. Adds
/// `learning_rate`, as it was in the epoch, to the logs.
///
/// # Source
///
/// Keras 3, `keras/src/callbacks/reduce_lr_on_plateau.py`.
#[derive(Debug, Clone)]
pub struct ReduceLROnPlateau {
    monitor: Monitor,
    factor: f64,
    patience: usize,
    cooldown: usize,
    min_lr: f64,
    wait: usize,
    cooldown_counter: usize,
    best: Option<f64>,
}

monitor_settings!(ReduceLROnPlateau);

impl Default for ReduceLROnPlateau {
    fn default() -> Self {
        Self::new()
    }
}

impl ReduceLROnPlateau {
    /// Watches `val_loss` and takes a tenth of the learning rate after 10 epochs.
    pub fn new() -> Self {
        Self {
            monitor: Monitor::new("ReduceLROnPlateau", "val_loss", 1e-4),
            factor: 0.1,
            patience: 10,
            cooldown: 0,
            min_lr: 0.0,
            wait: 0,
            cooldown_counter: 0,
            best: None,
        }
    }

    /// What the learning rate is multiplied by; below 1. Default: 0.1.
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// Epochs without improvement to wait for. Default: 10.
    pub fn patience(mut self, epochs: usize) -> Self {
        self.patience = epochs;
        self
    }

    /// Smaller improvements do not count. Default: 1e-4.
    pub fn min_delta(mut self, min_delta: f64) -> Self {
        self.monitor.min_delta = min_delta;
        self
    }

    /// Epochs after a change in which nothing is counted. Default: 0.
    pub fn cooldown(mut self, epochs: usize) -> Self {
        self.cooldown = epochs;
        self
    }

    /// The learning rate does not fall below. Default: 0.
    pub fn min_lr(mut self, min_lr: f64) -> Self {
        self.min_lr = min_lr;
        self
    }

    /// Epochs since the last improvement.
    pub fn wait(&self) -> usize {
        self.wait
    }

    /// Epochs of the cooldown that are left.
    pub fn cooldown_counter(&self) -> usize {
        self.cooldown_counter
    }

    /// The best value so far.
    pub fn best(&self) -> Option<f64> {
        self.best
    }
}

impl Callback for ReduceLROnPlateau {
    fn on_train_begin(&mut self, _cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        if self.factor.is_nan() || 1.0 <= self.factor {
            let problem = format!("`factor`: expected a number below 1, got {}", self.factor);
            return Err(self.monitor.error(problem));
        }
        (self.best, self.wait, self.cooldown_counter) = (None, 0, 0);
        Ok(())
    }

    fn on_epoch_end(
        &mut self,
        cx: &mut CallbackCx<'_>,
        _epoch: usize,
        logs: &mut Logs,
    ) -> Result<(), ModelError> {
        let learning_rate = cx.learning_rate()?;
        logs.insert("learning_rate".to_owned(), learning_rate);
        let Some(value) = self.monitor.value(cx, logs)? else { return Ok(()) };
        if 0 < self.cooldown_counter {
            self.cooldown_counter -= 1;
            self.wait = 0;
        }
        if self.monitor.is_improvement(cx, value, self.best)? {
            self.best = Some(value);
            self.wait = 0;
        } else if self.cooldown_counter == 0 {
            self.wait += 1;
            // The learning rate is a `float32`, so the limit is compared as one.
            if self.patience <= self.wait && f64::from(self.min_lr as f32) < learning_rate {
                cx.set_learning_rate((learning_rate * self.factor).max(self.min_lr))?;
                self.cooldown_counter = self.cooldown;
                self.wait = 0;
            }
        }
        Ok(())
    }
}
