//! The command line of Cornu: `cornu COMMAND`.
//!
//! Results go to standard output, progress and messages to standard error; the exit code is 0, 1 (it
//! failed), 2 (the command line cannot be understood), 130 or 143 (stopped by Ctrl-C or SIGTERM,
//! everything saved).
//!
//! Each command is a file in `commands`: `struct Args` is what was typed, `run` does it.

mod commands;
mod error;
mod interrupt;
mod labels;
mod machine;
mod model_argument;
mod model_file;
mod output;
mod profile_text;
mod recipe;
mod report;
mod run;
mod scores;
mod weights_file;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use commands::Command;
use error::CliError;

/// Keras-compatible deep learning on the command line.
///
/// From a folder of pictures to a trained, evaluated model and a report:
///
///   cornu demo                                    try it on drawn pictures, no data needed
///   cornu train pictures --out run                one sub-folder of pictures per class
///   cornu evaluate run/best.keras pictures
///   cornu predict run/best.keras picture.jpg
///
/// MODEL is a built-in name (lesson-cnn), a Keras .json config (model.to_json()), or a .keras or .h5
/// file, also one that Keras 2 wrote.
/// DATA is a folder with one sub-folder of pictures per class, or a folder with a manifest.csv
/// (columns file, class, and split if wanted).
#[derive(Debug, Parser)]
#[command(name = "cornu", version, verbatim_doc_comment, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let start = Instant::now();
    // A closed pipe (`cornu summary lesson-cnn | head`) ends output, not with a panic: see `output`.
    let result = Cli::parse().command.run(start);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(CliError::PipeClosed) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
