use cornu::model::callbacks::CallbackCx;
use cornu::model::{Callback, Logs, Model, ModelError};

use super::history_file::HistoryFile;
use super::{RunConfig, RunFiles, RunFolder, Staging, TrainingState};
use crate::interrupt;
use crate::model_file::{self, Notes};

/// Writes the run's files after each epoch, and ends training when it should end.
///
/// The order of writing matters if the machine stops in between: `best.keras` and `history.csv`
/// may be an epoch ahead of `last.keras`; going on from there writes the same again. The first epoch
/// of a new run is staged: only when it is complete, it takes the place of what was there.
pub(crate) struct Keeper<'a> {
    folder: &'a RunFolder,
    config: &'a RunConfig,
    /// Where the files of a new run lie before its first epoch is complete.
    staging: Option<Staging<'a>>,
    /// What both model files say.
    notes: Notes,
    pub(crate) state: TrainingState,
    pub(crate) history: HistoryFile,
    /// Whether Ctrl-C ended training.
    pub(crate) interrupted: bool,
}

impl<'a> Keeper<'a> {
    pub(crate) fn new(
        folder: &'a RunFolder,
        config: &'a RunConfig,
        staging: Option<Staging<'a>>,
        notes: Notes,
        state: TrainingState,
        history: HistoryFile,
    ) -> Self {
        Self { folder, config, staging, notes, state, history, interrupted: false }
    }

    fn write_last(&self, model: &Model) -> Result<(), ModelError> {
        let notes = Notes { training: Some(self.state.clone()), ..self.notes.clone() };
        model_file::write(&self.files().last(), model, &notes)
    }

    fn files(&self) -> &RunFiles {
        self.staging.as_ref().map_or(self.folder, |staging| staging)
    }

    /// What is staged becomes the run.
    fn take_over(&mut self) -> Result<(), ModelError> {
        let Some(staging) = self.staging.take() else { return Ok(()) };
        self.history.moved_to(self.folder.history());
        staging.take_over(self.config)
    }

    /// Whether the folder still holds an earlier run, and nothing of this one.
    pub(crate) fn kept_earlier(&self) -> bool {
        self.staging.is_some() && self.folder.holds_model()
    }
}

impl Callback for Keeper<'_> {
    fn on_batch_end(
        &mut self,
        cx: &mut CallbackCx<'_>,
        batch: usize,
        _logs: &Logs,
    ) -> Result<(), ModelError> {
        // The last batch's epoch is brought to its end.
        if interrupt::asked() && batch + 1 < cx.plan().batches {
            self.interrupted = true;
            self.state.batch = batch + 1;
            self.state.sums = Some(cx.model.epoch_sums().into());
            // A part of an epoch is worth less than a run that is complete.
            if !self.kept_earlier() {
                self.write_last(cx.model)?;
                self.take_over()?;
            }
            cx.stop_training();
        }
        Ok(())
    }

    fn on_epoch_end(
        &mut self,
        cx: &mut CallbackCx<'_>,
        _epoch: usize,
        logs: &mut Logs,
    ) -> Result<(), ModelError> {
        if self.interrupted {
            return Ok(());
        }
        logs.insert("learning_rate".to_owned(), cx.learning_rate()?);
        if self.state.end_epoch(logs.get("val_loss").copied(), &self.config.recipe) {
            model_file::write(&self.files().best(), cx.model, &self.notes)?;
        }
        self.history.add(logs)?;
        self.write_last(cx.model)?;
        self.take_over()?;
        self.interrupted = interrupt::asked();
        if self.interrupted || self.state.stopped {
            cx.stop_training();
        }
        Ok(())
    }
}
