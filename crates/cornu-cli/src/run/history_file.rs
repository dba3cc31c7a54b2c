use std::fmt::Write;
use std::path::{Path, PathBuf};

use cornu::formats::write_file_safely;
use cornu::model::{Logs, ModelError};

use crate::error::CliError;

/// `history.csv`: a line for each epoch, as Keras's `CSVLogger` writes it: `epoch` from 0, then the
/// logs by name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HistoryFile {
    path: PathBuf,
    /// Names of the logs; none before the first epoch.
    pub(crate) names: Vec<String>,
    /// Values of each epoch, in the order of `names`.
    pub(crate) rows: Vec<Vec<f64>>,
}

impl HistoryFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, names: Vec::new(), rows: Vec::new() }
    }

    /// The first `epochs` epochs of a file: later ones were not saved with their model.
    pub(crate) fn read(path: PathBuf, epochs: usize) -> Result<Self, CliError> {
        if epochs == 0 {
            return Ok(Self::new(path));
        }
        let problem = |path: &Path, problem: &str| {
            CliError::message(format!(
                "{}: {problem}; start a new run in another folder",
                path.display()
            ))
        };
        let text =
            std::fs::read_to_string(&path).map_err(|error| problem(&path, &error.to_string()))?;
        let mut lines = text.lines();
        let names: Vec<String> =
            lines.next().unwrap_or_default().split(',').skip(1).map(str::to_owned).collect();
        let values = |line: &str| -> Option<Vec<f64>> {
            line.split(',').skip(1).map(|value| value.parse().ok()).collect()
        };
        let rows: Option<Vec<Vec<f64>>> = lines.take(epochs).map(values).collect();
        let rows = rows
            .filter(|rows| rows.len() == epochs && rows.iter().all(|r| r.len() == names.len()))
            .ok_or_else(|| problem(&path, &format!("not the table of {epochs} epochs")))?;
        Ok(Self { path, names, rows })
    }

    /// From now on the file lies at `path`.
    pub(crate) fn moved_to(&mut self, path: PathBuf) {
        self.path = path;
    }

    /// Adds an epoch and writes the file.
    pub(crate) fn add(&mut self, logs: &Logs) -> Result<(), ModelError> {
        if self.names.is_empty() {
            self.names = logs.keys().cloned().collect();
        }
        let value = |name: &String| logs.get(name).copied().unwrap_or(f64::NAN);
        self.rows.push(self.names.iter().map(value).collect());
        write_file_safely(&self.path, self.text().as_bytes()).map_err(|error| ModelError::File {
            path: self.path.clone(),
            problem: error.to_string(),
        })
    }

    /// Values of `name`, one per epoch.
    pub(crate) fn column(&self, name: &str) -> Option<Vec<f64>> {
        let column = self.names.iter().position(|known| known == name)?;
        Some(self.rows.iter().map(|row| row[column]).collect())
    }

    fn text(&self) -> String {
        let mut text = format!("epoch,{}\n", self.names.join(","));
        for (epoch, row) in self.rows.iter().enumerate() {
            let _ = write!(text, "{epoch}");
            for value in row {
                let _ = write!(text, ",{value}");
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_come_back_to_the_last_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.csv");
        let mut history = HistoryFile::new(path.clone());
        for x in [0.1 + 0.2, 1e-300, f64::NAN] {
            history.add(&Logs::from([("loss".into(), x), ("val_loss".into(), 1.0)])).unwrap();
        }
        let read = HistoryFile::read(path.clone(), 2).unwrap();
        assert_eq!(read.names, ["loss", "val_loss"]);
        assert_eq!(read.column("loss").unwrap(), [0.1 + 0.2, 1e-300]);
        assert!(read.column("auc").is_none());
        assert!(HistoryFile::read(path.clone(), 4).is_err());
        assert!(HistoryFile::read(path, 3).unwrap().column("loss").unwrap()[2].is_nan());
    }
}
