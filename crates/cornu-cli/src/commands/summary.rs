use crate::error::CliError;
use crate::model_argument::ModelArgument;
use crate::output;

/// Print the table of layers, output shapes and parameters, as Keras prints it
///
/// Examples:
///
///   cornu summary lesson-cnn
///   cornu summary run/best.keras
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// A built-in name (lesson-cnn), a Keras .json config, or a .keras file
    model: String,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let model = ModelArgument::parse(&args.model)?.open()?.model;
    output::result(model.summary().trim_end_matches('\n'))
}
