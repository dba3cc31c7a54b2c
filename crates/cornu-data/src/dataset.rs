use crate::DataError;
use cornu_tensor::Tensor;

/// Labelled samples of one shape, any of which can be had at any time.
pub trait Dataset: Send + Sync {
    /// Number of samples.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sizes of the axes of one sample; (height, width, channels) for pictures.
    fn sample_shape(&self) -> Vec<usize>;

    /// Class index of each sample.
    fn labels(&self) -> &[usize];

    /// Writes the samples `indices` to `out`, one after the other. All numbers are finite.
    ///
    /// # Errors
    ///
    /// An index out of range, an `out` of another length, or a sample that cannot be read: of
    /// several the first in the order of `indices`.
    fn fill(&self, indices: &[usize], out: &mut [f32]) -> Result<(), DataError>;

    /// As [`Dataset::fill`], into a buffer that is given the right length.
    ///
    /// # Errors
    ///
    /// Those of [`Dataset::fill`].
    fn fill_batch(&self, indices: &[usize], out: &mut Vec<f32>) -> Result<(), DataError> {
        out.resize(indices.len() * self.n_per_sample(), 0.0);
        self.fill(indices, out)
    }

    /// Numbers in one sample.
    fn n_per_sample(&self) -> usize {
        self.sample_shape().iter().product()
    }
}

/// What every [`Dataset::fill`] checks first.
pub(crate) fn check_fill<D: Dataset + ?Sized>(
    dataset: &D,
    indices: &[usize],
    out: &[f32],
) -> Result<(), DataError> {
    let len = dataset.len();
    if let Some(&index) = indices.iter().find(|&&index| len <= index) {
        return Err(DataError::Index { index, len });
    }
    let expected = indices.len() * dataset.n_per_sample();
    if out.len() != expected {
        return Err(DataError::Buffer { samples: indices.len(), expected, got: out.len() });
    }
    Ok(())
}

/// Samples in memory: the rows of an array.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrayDataset {
    samples: Tensor,
    labels: Vec<usize>,
}

impl ArrayDataset {
    /// `labels[i]` is the class of row `i` of `samples`.
    ///
    /// # Errors
    ///
    /// If `samples` is a scalar, has not as many rows as there are labels, or holds a number that
    /// is not finite.
    pub fn new(samples: Tensor, labels: Vec<usize>) -> Result<Self, DataError> {
        let Some(&rows) = samples.dims().first() else {
            return Err(DataError::Samples(
                "expected an array of samples, got a scalar".to_owned(),
            ));
        };
        if rows != labels.len() {
            return Err(DataError::Samples(format!("{rows} samples, but {} labels", labels.len())));
        }
        if let Some(at) = samples.data().iter().position(|x| !x.is_finite()) {
            let row = at / (samples.len() / rows).max(1);
            return Err(DataError::Samples(format!(
                "sample {row} holds {}; replace or remove what is not finite",
                samples.data()[at]
            )));
        }
        Ok(Self { samples, labels })
    }
}

impl Dataset for ArrayDataset {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn sample_shape(&self) -> Vec<usize> {
        self.samples.dims()[1..].to_vec()
    }

    fn labels(&self) -> &[usize] {
        &self.labels
    }

    fn fill(&self, indices: &[usize], out: &mut [f32]) -> Result<(), DataError> {
        check_fill(self, indices, out)?;
        let n = self.n_per_sample();
        for (&index, out) in indices.iter().zip(out.chunks_exact_mut(n.max(1))) {
            out.copy_from_slice(&self.samples.data()[index * n..(index + 1) * n]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_in_the_order_asked_for() {
        let data = ArrayDataset::new(Tensor::from_fn([3, 2], |i| i as f32), vec![0, 1, 0]).unwrap();
        let mut out = Vec::new();
        data.fill_batch(&[2, 0, 2], &mut out).unwrap();
        assert_eq!(out, [4.0, 5.0, 0.0, 1.0, 4.0, 5.0]);
        data.fill_batch(&[], &mut out).unwrap();
        assert!(out.is_empty());
        let error = data.fill_batch(&[1, 3], &mut out).unwrap_err().to_string();
        assert!(error.contains("sample 3") && error.contains("3 samples"), "{error}");
        assert!(matches!(data.fill(&[0], &mut [0.0]), Err(DataError::Buffer { expected: 2, .. })));
    }

    #[test]
    fn samples_that_do_not_fit_are_errors() {
        ArrayDataset::new(Tensor::scalar(1.0), vec![0]).unwrap_err();
        ArrayDataset::new(Tensor::zeros([2, 2]), vec![0]).unwrap_err();
        let mut data = Tensor::zeros([3, 2]);
        data.data_mut()[3] = f32::NAN;
        let error = ArrayDataset::new(data, vec![0; 3]).unwrap_err().to_string();
        assert!(error.contains("sample 1 holds NaN"), "{error}");
        assert!(ArrayDataset::new(Tensor::zeros([0, 2]), vec![]).unwrap().is_empty());
    }
}
