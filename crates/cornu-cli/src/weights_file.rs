//! What a model file holds, without making a model of it.

use std::path::Path;

use cornu::formats::{Dataset, FileKind, read_h5, read_safetensors};

use crate::error::CliError;

/// What there is at a path.
pub(crate) enum Contents {
    /// Weights but no model: a table of the variables.
    Weights(String),
    /// A model with weights that Keras 1 or 2 saved as HDF5.
    OldModel,
    /// Anything else, or no file.
    Other,
}

/// Looks into the file at `path`.
pub(crate) fn contents(path: &Path) -> Result<Contents, CliError> {
    if !path.is_file() {
        return Ok(Contents::Other);
    }
    let problem = |text: String| CliError::message(format!("{}: {text}", path.display()));
    let kind = FileKind::of(path).map_err(problem)?;
    let read = || std::fs::read(path).map_err(|error| problem(error.to_string()));
    match kind {
        FileKind::Hdf5 => {
            let root = read_h5(read()?).map_err(|error| problem(error.to_string()))?;
            let is_new = root.text("keras_version").is_some_and(|version| version.starts_with('3'));
            Ok(match root.text("model_config") {
                None => Contents::Weights(table(path, &root.all_datasets())),
                Some(_) if !is_new => Contents::OldModel,
                Some(_) => Contents::Other,
            })
        }
        FileKind::Safetensors => {
            let file = read_safetensors(&read()?).map_err(|error| problem(error.to_string()))?;
            let tensors: Vec<(String, &Dataset)> =
                file.tensors.iter().map(|(name, dataset)| (name.clone(), dataset)).collect();
            Ok(Contents::Weights(table(path, &tensors)))
        }
        FileKind::KerasArchive | FileKind::Json => Ok(Contents::Other),
    }
}

/// Name, shape, type and number of values of each variable.
fn table(path: &Path, variables: &[(String, &Dataset)]) -> String {
    let mut rows = vec![["Variable", "Shape", "Type", "Values"].map(str::to_owned)];
    rows.extend(variables.iter().map(|(name, dataset)| {
        let dims: Vec<String> = dataset.dims.iter().map(usize::to_string).collect();
        let shape = if let [one] = &dims[..] { format!("{one},") } else { dims.join(", ") };
        let n = dataset.data.len();
        [name.clone(), format!("({shape})"), dataset.data.dtype().to_owned(), n.to_string()]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..4).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = format!("Weights: \"{}\"\n", path.display());
    for [name, shape, dtype, n] in &rows {
        text += &format!(
            "{name:<0$}  {shape:<1$}  {dtype:<2$}  {n:>3$}\n",
            widths[0], widths[1], widths[2], widths[3]
        );
    }
    let total: usize = variables.iter().map(|(_, dataset)| dataset.data.len()).sum();
    text + &format!("{} variables, {total} values\n", variables.len())
}
