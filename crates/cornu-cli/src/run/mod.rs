//! A training run and the folder that keeps it.
//!
//! In the order of a run: [`RunConfig`] is what it was asked for, [`Parts`] its data,
//! [`train()`] the work; [`keeper`] writes the files of the folder after each epoch, led by
//! [`TrainingState`], which `last.keras` carries, so that a run goes on where it stopped and gives
//! the same bits as one that was never stopped.

mod config;
mod history_file;
mod keeper;
mod parts;
mod progress;
mod state;
mod train;

pub(crate) use config::{RunConfig, SplitCounts};
pub(crate) use parts::Parts;
pub(crate) use state::TrainingState;
pub(crate) use train::{Finished, Job, score, train};

use std::path::{Path, PathBuf};

use crate::error::CliError;

/// The files of a run.
#[derive(Debug, Clone)]
pub(crate) struct RunFolder(PathBuf);

impl RunFolder {
    /// Makes the folder if it is not there.
    pub(crate) fn create(path: &Path) -> Result<Self, CliError> {
        std::fs::create_dir_all(path).map_err(|error| {
            CliError::message(format!(
                "{}: cannot make the output folder: {error}; give another with --out",
                path.display()
            ))
        })?;
        Ok(Self(path.to_owned()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Whether there is a model in it that must not be lost.
    pub(crate) fn holds_model(&self) -> bool {
        self.last().exists() || self.best().exists()
    }

    /// Makes sure that what an earlier run left cannot be taken for the state of the one that starts
    /// now. Its best model stays until there is a better one.
    pub(crate) fn forget_state(&self) -> Result<(), CliError> {
        match std::fs::remove_file(self.last()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(CliError::message(format!(
                    "{}: cannot remove what an earlier run left: {error}; give another folder with \
                     --out",
                    self.last().display()
                )))
            }
            _ => Ok(()),
        }
    }

    /// The model with the best smoothed validation loss.
    pub(crate) fn best(&self) -> PathBuf {
        self.0.join("best.keras")
    }

    /// The model as training left it, with what it needs to go on.
    pub(crate) fn last(&self) -> PathBuf {
        self.0.join("last.keras")
    }

    pub(crate) fn history(&self) -> PathBuf {
        self.0.join("history.csv")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    pub(crate) fn metrics(&self) -> PathBuf {
        self.0.join("metrics.json")
    }

    pub(crate) fn report(&self) -> PathBuf {
        self.0.join("report.html")
    }
}
