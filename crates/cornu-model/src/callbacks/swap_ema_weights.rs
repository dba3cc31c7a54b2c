use super::{Callback, CallbackCx};
use crate::ModelError;

/// Validates with the moving averages of the weights, which the optimizer keeps with `use_ema`.
///
/// Weights and averages are exchanged before each validation and back afterwards, so that training
/// goes on as if nothing had happened. To save the averages after an epoch, exchange them the same
/// way with [`Model::swap_ema_weights`](crate::Model::swap_ema_weights).
///
/// # Errors
///
/// [`ModelError::Compile`] before the first epoch if the optimizer keeps no averages.
///
/// # Source
///
/// Keras 3, `keras/src/callbacks/swap_ema_weights.py`, with `swap_on_epoch=False`.
#[derive(Debug, Clone, Copy, Default)]
pub struct SwapEMAWeights;

impl Callback for SwapEMAWeights {
    fn on_train_begin(&mut self, cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        cx.model.check_averages()
    }

    fn on_test_begin(&mut self, cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        cx.model.swap_ema_weights()
    }

    fn on_test_end(&mut self, cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        cx.model.swap_ema_weights()
    }
}
