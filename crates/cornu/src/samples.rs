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
    /// The thread that reads ahead, once it was needed.
    ahead: Mutex<Option<Ahead>>,
}

struct Ahead {
    reader: Prefetch,
    /// What it reads now.
    asked: Option<Vec<usize>>,
    /// Memory for the next batch.
    spare: Vec<f32>,
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
    /// come from disk. Default: false, as good for those in memory.
    pub fn read_ahead(mut self, read_ahead: bool) -> Self {
        self.read_ahead = read_ahead;
        self
    }

    /// Where the samples come from.
    pub fn dataset(&self) -> &Arc<dyn Dataset> {
        &self.dataset
    }

    /// Class index of each sample.
    pub fn labels(&self) -> &[usize] {
        self.dataset.labels()
    }

    /// The samples `indices` as they were read ahead, if they were. `memory` serves for a later
    /// batch then, and has the numbers of this one.
    fn take_ahead(&self, indices: &[usize], memory: &mut Vec<f32>) -> Result<bool, DataError> {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(ahead) = ahead.as_mut() else { return Ok(false) };
        let was_asked = ahead.asked.take().is_some_and(|asked| asked == indices);
        // What was read for nothing is taken, too, so that the next batch is not behind it.
        match ahead.reader.take() {
            Some(Ok(batch)) if was_asked => {
                ahead.spare = std::mem::replace(memory, batch.samples);
                Ok(true)
            }
            Some(Err(error)) if was_asked => Err(error),
            _ => Ok(false),
        }
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
        // The last batch's memory serves again.
        let mut samples = batch.x.pop().map(Tensor::into_data).unwrap_or_default();
        let is_read = self.take_ahead(indices, &mut samples).map_err(|error| data_error(&error))?;
        if !is_read {
            let filled = self.dataset.fill_batch(indices, &mut samples);
            filled.map_err(|error| data_error(&error))?;
        }
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
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        if ahead.is_none() {
            // Without a thread the batch is read when it is asked for.
            let reader = Prefetch::start(self.dataset.clone()).ok();
            *ahead = reader.map(|reader| Ahead { reader, asked: None, spare: Vec::new() });
        }
        if let Some(ahead) = ahead.as_mut().filter(|ahead| ahead.asked.is_none()) {
            ahead.reader.ask(indices.to_vec(), std::mem::take(&mut ahead.spare));
            ahead.asked = Some(indices.to_vec());
        }
    }
}

fn data_error(error: &DataError) -> ModelError {
    ModelError::Samples(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cornu_data::ArrayDataset;

    fn samples() -> Samples {
        let rows = Tensor::from_fn([5, 2], |i| i as f32);
        Samples::new(Arc::new(ArrayDataset::new(rows, vec![0, 2, 1, 0, 1]).unwrap()))
    }

    #[test]
    fn batches_come_in_the_order_asked_for_and_memory_is_reused() {
        let samples = samples();
        let mut batch = Batch::default();
        for indices in [&[3, 1][..], &[0, 1, 2], &[4]] {
            samples.fill(indices, &mut batch).unwrap();
            let expected: Vec<f32> =
                indices.iter().flat_map(|&i| [2 * i, 2 * i + 1]).map(|x| x as f32).collect();
            assert_eq!(batch.x, [Tensor::new([indices.len(), 2], expected).unwrap()]);
            assert_eq!(batch.y[0].dims(), [indices.len(), 1]);
        }
        assert_eq!(batch.y[0].data(), [1.0]);
        assert!(samples.fill(&[5], &mut batch).unwrap_err().to_string().contains("sample 5"));
    }

    #[test]
    fn classes_can_be_one_hot() {
        let samples = samples().targets(Targets::OneHot(3));
        assert_eq!(samples.layout().y, [[3]]);
        let mut batch = Batch::default();
        samples.fill(&[1, 0], &mut batch).unwrap();
        assert_eq!(batch.y[0].data(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn reading_ahead_changes_nothing() {
        let samples = samples().read_ahead(true);
        let (mut plain, mut ahead) = (Batch::default(), Batch::default());
        samples.fill(&[2, 4], &mut plain).unwrap();
        samples.prefetch(0, &[2, 4]);
        samples.fill(&[2, 4], &mut ahead).unwrap();
        assert_eq!(plain, ahead);
        // Something else is asked for, and something that is not there.
        samples.prefetch(0, &[0]);
        samples.fill(&[2, 4], &mut ahead).unwrap();
        assert_eq!(plain, ahead);
        samples.prefetch(0, &[9]);
        samples.fill(&[9], &mut ahead).unwrap_err();
    }
}
