use std::path::Path;

use clap::ValueEnum;
use cornu::model::{Model, SummaryOptions, SummaryStyle};

use crate::error::CliError;
use crate::model_argument::ModelArgument;
use crate::weights_file::{self, Contents};
use crate::{model_file, output};

/// Print the table of layers, output shapes and parameters, as Keras prints it
///
/// Of a file that holds weights only (.weights.h5, .safetensors), the variables are listed.
///
/// Examples:
///
///   cornu summary lesson-cnn
///   cornu summary run/best.keras
///   cornu summary old_model.h5 --style keras2
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// A built-in name (lesson-cnn), a Keras .json config, a .keras or .h5 file, or one with weights
    model: String,
    /// The table of Keras 3, or that of Keras 2 (TensorFlow 2.8 to 2.12) with lines of _ and =
    #[arg(long, value_enum, default_value_t = Style::Keras3, value_name = "VERSION")]
    style: Style,
    /// List the layers of models in the model too
    #[arg(long)]
    expand_nested: bool,
    /// Add a column that says which layers are trainable
    #[arg(long)]
    show_trainable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Style {
    Keras3,
    Keras2,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let path = Path::new(&args.model);
    let model = match weights_file::contents(path)? {
        Contents::Weights(table) => return output::result(table.trim_end_matches('\n')),
        // Neither Keras 2 nor Keras 3, which does not take it over, counts its optimizer's state.
        Contents::OldModel => {
            Model::load_without_compile(path).map_err(|error| model_file::advised(&error))?
        }
        Contents::Other => ModelArgument::parse(&args.model)?.open()?.model,
    };
    let style = match args.style {
        Style::Keras3 => SummaryStyle::Keras3,
        Style::Keras2 => SummaryStyle::Keras2,
    };
    let options = SummaryOptions {
        expand_nested: args.expand_nested,
        show_trainable: args.show_trainable,
        ..SummaryOptions::default()
    };
    output::result(model.summary_in(style, &options)?.trim_end_matches('\n'))
}
