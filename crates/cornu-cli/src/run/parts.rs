use std::sync::Arc;

use cornu::data::{Dataset, ImageFolder, LoadOptions, SampleShape, SplitIndices};
use cornu::{Samples, Targets};

use super::fingerprint::relative;
use crate::error::CliError;

/// The three parts of a data set.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) train: Samples,
    pub(crate) val: Samples,
    pub(crate) test: Samples,
    /// What the samples are called, in the same order.
    pub(crate) names: PartNames,
}

/// Names of the samples of each part.
#[derive(Debug, Default)]
pub(crate) struct PartNames {
    pub(crate) train: Vec<String>,
    pub(crate) val: Vec<String>,
    pub(crate) test: Vec<String>,
}

impl PartNames {
    fn new(split: &SplitIndices, name: impl Fn(usize) -> String) -> Self {
        let names = |indices: &[usize]| indices.iter().map(|&index| name(index)).collect();
        Self { train: names(&split.train), val: names(&split.val), test: names(&split.test) }
    }
}

impl Parts {
    /// Pictures of a folder. Together they keep at most `cache_mb` MiB of pixels in memory, the
    /// training pictures first; the rest is read from disk again in each epoch.
    pub(crate) fn of_folder(
        folder: &ImageFolder,
        split: &SplitIndices,
        shape: SampleShape,
        targets: Targets,
        cache_mb: usize,
    ) -> Result<Self, CliError> {
        let mut budget = cache_mb.saturating_mul(1 << 20);
        let mut part = |indices: &[usize]| -> Result<Samples, CliError> {
            let options = LoadOptions { memory_budget: budget, ..LoadOptions::default() };
            let pictures = folder.dataset(indices, shape, &options)?;
            budget = budget.saturating_sub(pictures.kept_bytes());
            // A picture that cannot be read is told now, not after hours of training.
            pictures.verify()?;
            let all_kept = pictures.n_kept() == pictures.len();
            Ok(Samples::new(Arc::new(pictures)).targets(targets).read_ahead(!all_kept))
        };
        let names =
            PartNames::new(split, |index| relative(&folder.samples[index].path, &folder.root));
        let (train, val, test) = (part(&split.train)?, part(&split.val)?, part(&split.test)?);
        Ok(Self { train, val, test, names })
    }

    /// Samples of another data set.
    pub(crate) fn of_dataset(
        dataset: &Arc<dyn Dataset>,
        split: &SplitIndices,
        targets: Targets,
    ) -> Self {
        let part = |indices: &[usize]| {
            let part = Part::new(dataset.clone(), indices.to_vec());
            Samples::new(Arc::new(part)).targets(targets)
        };
        let names = PartNames::new(split, |index| format!("picture {index}"));
        let (train, val, test) = (part(&split.train), part(&split.val), part(&split.test));
        Self { train, val, test, names }
    }
}

impl Parts {
    /// At most `n` of `samples`, spread evenly, with the same class indices.
    pub(crate) fn some_of(samples: &Samples, n: usize) -> Samples {
        let (all, n) = (samples.labels().len(), n.min(samples.labels().len()));
        let indices = (0..n).map(|i| i * all / n).collect();
        Samples::new(Arc::new(Part::new(samples.dataset().clone(), indices)))
    }
}

/// Some samples of a data set.
struct Part {
    whole: Arc<dyn Dataset>,
    indices: Vec<usize>,
    labels: Vec<usize>,
}

impl Part {
    fn new(whole: Arc<dyn Dataset>, indices: Vec<usize>) -> Self {
        let labels = indices.iter().map(|&index| whole.labels()[index]).collect();
        Self { whole, indices, labels }
    }
}

impl Dataset for Part {
    fn len(&self) -> usize {
        self.indices.len()
    }

    fn sample_shape(&self) -> Vec<usize> {
        self.whole.sample_shape()
    }

    fn labels(&self) -> &[usize] {
        &self.labels
    }

    fn fill(&self, indices: &[usize], out: &mut [f32]) -> Result<(), cornu::data::DataError> {
        let of_whole: Vec<usize> = indices.iter().map(|&index| self.indices[index]).collect();
        self.whole.fill(&of_whole, out)
    }
}
