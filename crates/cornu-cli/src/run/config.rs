use std::path::Path;

use cornu::formats::write_file_safely;
use serde::{Deserialize, Serialize};

use crate::error::CliError;
use crate::recipe::Recipe;

/// `config.toml`: everything a run depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunConfig {
    /// Version of the program that began the run.
    pub(crate) cornu: String,
    /// Where the pictures are.
    pub(crate) data: String,
    /// The argument MODEL.
    pub(crate) model: String,
    /// Names of the classes, by index.
    pub(crate) classes: Vec<String>,
    /// Height, width and channels of a sample.
    pub(crate) input: Vec<usize>,
    /// Memory for decoded pictures.
    pub(crate) cache_mb: usize,
    /// Column of the manifest whose equal values stay on one side of the split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group_by: Option<String>,
    /// Weight of each class in the loss; none if all are 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) weights: Option<Vec<f64>>,
    /// What tells these pictures from others, see [`super::fingerprint`]; none if they are drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<String>,
    /// Epochs that the schedule of the learning rate was made for; none without a schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) schedule_epochs: Option<usize>,
    /// Numbers of pictures.
    pub(crate) split: SplitCounts,
    /// Settings of the training itself.
    pub(crate) recipe: Recipe,
}

/// How many pictures are used for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SplitCounts {
    pub(crate) train: usize,
    pub(crate) val: usize,
    pub(crate) test: usize,
    /// Whether the data set says so itself; else they are drawn by the seed.
    pub(crate) given: bool,
}

impl RunConfig {
    pub(crate) fn write(&self, path: &Path) -> Result<(), CliError> {
        let text = toml::to_string(self)
            .map_err(|error| CliError::message(format!("{}: {error}", path.display())))?;
        Ok(write_file_safely(path, text.as_bytes())?)
    }

    pub(crate) fn read(path: &Path) -> Result<Self, CliError> {
        let problem = |problem: String| {
            CliError::message(format!(
                "{}: {problem}; start a new run in another folder",
                path.display()
            ))
        };
        let text = std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
        toml::from_str(&text).map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count() + 1);
            let what = error.message().lines().next().unwrap_or_default();
            problem(format!("line {line}: {what}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let config = RunConfig {
            cornu: "0.1.0".to_owned(),
            data: "a \"quoted\" path".to_owned(),
            model: "lesson-cnn".to_owned(),
            classes: vec!["a".to_owned(), "b".to_owned()],
            input: vec![256, 256, 1],
            cache_mb: 1024,
            group_by: None,
            weights: Some(vec![1.0 / 3.0, 2.0]),
            fingerprint: Some("0123456789abcdef".to_owned()),
            schedule_epochs: Some(120),
            split: SplitCounts { train: 10, val: 2, test: 3, given: true },
            recipe: Recipe::default(),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        config.write(&path).unwrap();
        assert_eq!(RunConfig::read(&path).unwrap(), config);
        std::fs::write(&path, "nonsense").unwrap();
        let error = RunConfig::read(&path).unwrap_err().to_string();
        assert!(error.contains("config.toml") && error.contains("start a new run"), "{error}");
    }
}
