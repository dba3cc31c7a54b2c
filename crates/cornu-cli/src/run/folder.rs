use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use cornu::model::ModelError;

use super::RunConfig;
use crate::error::CliError;

/// Where a new run's files lie until its first epoch is complete.
const STAGING: &str = ".new";

/// The files of a run.
#[derive(Debug)]
pub(crate) struct RunFiles {
    path: PathBuf,
}

impl RunFiles {
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

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a model in it that must not be lost.
    pub(crate) fn holds_model(&self) -> bool {
        self.last().exists() || self.best().exists()
    }
}

/// The folder of a run.
#[derive(Debug)]
pub(crate) struct RunFolder {
    files: RunFiles,
    /// Whether it was made for this run.
    is_new: bool,
}

impl Deref for RunFolder {
    type Target = RunFiles;

    fn deref(&self) -> &RunFiles {
        &self.files
    }
}

/// A run that failed before it wrote anything leaves no folder behind.
impl Drop for RunFolder {
    fn drop(&mut self) {
        if self.is_new {
            // Only an empty folder can be removed this way.
            let _ = std::fs::remove_dir(&self.files.path);
        }
    }
}

impl RunFolder {
    /// Makes the folder if it is not there, and clears up what a program that was killed left.
    pub(crate) fn create(path: &Path) -> Result<Self, CliError> {
        let is_new = !path.exists();
        let cannot = |what: &str, error: io::Error| {
            CliError::message(format!(
                "{}: cannot {what}: {error}; give another with --out",
                path.display()
            ))
        };
        std::fs::create_dir_all(path).map_err(|error| cannot("make the output folder", error))?;
        let folder = Self { files: RunFiles { path: path.to_owned() }, is_new };
        remove_unfinished(path);
        let staging = folder.staging_files();
        if staging.config().exists() {
            folder.take_over(&staging)
        } else {
            remove_if_there(std::fs::remove_dir_all(&staging.path))
        }
        .map_err(|error| cannot("clear up what a killed run left in the output folder", error))?;
        Ok(folder)
    }

    /// A place for the files of a new run; those of an earlier one stay until it is taken over.
    pub(crate) fn stage(&self) -> Result<Staging<'_>, CliError> {
        let files = self.staging_files();
        std::fs::create_dir_all(&files.path).map_err(|error| {
            CliError::message(format!(
                "{}: cannot make a folder for the first files: {error}; give another folder with \
                 --out",
                files.path.display()
            ))
        })?;
        Ok(Staging { folder: self, files })
    }

    fn staging_files(&self) -> RunFiles {
        RunFiles { path: self.files.path.join(STAGING) }
    }

    /// Puts staged files in the place of an earlier run's. Can be broken off and done again:
    /// `config.toml` goes last, and as long as it is staged there is something left to do.
    fn take_over(&self, staged: &RunFiles) -> io::Result<()> {
        for stale in [self.metrics(), self.report()] {
            remove_if_there(std::fs::remove_file(stale))?;
        }
        for (from, to) in [
            (staged.best(), self.best()),
            (staged.history(), self.history()),
            (staged.last(), self.last()),
            (staged.config(), self.config()),
        ] {
            remove_if_there(std::fs::rename(from, to))?;
        }
        remove_if_there(std::fs::remove_dir_all(&staged.path))
    }
}

/// A new run's files before its first epoch is complete. Dropped, they are removed.
#[derive(Debug)]
pub(crate) struct Staging<'a> {
    folder: &'a RunFolder,
    files: RunFiles,
}

impl Deref for Staging<'_> {
    type Target = RunFiles;

    fn deref(&self) -> &RunFiles {
        &self.files
    }
}

impl Staging<'_> {
    /// Makes the staged files, and `config`, those of the run.
    pub(crate) fn take_over(self, config: &RunConfig) -> Result<(), ModelError> {
        let path = self.folder.path().to_owned();
        if let Err(error) = config.write(&self.files.config()) {
            return Err(ModelError::File { path, problem: error.to_string() });
        }
        // From here on the new run counts.
        self.folder.take_over(&self.files).map_err(|error| {
            let problem =
                format!("cannot put the run's first files here: {error}; then use --resume");
            ModelError::File { path, problem }
        })
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if !self.files.config().exists() {
            let _ = std::fs::remove_dir_all(&self.files.path);
        }
    }
}

fn remove_if_there(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })
}

/// Removes files `.NAME.PROCESS.N.unfinished` of processes that are no more. Where the system does
/// not list its processes in `/proc`, they stay.
fn remove_unfinished(path: &Path) {
    let processes = Path::new("/proc");
    let Ok(entries) = std::fs::read_dir(path) else { return };
    if !processes.join("self").exists() {
        return;
    }
    for entry in entries.flatten() {
        let name = entry.file_name();
        let parts: Vec<&str> = name.to_str().unwrap_or_default().rsplit('.').collect();
        // From the end: `unfinished`, the number, the process, the name.
        let ["unfinished", _, process, _, ..] = parts[..] else { continue };
        let is_dead = process.parse::<u32>().is_ok() && !processes.join(process).exists();
        if is_dead && parts.last() == Some(&"") {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
