use std::time::Instant;

use cornu::Samples;
use cornu::model::callbacks::Progress;
use cornu::model::{Batches, Fit, Model};
use cornu::networks::Head;

use super::history_file::HistoryFile;
use super::keeper::Keeper;
use super::progress::ProgressDisplay;
use super::{Parts, RunConfig, RunFolder, TrainingState};
use crate::error::CliError;
use crate::interrupt;
use crate::machine::Machine;
use crate::model_file::{self, Notes};
use crate::output;
use crate::scores::Scores;

/// Pictures that are evaluated at a time.
const EVALUATION_BATCH: usize = 32;

/// All that a run needs.
pub(crate) struct Job<'a> {
    pub(crate) folder: &'a RunFolder,
    pub(crate) config: &'a RunConfig,
    pub(crate) parts: &'a Parts,
    pub(crate) head: Head,
    /// Compiled, and with the weights and optimizer of where training stands.
    pub(crate) model: Model,
    pub(crate) notes: Notes,
    pub(crate) machine: Machine,
    /// What to do after Ctrl-C.
    pub(crate) how_to_go_on: &'static str,
}

/// What a run that came to its end gives.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Of the best model on the test part; `None` if there is none.
    pub(crate) test: Option<Scores>,
    /// Of the best model on the validation part; `None` if there is none.
    pub(crate) validation: Option<Scores>,
    pub(crate) state: TrainingState,
    pub(crate) history: HistoryFile,
    /// Seconds that it took; `None` if the run was resumed.
    pub(crate) seconds: Option<f64>,
}

/// Trains from where the model stands, keeps the best, and scores that.
///
/// # Errors
///
/// What training and writing answer, and [`CliError::Interrupted`] after Ctrl-C, with everything
/// saved.
pub(crate) fn train(job: Job<'_>) -> Result<Finished, CliError> {
    let start = Instant::now();
    let Job { folder, config, parts, head, mut model, mut notes, machine, how_to_go_on } = job;
    let recipe = &config.recipe;
    let resumed = notes.training.is_some();
    let state = notes.training.take().unwrap_or_default();
    let history = HistoryFile::read(folder.history(), state.epoch)?;
    machine.apply(&mut model)?;

    let mut keeper = Keeper::new(folder, recipe, notes, state, history);
    if !keeper.state.is_finished(recipe.epochs) {
        let mut display = ProgressDisplay::new();
        let mut fit = Fit::epochs(recipe.epochs)
            .initial_epoch(keeper.state.epoch)
            .initial_batch(keeper.state.batch)
            .batch_size(recipe.batch_size)
            .validation_batch_size(EVALUATION_BATCH);
        if !parts.val.is_empty() {
            fit = fit.validation(&parts.val);
        }
        if let Some(weights) = &config.weights {
            fit = fit.class_weight((0..).zip(weights.iter().copied()));
        }
        let fit = fit.callback(&mut keeper).callback(Progress::new(|report| display.show(report)));
        model.fit(&parts.train, fit)?;
    }
    let Keeper { state, history, interrupted, .. } = keeper;
    if interrupted || interrupt::asked() {
        return Err(CliError::Interrupted(format!(
            "stopped in epoch {}; everything is saved in {}; {how_to_go_on}",
            state.epoch + usize::from(0 < state.batch),
            folder.path().display()
        )));
    }

    let mut best = model_file::read(&folder.best())?.model;
    machine.apply(&mut best)?;
    if state.stopped {
        output::message(format!(
            "no better validation loss for {}: stopped; epoch {} was the best",
            output::counted(recipe.patience, "epoch"),
            state.best_epoch
        ));
    }
    Ok(Finished {
        validation: score(&mut best, head, &parts.val, &config.classes)?,
        test: score(&mut best, head, &parts.test, &config.classes)?,
        state,
        history,
        seconds: (!resumed).then(|| start.elapsed().as_secs_f64()),
    })
}

/// Scores on a part of the data; `None` if there is nothing in it.
pub(crate) fn score(
    model: &mut Model,
    head: Head,
    samples: &Samples,
    class_names: &[String],
) -> Result<Option<Scores>, CliError> {
    if samples.is_empty() {
        return Ok(None);
    }
    let outputs = model.predict_batches(samples, EVALUATION_BATCH)?;
    let output = outputs.first().map_or(&[][..], |output| output.data());
    Scores::new(head, output, samples.labels(), class_names).map(Some)
}
