use super::{Callback, CallbackCx};
use crate::ModelError;
use crate::history::Logs;

/// Sets the learning rate at the start of each epoch to `schedule(epoch, learning_rate)`, epochs
/// counted from 0. Adds `learning_rate` to the logs.
///
/// # Source
///
/// Keras 3, `keras/src/callbacks/learning_rate_scheduler.py`.
#[derive(Debug, Clone)]
pub struct LearningRateScheduler<F>(F);

impl<F: FnMut(usize, f64) -> f64> LearningRateScheduler<F> {
    /// Asks `schedule`.
    pub fn new(schedule: F) -> Self {
        Self(schedule)
    }
}

impl<F: FnMut(usize, f64) -> f64> Callback for LearningRateScheduler<F> {
    fn on_epoch_begin(&mut self, cx: &mut CallbackCx<'_>, epoch: usize) -> Result<(), ModelError> {
        let learning_rate = (self.0)(epoch, cx.learning_rate()?);
        cx.set_learning_rate(learning_rate)
    }

    fn on_epoch_end(
        &mut self,
        cx: &mut CallbackCx<'_>,
        _epoch: usize,
        logs: &mut Logs,
    ) -> Result<(), ModelError> {
        logs.insert("learning_rate".to_owned(), cx.learning_rate()?);
        Ok(())
    }
}
