//! Where samples come from.

use cornu_tensor::Tensor;

use crate::ModelError;

/// Samples that training, evaluation and prediction read in batches of any order.
pub trait Batches {
    /// Number of samples.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// For each array of a batch its name and the shape of one sample of it.
    fn layout(&self) -> Layout;

    /// Puts the samples `indices`, in this order, into `batch`, whose arrays are resized as needed.
    /// `batch.epoch` says which epoch asks, for sources that change their samples at random.
    ///
    /// # Errors
    ///
    /// [`ModelError`] if samples cannot be read.
    fn fill(&self, indices: &[usize], batch: &mut Batch) -> Result<(), ModelError>;

    /// Says what [`Batches::fill`] will be asked for next, so that a slow source can begin.
    fn prefetch(&self, _epoch: usize, _indices: &[usize]) {}
}

/// Shapes of one sample.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Layout {
    /// Of each input.
    pub x: Vec<Vec<usize>>,
    /// Of the target of each output; empty for prediction.
    pub y: Vec<Vec<usize>>,
    /// Of the sample weights: none, one for all outputs, or one for each.
    pub sample_weight: Vec<Vec<usize>>,
}

/// The arrays of one batch, samples first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Epoch that asks for the batch, counted from 0.
    pub epoch: usize,
    /// Inputs.
    pub x: Vec<Tensor>,
    /// Targets, one per output.
    pub y: Vec<Tensor>,
    /// Sample weights: none, one for all outputs, or one for each.
    pub sample_weight: Vec<Tensor>,
}

impl Batch {
    /// A batch of one input and one target.
    pub fn new(x: Tensor, y: Tensor) -> Self {
        Self { x: vec![x], y: vec![y], ..Self::default() }
    }

    /// The same with a weight for each sample.
    pub fn sample_weight(mut self, sample_weight: Tensor) -> Self {
        self.sample_weight = vec![sample_weight];
        self
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        Arrays::from(self).samples()
    }
}

/// The arrays of a batch, whoever owns them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Arrays<'a> {
    pub(crate) x: &'a [Tensor],
    pub(crate) y: &'a [Tensor],
    pub(crate) sample_weight: &'a [Tensor],
}

impl<'a> From<&'a Batch> for Arrays<'a> {
    fn from(batch: &'a Batch) -> Self {
        Self { x: &batch.x, y: &batch.y, sample_weight: &batch.sample_weight }
    }
}

impl Arrays<'_> {
    pub(crate) fn samples(&self) -> usize {
        self.x.first().and_then(|x| x.dims().first().copied()).unwrap_or(0)
    }

    /// Shapes of one sample.
    pub(crate) fn layout(&self) -> Layout {
        Layout {
            x: sample_shapes(self.x),
            y: sample_shapes(self.y),
            sample_weight: sample_shapes(self.sample_weight),
        }
    }
}

/// Samples in memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dataset {
    x: Vec<Tensor>,
    y: Vec<Tensor>,
    sample_weight: Vec<Tensor>,
}

impl Dataset {
    /// One input and one target; axis 0 counts the samples.
    ///
    /// # Errors
    ///
    /// [`ModelError::Data`] if the numbers of samples differ; likewise below.
    pub fn new(x: Tensor, y: Tensor) -> Result<Self, ModelError> {
        Self::several(vec![x], vec![y])
    }

    /// Inputs only, for prediction.
    #[allow(clippy::missing_errors_doc, reason = "see `new`")]
    pub fn inputs(x: Vec<Tensor>) -> Result<Self, ModelError> {
        Self::several(x, Vec::new())
    }

    /// Several inputs and targets.
    #[allow(clippy::missing_errors_doc, reason = "see `new`")]
    pub fn several(x: Vec<Tensor>, y: Vec<Tensor>) -> Result<Self, ModelError> {
        Self { x, y, sample_weight: Vec::new() }.checked()
    }

    /// The same with a weight for each sample, used for all outputs.
    #[allow(clippy::missing_errors_doc, reason = "see `new`")]
    pub fn sample_weight(self, sample_weight: Tensor) -> Result<Self, ModelError> {
        self.sample_weights(vec![sample_weight])
    }

    /// The same with weights for each output.
    #[allow(clippy::missing_errors_doc, reason = "see `new`")]
    pub fn sample_weights(mut self, sample_weight: Vec<Tensor>) -> Result<Self, ModelError> {
        self.sample_weight = sample_weight;
        self.checked()
    }

    fn checked(self) -> Result<Self, ModelError> {
        let n = self.x.first().and_then(|x| x.dims().first().copied());
        let n = n.ok_or_else(|| ModelError::data("x", "an array of samples", "none"))?;
        for (what, tensors) in
            [("x", &self.x), ("y", &self.y), ("sample_weight", &self.sample_weight)]
        {
            for (i, tensor) in tensors.iter().enumerate() {
                if tensor.dims().first() != Some(&n) {
                    return Err(ModelError::data(
                        format!("{what}[{i}]"),
                        format!("{n} samples as in x[0]"),
                        format!("shape {:?}", tensor.dims()),
                    ));
                }
            }
        }
        Ok(self)
    }
}

impl Batches for Dataset {
    fn len(&self) -> usize {
        self.x.first().and_then(|x| x.dims().first().copied()).unwrap_or(0)
    }

    fn layout(&self) -> Layout {
        Layout {
            x: sample_shapes(&self.x),
            y: sample_shapes(&self.y),
            sample_weight: sample_shapes(&self.sample_weight),
        }
    }

    fn fill(&self, indices: &[usize], batch: &mut Batch) -> Result<(), ModelError> {
        gather(&mut batch.x, &self.x, indices);
        gather(&mut batch.y, &self.y, indices);
        gather(&mut batch.sample_weight, &self.sample_weight, indices);
        Ok(())
    }
}

impl<B: Batches + ?Sized> Batches for &B {
    fn len(&self) -> usize {
        (**self).len()
    }

    fn layout(&self) -> Layout {
        (**self).layout()
    }

    fn fill(&self, indices: &[usize], batch: &mut Batch) -> Result<(), ModelError> {
        (**self).fill(indices, batch)
    }

    fn prefetch(&self, epoch: usize, indices: &[usize]) {
        (**self).prefetch(epoch, indices);
    }
}

/// A run of consecutive samples: what `validation_split` makes.
#[derive(Debug)]
pub(crate) struct Part<'a, B: ?Sized> {
    pub(crate) whole: &'a B,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl<B: Batches + ?Sized> Batches for Part<'_, B> {
    fn len(&self) -> usize {
        self.end - self.start
    }

    fn layout(&self) -> Layout {
        self.whole.layout()
    }

    fn fill(&self, indices: &[usize], batch: &mut Batch) -> Result<(), ModelError> {
        self.whole.fill(&self.in_whole(indices), batch)
    }

    fn prefetch(&self, epoch: usize, indices: &[usize]) {
        self.whole.prefetch(epoch, &self.in_whole(indices));
    }
}

impl<B: ?Sized> Part<'_, B> {
    fn in_whole(&self, indices: &[usize]) -> Vec<usize> {
        indices.iter().map(|index| self.start + index).collect()
    }
}

fn sample_shapes(tensors: &[Tensor]) -> Vec<Vec<usize>> {
    tensors.iter().map(|tensor| tensor.dims().get(1..).unwrap_or(&[]).to_vec()).collect()
}

/// Rows `indices` of each of `from`.
fn gather(to: &mut Vec<Tensor>, from: &[Tensor], indices: &[usize]) {
    to.resize(from.len(), Tensor::default());
    for (to, from) in to.iter_mut().zip(from) {
        let row: usize = from.dims()[1..].iter().product();
        let mut dims = from.dims().to_vec();
        dims[0] = indices.len();
        if to.dims() != dims {
            *to = Tensor::zeros(dims);
        }
        if row == 0 {
            continue;
        }
        for (to, &index) in to.data_mut().chunks_exact_mut(row).zip(indices) {
            to.copy_from_slice(&from.data()[index * row..(index + 1) * row]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(n: usize, row: &[usize]) -> Tensor {
        let dims: Vec<usize> = std::iter::once(n).chain(row.iter().copied()).collect();
        Tensor::from_fn(dims, |i| i as f32)
    }

    #[test]
    fn samples_are_gathered_in_the_order_asked_for() {
        let data = Dataset::new(counted(4, &[2]), counted(4, &[])).unwrap();
        let mut batch = Batch::default();
        data.fill(&[3, 0], &mut batch).unwrap();
        assert_eq!(
            (batch.x[0].dims(), batch.x[0].data()),
            (&[2, 2][..], &[6.0, 7.0, 0.0, 1.0][..])
        );
        assert_eq!(batch.y[0].data(), [3.0, 0.0]);
        let part = Part { whole: &data, start: 2, end: 4 };
        part.fill(&[0], &mut batch).unwrap();
        assert_eq!((part.len(), batch.y[0].data()), (2, &[2.0][..]));
    }

    #[test]
    fn numbers_of_samples_must_agree() {
        let error = Dataset::new(counted(4, &[2]), counted(3, &[])).unwrap_err();
        assert_eq!(error.to_string(), "y[0]: expected 4 samples as in x[0], got shape [3]");
    }
}
