use cornu::model::callbacks::CallbackCx;
use cornu::model::{Callback, Logs, Model, ModelError};

use super::history_file::HistoryFile;
use super::{RunFolder, TrainingState};
use crate::interrupt;
use crate::model_file::{self, Notes};
use crate::recipe::Recipe;

/// Writes the run's files after each epoch, and ends training when it should end.
///
/// The order of writing matters if the machine stops in between: `best.keras` and `history.csv`
/// may be an epoch ahead of `last.keras`; going on from there writes the same again.
pub(crate) struct Keeper<'a> {
    folder: &'a RunFolder,
    recipe: &'a Recipe,
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
        recipe: &'a Recipe,
        notes: Notes,
        state: TrainingState,
        history: HistoryFile,
    ) -> Self {
        Self { folder, recipe, notes, state, history, interrupted: false }
    }

    fn write_last(&self, model: &Model) -> Result<(), ModelError> {
        let notes = Notes { training: Some(self.state.clone()), ..self.notes.clone() };
        model_file::write(&self.folder.last(), model, &notes)
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
            self.write_last(cx.model)?;
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
        if self.state.end_epoch(logs.get("val_loss").copied(), self.recipe) {
            model_file::write(&self.folder.best(), cx.model, &self.notes)?;
        }
        self.history.add(logs)?;
        self.write_last(cx.model)?;
        self.interrupted = interrupt::asked();
        if self.interrupted || self.state.stopped {
            cx.stop_training();
        }
        Ok(())
    }
}
