use super::{Callback, CallbackCx};
use crate::ModelError;
use crate::history::Logs;

/// Ends training when the loss is infinite or not a number.
///
/// By default `fit` does more: it answers an error and keeps the weights of before the step. This
/// callback is for training with `stop_on_non_finite_loss(false)`.
///
/// # Source
///
/// Keras 3, `keras/src/callbacks/terminate_on_nan.py`.
#[derive(Debug, Clone, Copy, Default)]
pub struct TerminateOnNaN;

impl Callback for TerminateOnNaN {
    fn on_batch_end(
        &mut self,
        cx: &mut CallbackCx<'_>,
        _batch: usize,
        logs: &Logs,
    ) -> Result<(), ModelError> {
        if logs.get("loss").is_some_and(|loss| !loss.is_finite()) {
            cx.stop_training();
        }
        Ok(())
    }
}
