use std::path::Path;
use std::time::Instant;

use cornu::Samples;
use cornu::model::callbacks::{Progress, TensorBoard, UpdateFreq};
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
use crate::scores::Judged;

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
    /// Where TensorBoard's files go, if wanted.
    pub(crate) tensorboard: Option<&'a Path>,
    /// What to do after Ctrl-C.
    pub(crate) how_to_go_on: &'static str,
}

/// What a run that came to its end gives.
#[derive(Debug)]
pub(crate) struct Finished {
    /// How it judges the test part; `None` if there is none.
    pub(crate) test: Option<Judged>,
    /// How it judges the validation part; `None` if there is none.
    pub(crate) validation: Option<Judged>,
    pub(crate) state: TrainingState,
    pub(crate) history: HistoryFile,
    /// Seconds that it took; `None` if the run was resumed.
    pub(crate) seconds: Option<f64>,
    /// What this program trained of it; `None` if nothing was left to do.
    pub(crate) fitted: Option<Fitted>,
}

/// How fast training was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fitted {
    /// Epochs, one that was begun before included.
    pub(crate) epochs: usize,
    /// Seconds, validation and saving included.
    pub(crate) seconds: f64,
}

/// Trains from where the model stands, keeps the best, and scores that; answers the best model, too.
///
/// # Errors
///
/// What training and writing answer, and [`CliError::Interrupted`] after Ctrl-C, with everything
/// saved.
pub(crate) fn train(job: Job<'_>) -> Result<(Finished, Model), CliError> {
    let start = Instant::now();
    let Job {
        folder,
        config,
        parts,
        head,
        mut model,
        mut notes,
        machine,
        tensorboard,
        how_to_go_on,
    } = job;
    let recipe = &config.recipe;
    let resumed = notes.training.is_some();
    let state = notes.training.take().unwrap_or_default();
    let staging = if resumed { None } else { Some(folder.stage()?) };
    let history_path = staging.as_ref().map_or_else(|| folder.history(), |new| new.history());
    let history = HistoryFile::read(history_path, state.epoch)?;
    if 0 < state.best_epoch {
        check_best(folder, &state)?;
    }
    if resumed {
        config.write(&folder.config())?;
    }
    machine.apply(&mut model)?;

    let mut keeper = Keeper::new(folder, config, staging, notes, state, history);
    let mut fitted = None;
    if !keeper.state.is_finished(recipe.epochs) {
        let first_epoch = keeper.state.epoch;
        let mut display = ProgressDisplay::new();
        let names = keeper.history.names.iter();
        display.begin_with(
            names.filter_map(|name| Some((name.clone(), keeper.history.column(name)?))),
        );
        let mut fit = Fit::epochs(recipe.epochs)
            .initial_epoch(keeper.state.epoch)
            .initial_batch(keeper.state.batch)
            .batch_size(recipe.batch_size)
            .validation_batch_size(EVALUATION_BATCH);
        if let Some(sums) = keeper.state.sums.take() {
            fit = fit.initial_sums(sums.into());
        }
        if !parts.val.is_empty() {
            fit = fit.validation(&parts.val);
        }
        if let Some(weights) = &config.weights {
            fit = fit.class_weight((0..).zip(weights.iter().copied()));
        }
        let mut fit =
            fit.callback(&mut keeper).callback(Progress::new(|report| display.show(report)));
        if let Some(folder) = tensorboard {
            let board = TensorBoard::new(folder).histogram_freq(1).write_images(true);
            fit = fit.callback(board.update_freq(UpdateFreq::Batch));
        }
        let begin = Instant::now();
        model.fit(&parts.train, fit)?;
        let seconds = begin.elapsed().as_secs_f64();
        fitted = Some(Fitted { epochs: keeper.state.epoch - first_epoch, seconds });
    }
    let kept_earlier = keeper.kept_earlier();
    let Keeper { state, history, interrupted, .. } = keeper;
    if interrupted || interrupt::asked() {
        if kept_earlier {
            return Err(CliError::Interrupted(format!(
                "stopped before the first epoch was complete; {} still holds the run before; the \
                 same command starts anew",
                folder.path().display()
            )));
        }
        return Err(CliError::Interrupted(format!(
            "stopped in epoch {}; the state of training is saved in {}; {how_to_go_on}",
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
    let finished = Finished {
        validation: score(&mut best, head, &parts.val, &config.classes)?,
        test: score(&mut best, head, &parts.test, &config.classes)?,
        state,
        history,
        seconds: (!resumed).then(|| start.elapsed().as_secs_f64()),
        fitted,
    };
    Ok((finished, best))
}

/// Makes sure that the best model of a run can be read: it is scored at the end, and if no later
/// epoch is better, it is what the run gives.
fn check_best(folder: &RunFolder, state: &TrainingState) -> Result<(), CliError> {
    let path = folder.best();
    let checked = model_file::read(&path)
        .and_then(|best| model_file::check_finite(&path, &best.model))
        .map_err(|error| error.to_string());
    checked.map_err(|problem| {
        CliError::message(format!(
            "{problem}; it is the model of epoch {}, the best of the run, without which it cannot go \
             on: put it back, or start anew with --overwrite",
            state.best_epoch
        ))
    })
}

/// Predictions for a part of the data, judged; `None` if there is nothing in it.
pub(crate) fn score(
    model: &mut Model,
    head: Head,
    samples: &Samples,
    class_names: &[String],
) -> Result<Option<Judged>, CliError> {
    if samples.is_empty() {
        return Ok(None);
    }
    let outputs = model.predict_batches(samples, EVALUATION_BATCH)?;
    let output = outputs.first().map_or(&[][..], |output| output.data());
    Judged::new(head, output, samples.labels(), class_names).map(Some)
}
