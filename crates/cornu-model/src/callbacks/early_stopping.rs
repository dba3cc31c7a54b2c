use cornu_tensor::Tensor;

use super::monitor::{Monitor, monitor_settings};
use super::{Callback, CallbackCx};
use crate::ModelError;
use crate::history::Logs;

/// Stops training when a value has not become better for `patience` epochs.
///
/// # Source
///
/// Keras 3, `keras/src/callbacks/early_stopping.py`. As there, with a `baseline` an improvement
/// counts only if it is also better than the baseline, and weights are restored at the end of
/// training even if it was not stopped early.
#[derive(Debug, Clone)]
pub struct EarlyStopping {
    monitor: Monitor,
    patience: usize,
    baseline: Option<f64>,
    restore_best_weights: bool,
    start_from_epoch: usize,
    wait: usize,
    best: Option<f64>,
    best_epoch: usize,
    best_weights: Option<Vec<Tensor>>,
    stopped_epoch: usize,
}

monitor_settings!(EarlyStopping);

impl Default for EarlyStopping {
    fn default() -> Self {
        Self::new()
    }
}

impl EarlyStopping {
    /// Watches `val_loss` and stops at the first epoch without improvement.
    pub fn new() -> Self {
        Self {
            monitor: Monitor::new("EarlyStopping", "val_loss", 0.0),
            patience: 0,
            baseline: None,
            restore_best_weights: false,
            start_from_epoch: 0,
            wait: 0,
            best: None,
            best_epoch: 0,
            best_weights: None,
            stopped_epoch: 0,
        }
    }

    /// Epochs without improvement to wait for. Default: 0.
    pub fn patience(mut self, epochs: usize) -> Self {
        self.patience = epochs;
        self
    }

    /// Smaller improvements do not count. Default: 0.
    pub fn min_delta(mut self, min_delta: f64) -> Self {
        self.monitor.min_delta = min_delta;
        self
    }

    /// A value that must be beaten for an improvement to count. Default: none.
    pub fn baseline(mut self, baseline: f64) -> Self {
        self.baseline = Some(baseline);
        self
    }

    /// Whether the model ends with the weights of the best epoch. Default: false.
    pub fn restore_best_weights(mut self, restore: bool) -> Self {
        self.restore_best_weights = restore;
        self
    }

    /// Epochs before this one do not count. Default: 0.
    pub fn start_from_epoch(mut self, epoch: usize) -> Self {
        self.start_from_epoch = epoch;
        self
    }

    /// Epochs since the last improvement.
    pub fn wait(&self) -> usize {
        self.wait
    }

    /// The best value so far.
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// The epoch of the best value, counted from 0.
    pub fn best_epoch(&self) -> usize {
        self.best_epoch
    }

    /// The epoch after which training was stopped, counted from 0; 0 if it was not.
    pub fn stopped_epoch(&self) -> usize {
        self.stopped_epoch
    }
}

impl Callback for EarlyStopping {
    fn on_train_begin(&mut self, _cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        (self.wait, self.best, self.best_weights) = (0, None, None);
        (self.best_epoch, self.stopped_epoch) = (0, 0);
        Ok(())
    }

    fn on_epoch_end(
        &mut self,
        cx: &mut CallbackCx<'_>,
        epoch: usize,
        logs: &mut Logs,
    ) -> Result<(), ModelError> {
        let Some(value) = self.monitor.value(cx, logs)? else { return Ok(()) };
        if epoch < self.start_from_epoch {
            return Ok(());
        }
        if self.restore_best_weights && self.best_weights.is_none() {
            self.best_weights = Some(cx.weights());
            self.best_epoch = epoch;
        }
        self.wait += 1;
        if self.monitor.is_improvement(cx, value, self.best)? {
            self.best = Some(value);
            self.best_epoch = epoch;
            if self.restore_best_weights {
                self.best_weights = Some(cx.weights());
            }
            if self.baseline.is_none() || self.monitor.is_improvement(cx, value, self.baseline)? {
                self.wait = 0;
            }
        } else if self.patience <= self.wait && 0 < epoch {
            self.stopped_epoch = epoch;
            cx.stop_training();
        }
        Ok(())
    }

    fn on_train_end(&mut self, cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        match &self.best_weights {
            Some(weights) if self.restore_best_weights => cx.set_weights(weights),
            _ => Ok(()),
        }
    }
}
