//! Helpers of `keras.utils`.

use cornu_tensor::Tensor;

/// So many whole numbers from 0 on `f32` tells apart.
const MAX_CLASSES: usize = 1 << 24;

/// Elements that [`to_categorical`] makes at most.
const MAX_CATEGORICAL: usize = 1 << 31;

/// A row for each class index with 1 at the class and 0 elsewhere, along a new last axis.
///
/// As in Keras a last axis of one label is dropped first, and without `num_classes` the largest
/// label counts. Source: Keras 3, keras/src/utils/numerical_utils.py.
///
/// # Errors
///
/// A message that names the label that is not in `0..num_classes`, or no whole number that `f32` can
/// tell from the next; or that says that the result would have more than 2^31 elements.
///
/// ```
/// use cornu::prelude::*;
///
/// let labels = Tensor::new([3], vec![0.0, 2.0, 1.0])?;
/// let classes = cornu::utils::to_categorical(&labels, None)?;
/// assert_eq!(classes.data(), [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn to_categorical(labels: &Tensor, num_classes: Option<usize>) -> Result<Tensor, String> {
    let mut largest = None;
    for (i, &label) in labels.data().iter().enumerate() {
        if !(0.0..MAX_CLASSES as f32).contains(&label) || label.fract() != 0.0 {
            let end = num_classes.unwrap_or(MAX_CLASSES);
            return Err(format!("label {i}: expected a class in 0..{end}, got {label}"));
        }
        largest = largest.max(Some(label as usize));
    }
    let n = num_classes.unwrap_or(largest.map_or(0, |largest| largest + 1));
    let n_elements = labels.len().saturating_mul(n);
    if MAX_CATEGORICAL < n_elements {
        return Err(format!(
            "{} labels of {n} classes: expected at most {MAX_CATEGORICAL} elements; leave the labels \
             as they are, and take a sparse loss",
            labels.len()
        ));
    }
    let mut dims = labels.dims().to_vec();
    if 1 < dims.len() && dims.last() == Some(&1) {
        dims.pop();
    }
    dims.push(n);
    let mut classes = Tensor::full(dims, 0.0);
    for (i, &label) in labels.data().iter().enumerate() {
        if n <= label as usize {
            return Err(format!("label {i}: expected a class in 0..{n}, got {label}"));
        }
        classes.data_mut()[i * n + label as usize] = 1.0;
    }
    Ok(classes)
}

/// `x` divided by its norm of this order (2: the Euclidean one) along `axis`; zeros stay zeros. A
/// negative axis counts from the last.
///
/// Source: Keras 3, keras/src/utils/numerical_utils.py.
///
/// # Errors
///
/// A message that says which axes there are.
///
/// ```
/// use cornu::prelude::*;
///
/// let x = Tensor::new([2, 2], vec![3.0, 4.0, 0.0, 0.0])?;
/// assert_eq!(cornu::utils::normalize(&x, -1, 2.0)?.data(), [0.6, 0.8, 0.0, 0.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn normalize(x: &Tensor, axis: i64, order: f64) -> Result<Tensor, String> {
    let rank = x.dims().len() as i64;
    let position = if axis < 0 { axis + rank } else { axis };
    let dims = usize::try_from(position).ok().and_then(|position| x.dims().get(position..));
    let Some((&size, inner)) = dims.and_then(<[usize]>::split_first) else {
        return Err(format!("axis: expected one of {}..{rank}, got {axis}", -rank));
    };
    let stride: usize = inner.iter().product();
    let mut y = x.clone();
    let of_line = |line: usize| (line / stride) * stride * size + line % stride;
    for start in (0..x.len() / size.max(1)).map(of_line) {
        let places = (0..size).map(|i| start + i * stride);
        let values = places.clone().map(|place| f64::from(x.data()[place]).abs());
        let norm = if order.is_infinite() {
            values.fold(0.0, f64::max)
        } else {
            values.map(|value| value.powf(order)).sum::<f64>().powf(1.0 / order)
        };
        if norm != 0.0 {
            for place in places {
                y.data_mut()[place] = (f64::from(x.data()[place]) / norm) as f32;
            }
        }
    }
    Ok(y)
}

/// Where [`pad_sequences`] adds values to short sequences, or cuts long ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SequenceEnd {
    /// Before the first value: Keras's `"pre"`, its default.
    #[default]
    Pre,
    /// After the last value: Keras's `"post"`.
    Post,
}

/// How [`pad_sequences`] makes sequences equally long.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PadSequences {
    /// The length of all. Default: that of the longest.
    pub maxlen: Option<usize>,
    /// Where short ones get more. Default: in front.
    pub padding: SequenceEnd,
    /// Where long ones are cut. Default: in front.
    pub truncating: SequenceEnd,
    /// What short ones get. Default: 0.
    pub value: f32,
}

/// Sequences as the rows of a tensor `(sequences, maxlen)`.
///
/// Source: Keras 3, keras/src/utils/sequence_utils.py.
///
/// ```
/// use cornu::utils::{PadSequences, SequenceEnd, pad_sequences};
///
/// let sequences = [vec![1.0], vec![2.0, 3.0, 4.0]];
/// let rows = pad_sequences(&sequences, PadSequences::default());
/// assert_eq!(rows.data(), [0.0, 0.0, 1.0, 2.0, 3.0, 4.0]);
/// let padding = SequenceEnd::Post;
/// let rows = pad_sequences(
///     &sequences,
///     PadSequences { maxlen: Some(2), padding, value: -1.0, ..PadSequences::default() },
/// );
/// assert_eq!(rows.data(), [1.0, -1.0, 3.0, 4.0]);
/// ```
pub fn pad_sequences(sequences: &[impl AsRef<[f32]>], how: PadSequences) -> Tensor {
    let longest = sequences.iter().map(|sequence| sequence.as_ref().len()).max().unwrap_or(0);
    let length = how.maxlen.unwrap_or(longest);
    let mut rows = Tensor::full([sequences.len(), length], how.value);
    for (i, sequence) in sequences.iter().enumerate() {
        let sequence = sequence.as_ref();
        let kept = match how.truncating {
            SequenceEnd::Pre => &sequence[sequence.len().saturating_sub(length)..],
            SequenceEnd::Post => &sequence[..sequence.len().min(length)],
        };
        let first = match how.padding {
            SequenceEnd::Pre => length - kept.len(),
            SequenceEnd::Post => 0,
        };
        let at = i * length + first;
        rows.data_mut()[at..at + kept.len()].copy_from_slice(kept);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_are_no_classes_are_errors() {
        for label in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -1.0, 0.5, 1e30, 16_777_216.0] {
            for num_classes in [None, Some(3), Some(usize::MAX)] {
                let labels = Tensor::new([2], vec![1.0, label]).unwrap();
                let error = to_categorical(&labels, num_classes).unwrap_err();
                assert!(error.starts_with("label 1: expected a class in 0.."), "{label}: {error}");
            }
        }
        let labels = Tensor::new([2], vec![1.0, 3.0]).unwrap();
        let error = to_categorical(&labels, Some(3)).unwrap_err();
        assert_eq!(error, "label 1: expected a class in 0..3, got 3");
        let error = to_categorical(&labels, Some(usize::MAX)).unwrap_err();
        assert!(error.contains("sparse"), "{error}");
        let many = Tensor::full([1_000], 16_777_215.0);
        assert!(to_categorical(&many, None).is_err());
        assert_eq!(to_categorical(&Tensor::zeros([0]), None).unwrap().dims(), [0, 0]);
    }
}
