use std::time::{Duration, Instant};

use super::{Callback, CallbackCx};
use crate::ModelError;
use crate::history::Logs;

/// Reports how far training is to a closure: libraries do not print, so whoever draws the bar does
/// it there.
#[derive(Debug)]
pub struct Progress<F> {
    report: F,
    epoch: usize,
    epoch_start: Instant,
    /// From there to the end of the last training step.
    training: Duration,
    train_start: Instant,
    samples_done: usize,
}

/// What has just happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressEvent {
    /// An epoch began.
    EpochBegin,
    /// A training step was done.
    BatchEnd,
    /// An epoch with its validation was done.
    EpochEnd,
    /// Training was done.
    TrainEnd,
}

/// How far training is.
#[derive(Debug)]
pub struct ProgressReport<'a> {
    /// What has just happened.
    pub event: ProgressEvent,
    /// The epoch, counted from 0.
    pub epoch: usize,
    /// Epoch at which training ends.
    pub epochs: usize,
    /// Batches of the epoch that are done.
    pub batch: usize,
    /// Batches in an epoch.
    pub batches: usize,
    /// Means over the epoch so far; with `val_` logs at its end.
    pub logs: &'a Logs,
    /// Training samples per second since the epoch began, without the time of validation.
    pub samples_per_second: f64,
    /// Seconds that the rest of all epochs will take at the pace so far.
    pub seconds_left: f64,
}

impl<F: FnMut(&ProgressReport<'_>)> Progress<F> {
    /// Reports to `report`.
    pub fn new(report: F) -> Self {
        let now = Instant::now();
        let training = Duration::ZERO;
        Self { report, epoch: 0, epoch_start: now, training, train_start: now, samples_done: 0 }
    }

    fn tell(&mut self, cx: &CallbackCx<'_>, event: ProgressEvent, batch: usize, logs: &Logs) {
        let plan = cx.plan();
        let samples_in_epoch =
            if batch == plan.batches { plan.samples } else { batch * self.batch_size(cx) };
        if event != ProgressEvent::EpochEnd {
            self.training = self.epoch_start.elapsed();
        }
        let done = self.samples_done + samples_in_epoch;
        let total = (plan.epochs - plan.initial_epoch.min(plan.epochs)) * plan.samples;
        let pace = self.train_start.elapsed().as_secs_f64() / done.max(1) as f64;
        (self.report)(&ProgressReport {
            event,
            epoch: self.epoch,
            epochs: plan.epochs,
            batch,
            batches: plan.batches,
            logs,
            samples_per_second: samples_in_epoch as f64 / self.training.as_secs_f64().max(1e-9),
            seconds_left: pace * total.saturating_sub(done) as f64,
        });
    }

    /// Samples of a full batch.
    fn batch_size(&self, cx: &CallbackCx<'_>) -> usize {
        cx.plan().samples.div_ceil(cx.plan().batches.max(1))
    }
}

impl<F: FnMut(&ProgressReport<'_>)> Callback for Progress<F> {
    fn on_train_begin(&mut self, _cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        self.train_start = Instant::now();
        self.samples_done = 0;
        Ok(())
    }

    fn on_epoch_begin(&mut self, cx: &mut CallbackCx<'_>, epoch: usize) -> Result<(), ModelError> {
        self.epoch = epoch;
        self.epoch_start = Instant::now();
        self.tell(cx, ProgressEvent::EpochBegin, 0, &Logs::new());
        Ok(())
    }

    fn on_batch_end(
        &mut self,
        cx: &mut CallbackCx<'_>,
        batch: usize,
        logs: &Logs,
    ) -> Result<(), ModelError> {
        self.tell(cx, ProgressEvent::BatchEnd, batch + 1, logs);
        Ok(())
    }

    fn on_epoch_end(
        &mut self,
        cx: &mut CallbackCx<'_>,
        _epoch: usize,
        logs: &mut Logs,
    ) -> Result<(), ModelError> {
        self.tell(cx, ProgressEvent::EpochEnd, cx.plan().batches, logs);
        self.samples_done += cx.plan().samples;
        Ok(())
    }

    fn on_train_end(&mut self, cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        self.tell(cx, ProgressEvent::TrainEnd, 0, &Logs::new());
        Ok(())
    }
}
