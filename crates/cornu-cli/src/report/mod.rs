//! What a finished run or an evaluation tells: `metrics.json`, some words, and a page that shows it.
//!
//! The page is made of [`Material`]: [`page`] puts its sections together, one file each; remarks are
//! made in [`findings`]. Nothing in it runs a program or asks a network.

mod augmented;
mod command;
mod duplicates;
mod explained;
mod findings;
mod html;
mod material;
mod pictures;
mod sections;
mod words;

use std::path::Path;

use cornu::formats::write_file_safely;
use cornu::model::Model;
use cornu::networks::Head;
use serde_json::{Map, Value, json};

use crate::error::CliError;
use crate::machine::Machine;
use crate::output::{self, counted};
use crate::run::{Finished, Parts, RunConfig, RunFolder, score};
use crate::scores::{Judged, Scores};

pub(crate) use command::quoted;
use duplicates::Duplicates;
pub(crate) use material::{Material, Part};

/// Training pictures that the kept model is asked about, to compare with others.
const TRAINING_JUDGED: usize = 2000;

/// Writes `metrics.json`, whose value is the answer, and `report.html`. `note` is what must be said
/// of the data. A report that cannot be made is said on standard error and fails nothing.
pub(crate) fn write(
    run: &RunFolder,
    config: &RunConfig,
    finished: &Finished,
    best: &mut Model,
    parts: &Parts,
    head: Head,
    machine: Machine,
    note: Option<&str>,
) -> Result<Value, CliError> {
    let metrics = metrics(config, finished, note);
    let text = serde_json::to_string_pretty(&metrics)
        .map_err(|error| CliError::message(format!("{}: {error}", run.metrics().display())))?;
    write_file_safely(&run.metrics(), format!("{text}\n").as_bytes())?;
    if let Err(error) = write_page(run, config, finished, best, parts, head, machine, note) {
        output::message(format!(
            "warning: {}: the report could not be made: {error}; the model and its metrics are \
             complete",
            run.report().display()
        ));
    }
    Ok(metrics)
}

fn write_page(
    run: &RunFolder,
    config: &RunConfig,
    finished: &Finished,
    best: &mut Model,
    parts: &Parts,
    head: Head,
    machine: Machine,
    note: Option<&str>,
) -> Result<(), CliError> {
    let summary = summary(config, finished);
    let some = Parts::some_of(&parts.train, TRAINING_JUDGED);
    let train = score(best, head, &some, &config.classes)?;
    let command = command::command_of(config, &run.path().display().to_string());
    let train = train.as_ref();
    let material = Material::of_run(config, finished, parts, train, note, command, machine);
    let page = page(&material, best, &summary)?;
    Ok(write_file_safely(&run.report(), page.as_bytes())?)
}

/// Writes the page of an evaluation.
pub(crate) fn write_evaluation(
    path: &Path,
    material: &Material<'_>,
    model: &mut Model,
) -> Result<(), CliError> {
    let summary = material
        .judged()
        .map(|(part, judged)| sentence(&judged.scores, &format!("pictures ({})", part.name)));
    let page = page(material, model, &summary.unwrap_or_default())?;
    Ok(write_file_safely(path, page.as_bytes())?)
}

/// The page, section by section.
fn page(material: &Material<'_>, model: &Model, summary: &str) -> Result<String, CliError> {
    let duplicates = match material.parts.len() {
        0 | 1 => None,
        _ => Some(Duplicates::find(material)?),
    };
    let findings = findings::findings(material, duplicates.as_ref());
    let mut all = vec![
        sections::overview(material, summary, &findings),
        sections::data(material, model, duplicates.as_ref())?,
        sections::network(model)?,
    ];
    all.extend(material.training.as_ref().map(|training| sections::training(material, training)));
    all.push(sections::results(material));
    all.push(sections::mistakes(material, model)?);
    all.push(sections::reproduce(material));
    let kind = if material.training.is_some() { "Training run" } else { "Evaluation" };
    let title = format!("{kind}: {}", words::task(material.class_names));
    Ok(html::page(&title, &sections::header(material), &all))
}

/// Scores on the test part in the object itself, those on the validation part under `validation`.
fn metrics(config: &RunConfig, finished: &Finished, note: Option<&str>) -> Value {
    let mut object = Map::new();
    if let Some(note) = note {
        object.insert("note".to_owned(), json!(note));
    }
    let scores = |judged: &Option<Judged>| judged.as_ref().map(|judged| json!(judged.scores));
    if let Some(Value::Object(scores)) = scores(&finished.test) {
        object.extend(scores);
    }
    object.insert("validation".to_owned(), json!(scores(&finished.validation)));
    object.insert("epochs".to_owned(), json!(finished.state.epoch));
    object.insert("best_epoch".to_owned(), json!(finished.state.best_epoch));
    object.insert("stopped_early".to_owned(), json!(finished.state.stopped));
    object.insert("seed".to_owned(), json!(config.recipe.seed));
    Value::Object(object)
}

/// The result for people, and where the files are.
pub(crate) fn in_words(run: &RunFolder, config: &RunConfig, finished: &Finished) -> String {
    format!(
        "{}\n\
         The model is {}, the report {}.\n\
         Predict with: cornu predict {} PICTURE",
        timed_summary(config, finished, finished.seconds),
        run.best().display(),
        run.report().display(),
        run.best().display()
    )
}

/// Without times, which differ from run to run.
fn summary(config: &RunConfig, finished: &Finished) -> String {
    timed_summary(config, finished, None)
}

fn timed_summary(config: &RunConfig, finished: &Finished, seconds: Option<f64>) -> String {
    let state = &finished.state;
    let mut text = match (&finished.test, &finished.validation) {
        (Some(judged), _) => sentence(&judged.scores, "test pictures, which training never saw"),
        (None, Some(judged)) => sentence(
            &judged.scores,
            "validation pictures, by which it was chosen (there are no test pictures)",
        ),
        (None, None) => {
            "There are neither validation nor test pictures, so nothing says how good the model is."
                .to_owned()
        }
    };
    text.push_str(&format!(
        " Trained on {} for {}{}; the model of epoch {} is kept.",
        counted(config.split.train, "picture"),
        counted(state.epoch, "epoch"),
        seconds.map_or_else(String::new, |seconds| format!(" in {seconds:.0} s")),
        state.best_epoch
    ));
    text
}

fn sentence(scores: &Scores, whose: &str) -> String {
    let right = (scores.accuracy * scores.samples as f64).round();
    let auc = scores.auc.map_or_else(String::new, |auc| format!(", AUC {auc:.3}"));
    format!(
        "The model tells {} right for {right:.0} of {} {whose}: accuracy {:.3}{auc}.",
        match &scores.classes[..] {
            classes if classes.len() <= words::FEW_CLASSES => {
                words::listed(&classes.iter().map(|c| c.class.as_str()).collect::<Vec<_>>())
            }
            classes => format!("{} classes", classes.len()),
        },
        scores.samples,
        scores.accuracy
    )
}
