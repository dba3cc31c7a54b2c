use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use cornu_data::{DataError, Dataset, Prefetch};
use cornu_model::{Batch, Batches, Layout, ModelError};
use cornu_tensor::Tensor;

/// How class indices become targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targets {
    /// The index itself, one number a sample: for `BinaryCrossentropy` of one output and
    /// `SparseCategoricalCrossentropy`.
    Index,
    /// So many numbers a sample, 1 at the index: for `CategoricalCrossentropy`.
    OneHot(usize),
}

/// A [`cornu_data::Dataset`] (pictures of a folder, the synthetic set, arrays) as
/// [`Batches`] for `fit`, `evaluate` and `predict`.
///
/// ```
/// use cornu::prelude::*;
/// use cornu::data::{ImageFolder, LoadOptions, SampleShape, phantom};
/// use std::sync::Arc;
///
/// # let folder = tempfile::tempdir()?;
/// # phantom::Set::new(1, 8).export_png(folder.path())?;
/// let found = ImageFolder::open(folder.path())?;
/// let shape = SampleShape { height: 64, width: 64, channels: 1 };
/// let indices: Vec<usize> = (0..found.samples.len()).collect();
/// let pictures = found.dataset(&indices, shape, &LoadOptions::default())?;
/// let batches = Samples::new(Arc::new(pictures));
/// assert_eq!(batches.layout().x, [[64, 64, 1]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Samples {
    dataset: Arc<dyn Dataset>,
    targets: Targets,
    read_ahead: bool,
    /// The batch that is being read on another thread.
    ahead: Mutex<Option<Ahead>>,
}

struct Ahead {
    indices: Vec<usize>,
    reading: Prefetch,
}

impl Samples {
    /// Samples with their class index as target.
    pub fn new(dataset: Arc<dyn Dataset>) -> Self {
        Self { dataset, targets: Targets::Index, read_ahead: false, ahead: Mutex::new(None) }
    }

    /// The same with other targets.
    pub fn targets(mut self, targets: Targets) -> Self {
        self.targets = targets;
        self
    }

    /// Whether the next batch is read on another thread while the model works: for data sets that
    /// come from disk. Default: false, which is faster for those in memory.
    pub fn read_ahead(mut self, read_ahead: bool) -> Self {
        self.read_ahead = read_ahead;
        self
    }

    /// Class index of each sample.
    pub fn labels(&self) -> &[usize] {
        self.dataset.labels()
    }

    /// The samples `indices` as they were read ahead, if they were.
    fn taken_ahead(&self, indices: &[usize]) -> Option<Result<Vec<f32>, DataError>> {
        let ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        if ahead.indices != indices {
            return None;
        }
        let Ahead { mut reading, .. } = ahead;
        reading.next().map(|batch| batch.map(|batch| batch.samples))
    }
}

impl fmt::Debug for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Samples")
            .field("len", &self.dataset.len())
            .field("shape", &self.dataset.sample_shape())
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}

impl Batches for Samples {
    fn len(&self) -> usize {
        self.dataset.len()
    }

    fn layout(&self) -> Layout {
        let n_targets = match self.targets {
            Targets::Index => 1,
            Targets::OneHot(n) => n,
        };
        let x = vec![self.dataset.sample_shape()];
        Layout { x, y: vec![vec![n_targets]], sample_weight: Vec::new() }
    }

    fn fill(&self, indices: &[usize], batch: &mut Batch) -> Result<(), ModelError> {
        let mut samples = match self.taken_ahead(indices) {
            Some(samples) => samples.map_err(|error| data_error(&error))?,
            None => {
                // The last batch's memory serves again.
                let mut samples = batch.x.pop().map(Tensor::into_data).unwrap_or_default();
                let filled = self.dataset.fill_batch(indices, &mut samples);
                filled.map_err(|error| data_error(&error))?;
                samples
            }
        };
        let dims = [vec![indices.len()], self.dataset.sample_shape()].concat();
        samples.truncate(dims.iter().product());
        let wrong = |error: cornu_tensor::ShapeMismatch| ModelError::Data {
            what: "samples".to_owned(),
            expected: format!("shape {dims:?}"),
            got: error.to_string(),
        };
        batch.x = vec![Tensor::new(dims.clone(), samples).map_err(wrong)?];
        let labels = self.dataset.labels();
        batch.y = vec![match self.targets {
            Targets::Index => Tensor::from_fn([indices.len(), 1], |i| labels[indices[i]] as f32),
            Targets::OneHot(n) => Tensor::from_fn([indices.len(), n], |i| {
                f32::from(u8::from(labels[indices[i / n]] == i % n))
            }),
        }];
        batch.sample_weight.clear();
        Ok(())
    }

    fn prefetch(&self, _epoch: usize, indices: &[usize]) {
        if !self.read_ahead {
            return;
        }
        let started = Prefetch::start(self.dataset.clone(), indices, indices.len(), 1);
        // Without a thread the batch is read when it is asked for.
        let ahead = started.ok().map(|reading| Ahead { indices: indices.to_vec(), reading });
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = ahead;
    }
}

fn data_error(error: &DataError) -> ModelError {
    ModelError::Samples(error.to_string())
}
