//! What happens between the steps of `fit`: one file per callback.

mod csv_logger;
mod early_stopping;
mod lambda_callback;
mod learning_rate_scheduler;
mod model_checkpoint;
mod monitor;
mod progress;
mod reduce_lr_on_plateau;
mod swap_ema_weights;
mod tensorboard;
mod terminate_on_nan;

use cornu_tensor::Tensor;

use crate::history::Logs;
use crate::{Model, ModelError};

pub use csv_logger::CSVLogger;
pub use early_stopping::EarlyStopping;
pub use lambda_callback::LambdaCallback;
pub use learning_rate_scheduler::LearningRateScheduler;
pub use model_checkpoint::ModelCheckpoint;
pub use monitor::Mode;
pub use progress::{Progress, ProgressEvent, ProgressReport};
pub use reduce_lr_on_plateau::ReduceLROnPlateau;
pub use swap_ema_weights::SwapEMAWeights;
pub use tensorboard::{TensorBoard, UpdateFreq};
pub use terminate_on_nan::TerminateOnNaN;

/// Keras's class names of the callbacks of this module.
pub const CALLBACKS: &[&str] = &[
    "CSVLogger",
    "EarlyStopping",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
];

/// Is told what `fit` does and may look at the model, change it, or stop training.
///
/// Epochs and batches are counted from 0. An error ends training.
#[allow(clippy::missing_errors_doc, reason = "said once for all")]
pub trait Callback {
    /// Before the first epoch.
    fn on_train_begin(&mut self, _cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        Ok(())
    }

    /// Before the first batch of an epoch.
    fn on_epoch_begin(
        &mut self,
        _cx: &mut CallbackCx<'_>,
        _epoch: usize,
    ) -> Result<(), ModelError> {
        Ok(())
    }

    /// After a training step; `logs` are means over the epoch so far.
    fn on_batch_end(
        &mut self,
        _cx: &mut CallbackCx<'_>,
        _batch: usize,
        _logs: &Logs,
    ) -> Result<(), ModelError> {
        Ok(())
    }

    /// Before the validation of an epoch.
    fn on_test_begin(&mut self, _cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        Ok(())
    }

    /// After the validation of an epoch, also if it failed.
    fn on_test_end(&mut self, _cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        Ok(())
    }

    /// After the last batch of an epoch and the validation. What is added to `logs` goes to the
    /// callbacks that follow and into the history.
    fn on_epoch_end(
        &mut self,
        _cx: &mut CallbackCx<'_>,
        _epoch: usize,
        _logs: &mut Logs,
    ) -> Result<(), ModelError> {
        Ok(())
    }

    /// After the last epoch.
    fn on_train_end(&mut self, _cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        Ok(())
    }
}

/// A borrowed callback, to be looked at after training.
impl<C: Callback + ?Sized> Callback for &mut C {
    fn on_train_begin(&mut self, cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        (**self).on_train_begin(cx)
    }

    fn on_epoch_begin(&mut self, cx: &mut CallbackCx<'_>, epoch: usize) -> Result<(), ModelError> {
        (**self).on_epoch_begin(cx, epoch)
    }

    fn on_batch_end(
        &mut self,
        cx: &mut CallbackCx<'_>,
        batch: usize,
        logs: &Logs,
    ) -> Result<(), ModelError> {
        (**self).on_batch_end(cx, batch, logs)
    }

    fn on_test_begin(&mut self, cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        (**self).on_test_begin(cx)
    }

    fn on_test_end(&mut self, cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        (**self).on_test_end(cx)
    }

    fn on_epoch_end(
        &mut self,
        cx: &mut CallbackCx<'_>,
        epoch: usize,
        logs: &mut Logs,
    ) -> Result<(), ModelError> {
        (**self).on_epoch_end(cx, epoch, logs)
    }

    fn on_train_end(&mut self, cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        (**self).on_train_end(cx)
    }
}

/// How much there is to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plan {
    /// Epoch at which training ends.
    pub epochs: usize,
    /// Epoch at which it begins.
    pub initial_epoch: usize,
    /// Samples in an epoch.
    pub samples: usize,
    /// Batches in an epoch.
    pub batches: usize,
    /// Whether logs with `val_` are to be expected.
    pub has_validation: bool,
}

/// What a callback works with.
#[derive(Debug)]
pub struct CallbackCx<'a> {
    /// The model that is trained.
    pub model: &'a mut Model,
    plan: &'a Plan,
    stop: bool,
}

impl<'a> CallbackCx<'a> {
    /// For a training loop of one's own.
    pub fn new(model: &'a mut Model, plan: &'a Plan) -> Self {
        Self { model, plan, stop: false }
    }

    /// How much there is to do.
    pub fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// The learning rate of the next step.
    ///
    /// # Errors
    ///
    /// [`ModelError::NotCompiled`].
    pub fn learning_rate(&self) -> Result<f64, ModelError> {
        self.model.learning_rate()
    }

    /// Changes the learning rate.
    ///
    /// # Errors
    ///
    /// [`ModelError::Compile`] if the optimizer follows a schedule.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<(), ModelError> {
        self.model.set_learning_rate(learning_rate)
    }

    /// The weights as they are now.
    pub fn weights(&self) -> Vec<Tensor> {
        self.model.get_weights()
    }

    /// Puts weights back.
    ///
    /// # Errors
    ///
    /// [`ModelError::WeightShape`] for those of another model.
    pub fn set_weights(&mut self, weights: &[Tensor]) -> Result<(), ModelError> {
        self.model.set_weights(weights)
    }

    /// Ends training after this batch or epoch.
    pub fn stop_training(&mut self) {
        self.stop = true;
    }

    /// Whether this callback asked for the end of training.
    pub fn is_stopping(&self) -> bool {
        self.stop
    }
}
