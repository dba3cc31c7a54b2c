//! A training run and the folder that keeps it.
//!
//! In the order of a run: [`RunConfig`] is what it was asked for, [`Parts`] its data,
//! [`train()`] the work; [`keeper`] writes the files of the folder after each epoch, led by
//! [`TrainingState`], which `last.keras` carries, so that a run goes on where it stopped and gives
//! the same bits as one that was never stopped. A [`RunFolder`] holds one complete run or none: the
//! first epoch of a new one is written aside.

mod config;
mod curves;
mod fingerprint;
mod folder;
mod history_file;
mod keeper;
mod parts;
mod progress;
mod state;
mod train;

pub(crate) use config::{RunConfig, SplitCounts};
pub(crate) use fingerprint::{fingerprint, relative};
pub(crate) use folder::{RunFiles, RunFolder, Staging};
pub(crate) use history_file::HistoryFile;
pub(crate) use parts::Parts;
pub(crate) use state::TrainingState;
pub(crate) use train::{Finished, Fitted, Job, score, train};
