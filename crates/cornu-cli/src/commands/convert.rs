use std::path::{Path, PathBuf};

use cornu::formats::write_file_safely;
use cornu::model::Model;

use crate::error::CliError;
use crate::model_argument::ModelArgument;
use crate::weights_file::{self, Contents};
use crate::{model_file, output};

/// Convert a model to another format
///
/// Formats are told by the names:
///
///   .keras                whole model: network, weights, optimizer
///   .h5, .hdf5            whole model as Keras 2 wrote it, which Keras 3 reads and writes too
///   .json                 network only: model.to_json()
///   .weights.h5           weights and optimizer only: model.save_weights()
///   .safetensors          weights only, named by their paths (conv2d/kernel)
///
/// Files of Keras 1 and 2 become such as Keras 3 writes. What OUT cannot hold is left out, and said.
/// OUT is replaced completely or, if anything fails, stays as it is.
///
/// Examples:
///
///   cornu convert old_model.h5 model.keras
///   cornu convert model.keras model.safetensors
///   cornu convert net.json model.keras --weights model.safetensors
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// A .keras or .h5 file, a Keras .json config, or a built-in name (lesson-cnn)
    #[arg(value_name = "IN")]
    input: String,
    /// The file to write
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// Take the weights of this file: .weights.h5, .safetensors, .h5 or .keras
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
}

/// What a file can be written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Keras,
    Hdf5,
    Json,
    WeightsHdf5,
    Safetensors,
}

impl Format {
    fn of(path: &Path) -> Result<Self, CliError> {
        let name = path.to_string_lossy();
        let formats = [
            (".keras", Self::Keras),
            (".weights.h5", Self::WeightsHdf5),
            (".h5", Self::Hdf5),
            (".hdf5", Self::Hdf5),
            (".safetensors", Self::Safetensors),
            (".json", Self::Json),
        ];
        if name.ends_with(".weights.json") {
            return Err(CliError::message(format!(
                "{name}: weights in several parts (.weights.json) are not written; choose .weights.h5"
            )));
        }
        let found = formats.iter().find(|(ending, _)| name.ends_with(ending));
        found.map(|(_, format)| *format).ok_or_else(|| {
            CliError::message(format!(
                "{name}: expected a name that ends in .keras, .h5, .hdf5, .json, .weights.h5 or \
                 .safetensors"
            ))
        })
    }

    /// What of a whole model it cannot hold.
    fn leaves_out(self) -> Option<&'static str> {
        match self {
            Self::Keras | Self::Hdf5 => None,
            Self::Json => Some("the weights and the optimizer's state"),
            Self::WeightsHdf5 => Some("the network and what it is compiled with"),
            Self::Safetensors => {
                Some("the network, what it is compiled with and the optimizer's state")
            }
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let format = Format::of(&args.output)?;
    if let Contents::Weights(_) = weights_file::contents(Path::new(&args.input))? {
        return Err(CliError::message(format!(
            "{0}: this file has weights but no network, which they must be loaded into: `cornu \
             convert NETWORK {1} --weights {0}`, where NETWORK is a .json config or a model file",
            args.input,
            args.output.display()
        )));
    }
    let argument = ModelArgument::parse(&args.input)?;
    let mut loaded = argument.open()?;
    let is_new = !matches!(argument, ModelArgument::File(_));
    if let Some(weights) = &args.weights {
        loaded.model.load_weights(weights)?;
    } else if is_new && format != Format::Json {
        if matches!(format, Format::WeightsHdf5 | Format::Safetensors) {
            return Err(CliError::message(format!(
                "{}: this network has no weights to write; give a file of them with --weights, or a \
                 .keras or .h5 file as IN",
                args.input
            )));
        }
        output::message(format!(
            "warning: {}: this network is not trained: its weights are random; give a file of \
             weights with --weights",
            args.input
        ));
    }
    write(&args.output, format, &loaded.model, loaded.notes.as_ref())?;
    let left_out = match (format, &loaded.notes) {
        (Format::Hdf5, Some(_)) => Some("the names of the classes"),
        _ => format.leaves_out().filter(|_| !is_new),
    };
    if let Some(what) = left_out {
        output::message(format!("{}: without {what}", args.output.display()));
    }
    Ok(())
}

fn write(
    path: &Path,
    format: Format,
    model: &Model,
    notes: Option<&model_file::Notes>,
) -> Result<(), CliError> {
    match (format, notes) {
        (Format::Keras, Some(notes)) => model_file::write(path, model, notes)?,
        (Format::Keras | Format::Hdf5, _) => model.save(path)?,
        (Format::WeightsHdf5 | Format::Safetensors, _) => model.save_weights(path)?,
        (Format::Json, _) => write_file_safely(path, model.to_json().as_bytes())?,
    }
    Ok(())
}
