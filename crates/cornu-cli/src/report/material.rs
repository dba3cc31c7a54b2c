//! What a report is made of.

use cornu::Samples;
use cornu::model::Batches;

use crate::machine::{Machine, peak_rss_mb};
use crate::run::{Finished, Fitted, HistoryFile, Parts, RunConfig, TrainingState};
use crate::scores::Judged;

/// Everything that a report tells of.
pub(crate) struct Material<'a> {
    /// What the network is called.
    pub(crate) model_name: String,
    /// Where the pictures are.
    pub(crate) data: String,
    /// What must be said of the data.
    pub(crate) note: Option<&'a str>,
    pub(crate) class_names: &'a [String],
    /// Height, width and channels of a picture.
    pub(crate) shape: [usize; 3],
    pub(crate) parts: Vec<Part<'a>>,
    pub(crate) training: Option<Training<'a>>,
    /// The most memory that the program had so far, MiB; 0 where that is not known.
    pub(crate) peak_mb: u64,
    /// What it was computed with.
    pub(crate) machine: Machine,
    /// What to type to get this again.
    pub(crate) command: String,
}

/// A part of the pictures.
pub(crate) struct Part<'a> {
    /// `training`, `validation` or `test`, in a sentence before "pictures".
    pub(crate) name: &'static str,
    pub(crate) samples: &'a Samples,
    /// What the samples are called.
    pub(crate) names: &'a [String],
    /// How the model judges them, if it was asked.
    pub(crate) judged: Option<&'a Judged>,
}

/// How the model came to be.
pub(crate) struct Training<'a> {
    pub(crate) config: &'a RunConfig,
    pub(crate) history: &'a HistoryFile,
    pub(crate) state: &'a TrainingState,
    pub(crate) fitted: Option<Fitted>,
}

impl Part<'_> {
    /// Number of pictures of each class.
    pub(crate) fn class_counts(&self, n_classes: usize) -> Vec<usize> {
        let mut counts = vec![0; n_classes];
        for &label in self.samples.labels() {
            counts[label] += 1;
        }
        counts
    }
}

impl<'a> Material<'a> {
    /// Of a run that came to its end. `train` is how the model judges the pictures that it learnt from.
    pub(crate) fn of_run(
        config: &'a RunConfig,
        finished: &'a Finished,
        parts: &'a Parts,
        train: Option<&'a Judged>,
        note: Option<&'a str>,
        command: String,
        machine: Machine,
    ) -> Self {
        let names = &parts.names;
        let part = |name, samples, names, judged| Part { name, samples, names, judged };
        let parts = [
            part("training", &parts.train, &names.train[..], train),
            part("validation", &parts.val, &names.val[..], finished.validation.as_ref()),
            part("test", &parts.test, &names.test[..], finished.test.as_ref()),
        ];
        Self {
            model_name: config.model.clone(),
            data: config.data.clone(),
            note,
            class_names: &config.classes,
            shape: shape(&config.input),
            parts: parts.into_iter().filter(|part| !part.samples.is_empty()).collect(),
            training: Some(Training {
                config,
                history: &finished.history,
                state: &finished.state,
                fitted: finished.fitted,
            }),
            peak_mb: peak_rss_mb(),
            machine,
            command,
        }
    }

    /// The part that says how good the model is: that of test, else that of validation.
    pub(crate) fn judged(&self) -> Option<(&Part<'a>, &'a Judged)> {
        let of = |part: &&Part<'a>| part.name != "training" || self.training.is_none();
        let part = self.parts.iter().rev().filter(of).find(|part| part.judged.is_some())?;
        part.judged.map(|judged| (part, judged))
    }

    pub(crate) fn part(&self, name: &str) -> Option<&Part<'a>> {
        self.parts.iter().find(|part| part.name == name)
    }

    /// Of two classes, number 1 is the positive one.
    pub(crate) fn is_binary(&self) -> bool {
        self.class_names.len() == 2
    }
}

/// Height, width and channels.
fn shape(dims: &[usize]) -> [usize; 3] {
    [0, 1, 2].map(|axis| dims.get(axis).copied().unwrap_or(1))
}
