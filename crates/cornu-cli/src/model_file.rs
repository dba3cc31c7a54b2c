//! Model files, `.keras` ones with what this program adds: an object `cornu` in `metadata.json`, which Keras
//! reads past.

use std::path::Path;

use cornu::formats::{FileKind, KerasArchive, read_keras, write_keras};
use cornu::model::{Model, ModelError};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::CliError;
use crate::output;
use crate::run::TrainingState;

/// Name of the object.
const KEY: &str = "cornu";

/// What a model file says beyond what Keras needs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Notes {
    /// Names of the classes, by index.
    pub(crate) classes: Vec<String>,
    /// How the pictures were divided, if the data set did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) split: Option<SplitNote>,
    /// Where training stands; only in `last.keras`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) training: Option<TrainingState>,
}

/// The arguments of a seeded split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SplitNote {
    pub(crate) seed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group_by: Option<String>,
}

/// A model and what its file says about it.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) model: Model,
    pub(crate) notes: Option<Notes>,
    /// Whether it is trained as it is: it brings its own preprocessing.
    pub(crate) as_it_is: bool,
}

impl Loaded {
    pub(crate) fn fresh(model: Model) -> Self {
        Self { model, notes: None, as_it_is: false }
    }
}

/// Writes `model` with `notes`; a file that is there is replaced completely or not at all.
pub(crate) fn write(path: &Path, model: &Model, notes: &Notes) -> Result<(), ModelError> {
    let mut archive: KerasArchive = model.to_archive();
    archive.metadata[KEY] = json!(notes);
    write_keras(path, &archive)
        .map_err(|error| ModelError::File { path: path.to_owned(), problem: error.without_file() })
}

/// Makes sure that the weights of `model`, from the file `path`, are numbers.
///
/// # Errors
///
/// If one is NaN or infinite: the layer is named.
pub(crate) fn check_finite(path: &Path, model: &Model) -> Result<(), CliError> {
    for (info, value) in model.weight_infos().iter().zip(model.get_weights()) {
        let (layer, weight) = info.path.rsplit_once('/').unwrap_or((&info.path, "values"));
        if let Some(bad) = value.data().iter().find(|x| !x.is_finite()) {
            let what = if bad.is_nan() { "NaN" } else { "infinity" };
            return Err(CliError::message(format!(
                "{}: weights of layer `{layer}` hold {what} (`{weight}`), so that nothing can be \
                 predicted; take an earlier file, or train again with a lower learning rate",
                path.display()
            )));
        }
    }
    Ok(())
}

/// The error of a model that cannot be read; of one that has something unknown, with what to do.
pub(crate) fn advised(error: &ModelError) -> CliError {
    let text = error.to_string();
    if !text.contains("not supported") {
        return CliError::message(text);
    }
    CliError::message(format!(
        "{text}; Cornu {} does not know it: change that part of the model and save it again, or use \
         Keras for this model",
        env!("CARGO_PKG_VERSION")
    ))
}

/// Reads a whole model: a `.keras` file, or an `.h5` file of any version of Keras. One that was
/// compiled with something unknown is read without that. What could not be used is said on standard
/// error.
pub(crate) fn read(path: &Path) -> Result<Loaded, CliError> {
    let kind = FileKind::of(path).map_err(|problem| {
        CliError::message(format!("cannot read {}: {problem}", path.display()))
    })?;
    let notes = if kind == FileKind::KerasArchive { read_notes(path)? } else { None };
    let model = match Model::load(path) {
        Ok(model) => model,
        Err(error) => Model::load_without_compile(path).map_err(|_| advised(&error))?,
    };
    for note in model.load_notes() {
        output::message(format!("warning: {}: {note}", path.display()));
    }
    Ok(Loaded { model, notes, as_it_is: true })
}

fn read_notes(path: &Path) -> Result<Option<Notes>, CliError> {
    let archive = read_keras(path)?;
    let Some(notes) = archive.metadata.get(KEY) else { return Ok(None) };
    serde_json::from_value(notes.clone()).map(Some).map_err(|error| {
        CliError::message(format!(
            "{}: metadata.json: `{KEY}`: {error}; remove that key, or save the model again",
            path.display()
        ))
    })
}
