//! The argument MODEL: a built-in name, a Keras `.json` config, a `.keras` or `.h5` file, or the folder of
//! a run, which stands for its `best.keras`.

use std::path::{Path, PathBuf};

use cornu::model::Model;
use cornu::networks;

use crate::error::CliError;
use crate::labels::picture_shape;
use crate::model_file::{self, Loaded};
use crate::output;

/// Name of the built-in network.
pub(crate) const LESSON_CNN: &str = "lesson-cnn";

/// A `.json` config larger than this is not read.
const MAX_JSON_BYTES: u64 = 64 << 20;

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ModelArgument {
    LessonCnn,
    Json(PathBuf),
    /// A whole model.
    File(PathBuf),
}

impl ModelArgument {
    /// # Errors
    ///
    /// If `text` is neither a built-in name nor a file of a known kind.
    pub(crate) fn parse(text: &str) -> Result<Self, CliError> {
        if text == LESSON_CNN {
            return Ok(Self::LessonCnn);
        }
        let path = Path::new(text);
        if !path.exists() {
            return Err(CliError::message(format!(
                "{text}: no such file, and no built-in model of this name; give `{LESSON_CNN}`, a \
                 Keras .json config or a .keras or .h5 file"
            )));
        }
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("json") if !text.ends_with(".weights.json") => Ok(Self::Json(path.to_owned())),
            Some("keras" | "h5" | "hdf5" | "safetensors" | "json") => {
                Ok(Self::File(path.to_owned()))
            }
            _ if path.join("best.keras").is_file() => Ok(Self::File(path.join("best.keras"))),
            _ if path.join("config.json").is_file() => Ok(Self::File(path.to_owned())),
            _ => Err(CliError::message(format!(
                "{text}: expected a file that ends in .keras, .h5 or .json; for other formats save \
                 it with Keras 3 as .keras"
            ))),
        }
    }

    /// The model; with fresh weights unless it comes from a file that has some.
    pub(crate) fn open(&self) -> Result<Loaded, CliError> {
        match self {
            Self::LessonCnn => Ok(Loaded::fresh(networks::lesson_cnn()?)),
            Self::Json(path) => Ok(Loaded::fresh(read_config(path)?)),
            Self::File(path) => model_file::read(path),
        }
    }

    /// The model, to be asked for predictions. Says so if it has nothing but random weights.
    ///
    /// # Errors
    ///
    /// Those of [`ModelArgument::open`], and weights that are not finite.
    pub(crate) fn open_to_predict(&self) -> Result<Loaded, CliError> {
        let loaded = self.open()?;
        let name = match self {
            Self::File(path) => {
                model_file::check_finite(path, &loaded.model)?;
                return Ok(loaded);
            }
            Self::LessonCnn => LESSON_CNN.to_owned(),
            Self::Json(path) => path.display().to_string(),
        };
        output::message(format!(
            "warning: {name}: this network is not trained: its weights are random, and so are its \
             predictions; give the .keras or .h5 file of a trained one"
        ));
        Ok(loaded)
    }
}

/// The network in a `.json` config, to be trained on pictures: its input has a fixed size.
pub(crate) fn read_json(path: &Path) -> Result<Model, CliError> {
    let model = read_config(path)?;
    picture_shape(&model)
        .map_err(|error| CliError::message(format!("{}: {error}", path.display())))?;
    Ok(model)
}

fn read_config(path: &Path) -> Result<Model, CliError> {
    let problem = |problem: String| CliError::message(format!("{}: {problem}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| problem(error.to_string()))?.len();
    if MAX_JSON_BYTES < size {
        return Err(problem(format!("{size} bytes are too many for a model config")));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| problem(format!("cannot read the config: {error}")))?;
    Model::from_json(&text).map_err(|error| problem(model_file::advised(&error).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_names_are_errors_that_say_what_there_is() {
        assert_eq!(ModelArgument::parse("lesson-cnn").unwrap(), ModelArgument::LessonCnn);
        let error = ModelArgument::parse("lesson-cn").unwrap_err().to_string();
        assert!(error.contains("lesson-cn: no such file") && error.contains("`lesson-cnn`"));
        let file = tempfile::NamedTempFile::with_suffix(".onnx").unwrap();
        let error = ModelArgument::parse(file.path().to_str().unwrap()).unwrap_err().to_string();
        assert!(
            error.contains(".onnx: expected a file that ends in .keras, .h5 or .json"),
            "{error}"
        );
    }
}
