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
#[derive(Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
    /// Whether it was made for this run.
    is_new: bool,
}

/// A run that failed before it wrote anything leaves no folder behind.
impl Drop for RunFolder {
    fn drop(&mut self) {
        if self.is_new {
            // Only an empty folder can be removed this way.
            let _ = std::fs::remove_dir(&self.path);
        }
    }
}

impl RunFolder {
    /// Makes the folder if it is not there.
    pub(crate) fn create(path: &Path) -> Result<Self, CliError> {
        let is_new = !path.exists();
        std::fs::create_dir_all(path).map_err(|error| {
            CliError::message(format!(
                "{}: cannot make the output folder: {error}; give another with --out",
                path.display()
            ))
        })?;
        Ok(Self { path: path.to_owned(), is_new })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a model in it that must not be lost.
    pub(crate) fn holds_model(&self) -> bool {
        self.last().exists() || self.best().exists()
    }

    /// Makes sure that what an earlier run left cannot be taken for that of the one that starts now.
    /// Only its best model stays until there is another.
    pub(crate) fn forget_state(&self) -> Result<(), CliError> {
        for path in [self.last(), self.history(), self.metrics(), self.report()] {
            if let Err(error) = std::fs::remove_file(&path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(CliError::message(format!(
                    "{}: cannot remove what an earlier run left: {error}; give another folder with \
                     --out",
                    path.display()
                )));
            }
        }
        Ok(())
    }

    /// The model with the best smoothed validation loss.
    pub(crate) fn best(&self) -> PathBuf {
        self.path.join("best.keras")
    }

    /// The model as training left it, with what it needs to go on.
    pub(crate) fn last(&self) -> PathBuf {
        self.path.join("last.keras")
    }

    pub(crate) fn history(&self) -> PathBuf {
        self.path.join("history.csv")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    pub(crate) fn metrics(&self) -> PathBuf {
        self.path.join("metrics.json")
    }

    pub(crate) fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }
}
