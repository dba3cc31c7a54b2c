use cornu::data::DataError;
use cornu::engine::EngineError;
use cornu::explain::ExplainError;
use cornu::formats::{ArchiveError, safe_write::WriteError};
use cornu::model::ModelError;
use cornu::plot::PlotError;

use crate::interrupt;

/// Why a command failed. The message says where, what was expected and got, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// Found by a command itself.
    #[error("{0}")]
    Message(String),
    /// From the training floor and those below.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// From data sets and pictures.
    #[error(transparent)]
    Data(#[from] DataError),
    /// From the engine's options.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A model file that cannot be read or written.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Any other file that cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// From maps of attribution.
    #[error(transparent)]
    Explain(#[from] ExplainError),
    /// From pictures that are drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// Ctrl-C or SIGTERM.
    #[error("{0}")]
    Interrupted(String),
    /// Nobody reads standard output any more.
    #[error("standard output was closed")]
    PipeClosed,
}

impl CliError {
    pub(crate) fn message(text: impl Into<String>) -> Self {
        Self::Message(text.into())
    }

    pub(crate) fn exit_code(&self) -> u8 {
        if matches!(self, Self::Interrupted(_)) { interrupt::exit_code() } else { 1 }
    }
}
