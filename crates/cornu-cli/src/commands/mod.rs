//! One file per command: `struct Args` is what was typed, `run` does it.

mod bench;
mod convert;
mod demo;
mod evaluate;
mod explain;
mod plan;
mod plot;
mod predict;
mod summary;
mod train;

use std::time::Instant;

use clap::Subcommand;

use crate::error::CliError;

pub(crate) use demo::SYNTHETIC;

/// What there is to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::Args),
    Train(train::Args),
    Evaluate(evaluate::Args),
    Predict(predict::Args),
    Explain(explain::Args),
    Summary(summary::Args),
    Convert(convert::Args),
    Bench(bench::Args),
    Plan(plan::Args),
    Plot(plot::Args),
}

impl Command {
    /// `start` is when the program was started.
    pub(crate) fn run(self, start: Instant) -> Result<(), CliError> {
        match self {
            Self::Demo(args) => demo::run(&args),
            Self::Train(args) => train::run(&args),
            Self::Evaluate(args) => evaluate::run(&args),
            Self::Predict(args) => predict::run(&args),
            Self::Explain(args) => explain::run(&args),
            Self::Summary(args) => summary::run(&args),
            Self::Convert(args) => convert::run(&args),
            Self::Bench(args) => bench::run(&args, start),
            Self::Plan(args) => plan::run(&args),
            Self::Plot(args) => plot::run(&args),
        }
    }
}
