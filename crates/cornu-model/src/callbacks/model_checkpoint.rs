use std::path::{Path, PathBuf};

use super::monitor::{Monitor, monitor_settings};
use super::{Callback, CallbackCx};
use crate::ModelError;
use crate::history::Logs;

/// Saves the model or its weights after each epoch, or only when a value has become better.
///
/// The path may hold `{epoch}` (from 1), the names of logs, and Python's format specifications for
/// whole and decimal numbers: `best-{epoch:02d}-{val_loss:.3f}.keras`. Missing folders are made; a
/// file that is there is replaced completely or, if writing fails, stays as it is.
///
/// # Source
///
/// Keras 3, `keras/src/callbacks/model_checkpoint.py`. Not taken over: saving every so many batches.
#[derive(Debug, Clone)]
pub struct ModelCheckpoint {
    monitor: Monitor,
    path: String,
    save_best_only: bool,
    save_weights_only: bool,
    best: Option<f64>,
    last_path: Option<PathBuf>,
}

monitor_settings!(ModelCheckpoint);

impl ModelCheckpoint {
    /// Saves to `path`: a `.keras` file, or a `.weights.h5` file with
    /// [`ModelCheckpoint::save_weights_only`].
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            monitor: Monitor::new("ModelCheckpoint", "val_loss", 0.0),
            path: path.as_ref().to_string_lossy().into_owned(),
            save_best_only: false,
            save_weights_only: false,
            best: None,
            last_path: None,
        }
    }

    /// Whether to save only when the watched value is better than ever before. Default: false.
    pub fn save_best_only(mut self, save_best_only: bool) -> Self {
        self.save_best_only = save_best_only;
        self
    }

    /// Whether to save the weights without the model. Default: false.
    pub fn save_weights_only(mut self, save_weights_only: bool) -> Self {
        self.save_weights_only = save_weights_only;
        self
    }

    /// With `save_best_only`, a value that must be beaten before anything is saved. Default: none.
    pub fn initial_value_threshold(mut self, value: f64) -> Self {
        self.best = Some(value);
        self
    }

    /// The best value so far.
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// What was saved last.
    pub fn last_path(&self) -> Option<&Path> {
        self.last_path.as_deref()
    }
}

impl Callback for ModelCheckpoint {
    fn on_epoch_end(
        &mut self,
        cx: &mut CallbackCx<'_>,
        epoch: usize,
        logs: &mut Logs,
    ) -> Result<(), ModelError> {
        if self.save_best_only {
            let Some(value) = self.monitor.value(cx, logs)? else { return Ok(()) };
            if !self.monitor.is_improvement(cx, value, self.best)? {
                return Ok(());
            }
            self.best = Some(value);
        }
        let path =
            filled(&self.path, epoch, logs).map_err(|problem| self.monitor.error(problem))?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| ModelError::File {
                path: folder.to_owned(),
                problem: error.to_string(),
            })?;
        }
        if self.save_weights_only {
            cx.model.save_weights(&path)?;
        } else {
            cx.model.save(&path)?;
        }
        self.last_path = Some(path);
        Ok(())
    }
}

/// `template` with its placeholders filled in.
fn filled(template: &str, epoch: usize, logs: &Logs) -> Result<PathBuf, String> {
    let mut path = String::new();
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        let length =
            rest[start..].find('}').ok_or_else(|| format!("`{template}`: `{{` without `}}`"))?;
        path += &rest[..start];
        let placeholder = &rest[start + 1..start + length];
        let (name, format) = placeholder.split_once(':').unwrap_or((placeholder, ""));
        let text = if name == "epoch" {
            whole_number(epoch + 1, format)
        } else {
            let value = logs.get(name).ok_or_else(|| {
                let names: Vec<&str> = logs.keys().map(String::as_str).collect();
                format!(
                    "`{template}`: no log is named `{name}`; there are epoch, {}",
                    names.join(", ")
                )
            })?;
            decimal_number(*value, format)
        };
        path += &text.ok_or_else(|| {
            format!("`{template}`: the format `{format}` is not supported; use one like 02d or .3f")
        })?;
        rest = &rest[start + length + 1..];
    }
    Ok(PathBuf::from(path + rest))
}

/// Formats `d`, `3d` and `03d`.
fn whole_number(value: usize, format: &str) -> Option<String> {
    let width = format.strip_suffix('d').unwrap_or(format);
    Some(match width.strip_prefix('0') {
        _ if width.is_empty() => value.to_string(),
        Some(width) => format!("{value:0width$}", width = width.parse().ok()?),
        None => format!("{value:width$}", width = width.parse().ok()?),
    })
}

/// Formats `.3f`, `8.3f` and `08.3f`.
fn decimal_number(value: f64, format: &str) -> Option<String> {
    if format.is_empty() {
        return Some(value.to_string());
    }
    let (width, places) = format.strip_suffix('f')?.split_once('.')?;
    let places: usize = places.parse().ok()?;
    Some(match width.strip_prefix('0') {
        _ if width.is_empty() => format!("{value:.places$}"),
        Some(width) => format!("{value:0width$.places$}", width = width.parse().ok()?),
        None => format!("{value:width$.places$}", width = width.parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_as_python_does() {
        let logs = Logs::from([("val_loss".to_owned(), 0.123456), ("loss".to_owned(), 1.5)]);
        let path = |template| filled(template, 6, &logs);
        assert_eq!(
            path("a/{epoch:02d}-{val_loss:.3f}.keras").unwrap(),
            Path::new("a/07-0.123.keras")
        );
        assert_eq!(path("{epoch}{loss}").unwrap(), Path::new("71.5"));
        assert_eq!(path("{loss:07.2f}").unwrap(), Path::new("0001.50"));
        assert_eq!(path("{epoch:3d}").unwrap(), Path::new("  7"));
        let error = path("{auc}").unwrap_err();
        assert_eq!(error, "`{auc}`: no log is named `auc`; there are epoch, loss, val_loss");
        assert!(path("{loss:e}").is_err());
        assert!(path("{loss").is_err());
    }
}
