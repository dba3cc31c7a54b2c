use super::{Callback, CallbackCx};
use crate::ModelError;
use crate::history::Logs;

type OnTrain<'a> = Box<dyn FnMut(&mut CallbackCx<'_>) -> Result<(), ModelError> + 'a>;
type OnEpochBegin<'a> = Box<dyn FnMut(&mut CallbackCx<'_>, usize) -> Result<(), ModelError> + 'a>;
type OnBatchEnd<'a> =
    Box<dyn FnMut(&mut CallbackCx<'_>, usize, &Logs) -> Result<(), ModelError> + 'a>;
type OnEpochEnd<'a> =
    Box<dyn FnMut(&mut CallbackCx<'_>, usize, &mut Logs) -> Result<(), ModelError> + 'a>;

/// A callback made of closures.
///
/// # Source
///
/// Keras 3, `keras/src/callbacks/lambda_callback.py`.
#[derive(Default)]
#[allow(missing_debug_implementations, reason = "closures cannot be printed")]
pub struct LambdaCallback<'a> {
    on_train_begin: Option<OnTrain<'a>>,
    on_epoch_begin: Option<OnEpochBegin<'a>>,
    on_batch_end: Option<OnBatchEnd<'a>>,
    on_epoch_end: Option<OnEpochEnd<'a>>,
    on_train_end: Option<OnTrain<'a>>,
}

impl<'a> LambdaCallback<'a> {
    /// Does nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Before the first epoch.
    pub fn on_train_begin(
        mut self,
        f: impl FnMut(&mut CallbackCx<'_>) -> Result<(), ModelError> + 'a,
    ) -> Self {
        self.on_train_begin = Some(Box::new(f));
        self
    }

    /// Before each epoch.
    pub fn on_epoch_begin(
        mut self,
        f: impl FnMut(&mut CallbackCx<'_>, usize) -> Result<(), ModelError> + 'a,
    ) -> Self {
        self.on_epoch_begin = Some(Box::new(f));
        self
    }

    /// After each step.
    pub fn on_batch_end(
        mut self,
        f: impl FnMut(&mut CallbackCx<'_>, usize, &Logs) -> Result<(), ModelError> + 'a,
    ) -> Self {
        self.on_batch_end = Some(Box::new(f));
        self
    }

    /// After each epoch.
    pub fn on_epoch_end(
        mut self,
        f: impl FnMut(&mut CallbackCx<'_>, usize, &mut Logs) -> Result<(), ModelError> + 'a,
    ) -> Self {
        self.on_epoch_end = Some(Box::new(f));
        self
    }

    /// After the last epoch.
    pub fn on_train_end(
        mut self,
        f: impl FnMut(&mut CallbackCx<'_>) -> Result<(), ModelError> + 'a,
    ) -> Self {
        self.on_train_end = Some(Box::new(f));
        self
    }
}

impl Callback for LambdaCallback<'_> {
    fn on_train_begin(&mut self, cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        self.on_train_begin.as_mut().map_or(Ok(()), |f| f(cx))
    }

    fn on_epoch_begin(&mut self, cx: &mut CallbackCx<'_>, epoch: usize) -> Result<(), ModelError> {
        self.on_epoch_begin.as_mut().map_or(Ok(()), |f| f(cx, epoch))
    }

    fn on_batch_end(
        &mut self,
        cx: &mut CallbackCx<'_>,
        batch: usize,
        logs: &Logs,
    ) -> Result<(), ModelError> {
        self.on_batch_end.as_mut().map_or(Ok(()), |f| f(cx, batch, logs))
    }

    fn on_epoch_end(
        &mut self,
        cx: &mut CallbackCx<'_>,
        epoch: usize,
        logs: &mut Logs,
    ) -> Result<(), ModelError> {
        self.on_epoch_end.as_mut().map_or(Ok(()), |f| f(cx, epoch, logs))
    }

    fn on_train_end(&mut self, cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        self.on_train_end.as_mut().map_or(Ok(()), |f| f(cx))
    }
}
