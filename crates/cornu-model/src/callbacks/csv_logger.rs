use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Callback, CallbackCx};
use crate::ModelError;
use crate::history::Logs;

/// Writes the logs of each epoch as a line of a CSV file: `epoch` (from 0), then the logs by name.
/// A log that is missing in an epoch is `NA`.
///
/// # Source
///
/// Keras 3, `keras/src/callbacks/csv_logger.py`.
#[derive(Debug)]
pub struct CSVLogger {
    path: PathBuf,
    separator: String,
    append: bool,
    file: Option<File>,
    columns: Option<Vec<String>>,
}

impl CSVLogger {
    /// Writes to `path`, which is emptied when training begins.
    pub fn new(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_owned();
        Self { path, separator: ",".to_owned(), append: false, file: None, columns: None }
    }

    /// What stands between the values. Default: a comma.
    pub fn separator(mut self, separator: &str) -> Self {
        self.separator = separator.to_owned();
        self
    }

    /// Whether lines are added to what is in the file: for training that goes on. Default: false.
    pub fn append(mut self, append: bool) -> Self {
        self.append = append;
        self
    }

    fn error(&self, error: &std::io::Error) -> ModelError {
        ModelError::File { path: self.path.clone(), problem: error.to_string() }
    }

    fn write_line(&mut self, cells: &[String]) -> Result<(), ModelError> {
        let line = format!("{}\n", cells.join(&self.separator));
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = file.write_all(line.as_bytes()).and_then(|()| file.flush());
        written.map_err(|error| self.error(&error))
    }
}

impl Callback for CSVLogger {
    fn on_train_begin(&mut self, _cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        let mut options = OpenOptions::new();
        options.create(true).write(true);
        if self.append {
            options.append(true)
        } else {
            options.truncate(true)
        };
        self.columns = None;
        self.file = Some(options.open(&self.path).map_err(|error| self.error(&error))?);
        if self.append {
            // The columns of a file that is continued stay as they are.
            let text = std::fs::read_to_string(&self.path).map_err(|error| self.error(&error))?;
            let header = text.lines().next();
            let names = header.map(|line| line.split(&self.separator).skip(1).map(str::to_owned));
            self.columns = names.map(Iterator::collect);
        }
        Ok(())
    }

    fn on_epoch_end(
        &mut self,
        _cx: &mut CallbackCx<'_>,
        epoch: usize,
        logs: &mut Logs,
    ) -> Result<(), ModelError> {
        let columns = match &self.columns {
            Some(columns) => columns.clone(),
            None => {
                let columns: Vec<String> = logs.keys().cloned().collect();
                let header: Vec<String> =
                    std::iter::once("epoch".to_owned()).chain(columns.clone()).collect();
                self.write_line(&header)?;
                self.columns = Some(columns.clone());
                columns
            }
        };
        let value = |name: &String| logs.get(name).map_or("NA".to_owned(), f64::to_string);
        let line: Vec<String> =
            std::iter::once(epoch.to_string()).chain(columns.iter().map(value)).collect();
        self.write_line(&line)
    }

    fn on_train_end(&mut self, _cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        self.file = None;
        Ok(())
    }
}
