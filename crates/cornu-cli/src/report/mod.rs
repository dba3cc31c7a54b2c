//! What a finished run tells: `metrics.json`, `report.html`, and some words.

mod curves;
mod html;

use cornu::formats::write_file_safely;
use serde_json::{Map, Value, json};

use crate::error::CliError;
use crate::output::counted;
use crate::run::{Finished, RunConfig, RunFolder};
use crate::scores::Scores;

/// Writes `metrics.json`, whose value is the answer, and `report.html`. `note` is what must be said
/// of the data.
pub(crate) fn write(
    run: &RunFolder,
    config: &RunConfig,
    finished: &Finished,
    note: Option<&str>,
) -> Result<Value, CliError> {
    let metrics = metrics(config, finished, note);
    let text = serde_json::to_string_pretty(&metrics)
        .map_err(|error| CliError::message(format!("{}: {error}", run.metrics().display())))?;
    write_file_safely(&run.metrics(), format!("{text}\n").as_bytes())?;
    let summary = summary(config, finished);
    let page = html::page(config, finished, &summary, note);
    write_file_safely(&run.report(), page.as_bytes())?;
    Ok(metrics)
}

/// Scores on the test part in the object itself, those on the validation part under `validation`.
fn metrics(config: &RunConfig, finished: &Finished, note: Option<&str>) -> Value {
    let mut object = Map::new();
    if let Some(note) = note {
        object.insert("note".to_owned(), json!(note));
    }
    if let Some(Value::Object(scores)) = finished.test.as_ref().map(|scores| json!(scores)) {
        object.extend(scores);
    }
    object.insert("validation".to_owned(), json!(finished.validation));
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
        summary(config, finished),
        run.best().display(),
        run.report().display(),
        run.best().display()
    )
}

fn summary(config: &RunConfig, finished: &Finished) -> String {
    let state = &finished.state;
    let mut text = match (&finished.test, &finished.validation) {
        (Some(scores), _) => sentence(scores, "test pictures, which training never saw"),
        (None, Some(scores)) => sentence(
            scores,
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
        finished.seconds.map_or_else(String::new, |seconds| format!(" in {seconds:.0} s")),
        state.best_epoch
    ));
    text
}

fn sentence(scores: &Scores, whose: &str) -> String {
    let right = (scores.accuracy * scores.samples as f64).round();
    let auc = scores.auc.map_or_else(String::new, |auc| format!(", AUC {auc:.3}"));
    format!(
        "The model tells {} right for {right:.0} of {} {whose}: accuracy {:.3}{auc}.",
        either(&scores.classes.iter().map(|c| c.class.as_str()).collect::<Vec<_>>()),
        scores.samples,
        scores.accuracy
    )
}

/// `a, b and c`.
fn either(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [name] => (*name).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_joined_as_in_a_sentence() {
        assert_eq!(either(&[]), "");
        assert_eq!(either(&["a"]), "a");
        assert_eq!(either(&["a", "b", "c"]), "a, b and c");
    }
}
