//! Shapes of labels, predictions and weights on the host.

use cornu_tensor::{Array, Tensor};

use crate::{LayerError, SymbolicShape};

/// Brings `(n, ..., 1)` and `(n, ...)` to one rank; see `losses::equalize_ranks`. The elements stay as
/// they are, only sizes change.
pub(super) fn equalize_dims(a: &[usize], b: &[usize]) -> (Vec<usize>, Vec<usize>) {
    fn equalize(long: &[usize], short: &[usize]) -> (Vec<usize>, Vec<usize>) {
        if long.last() != Some(&1) {
            return (long.to_vec(), short.to_vec());
        }
        if short.len() == 1 {
            return (long.to_vec(), vec![short[0], 1]);
        }
        (long[..long.len() - 1].to_vec(), short.to_vec())
    }
    if a.len() == b.len() + 1 {
        equalize(a, b)
    } else if b.len() == a.len() + 1 {
        let (b, a) = equalize(b, a);
        (a, b)
    } else {
        (a.to_vec(), b.to_vec())
    }
}

/// The sizes that labels and predictions share element by element.
pub(super) fn common_dims(y_true: &Tensor, y_pred: &Tensor) -> Result<Vec<usize>, LayerError> {
    let (true_dims, pred_dims) = equalize_dims(y_true.dims(), y_pred.dims());
    if true_dims == pred_dims {
        return Ok(true_dims);
    }
    Err(wrong_shape(format!("labels of shape {:?}", y_pred.dims()), y_true.dims()))
}

/// The error of labels, predictions or weights of the wrong shape.
pub(super) fn wrong_shape(expected: impl Into<String>, dims: &[usize]) -> LayerError {
    let shape = SymbolicShape::new(dims.iter().map(|&n| Some(n)).collect::<Vec<_>>());
    LayerError::input_shape(expected, &[shape])
}

/// Position of the first maximum; NaN counts as nothing.
pub(super) fn argmax(row: &[f32]) -> usize {
    let mut best = 0;
    for (position, value) in row.iter().enumerate() {
        if row[best] < *value {
            best = position;
        }
    }
    best
}

/// `y_pred` as rows along its last axis: (rows' sizes, row length).
pub(super) fn class_rows(y_pred: &Tensor) -> Result<(Vec<usize>, usize), LayerError> {
    match y_pred.dims().split_last() {
        Some((&n_classes, rows)) if 0 < n_classes => Ok((rows.to_vec(), n_classes)),
        _ => Err(wrong_shape("predictions with a class axis", y_pred.dims())),
    }
}

/// Sparse labels must have one number per row of predictions.
pub(super) fn check_labels(y_true: &Tensor, rows: &[usize]) -> Result<(), LayerError> {
    let dims = y_true.dims();
    let matches = dims == rows
        || (dims.len() == rows.len() + 1 && dims.last() == Some(&1) && dims[..rows.len()] == *rows);
    if matches { Ok(()) } else { Err(wrong_shape(format!("labels of shape {rows:?}"), dims)) }
}

/// `x` broadcast to `dims` as in NumPy.
pub(super) fn broadcast(x: &Array<f64>, dims: &[usize]) -> Result<Array<f64>, LayerError> {
    if x.dims() == dims {
        return Ok(x.clone());
    }
    let fits = x.rank() <= dims.len()
        && x.dims().iter().rev().zip(dims.iter().rev()).all(|(own, to)| own == to || *own == 1);
    if !fits {
        return Err(wrong_shape(format!("sample weights that broadcast to {dims:?}"), x.dims()));
    }
    let missing = dims.len() - x.rank();
    let strides = cornu_tensor::row_major_strides(x.dims());
    let to_strides = cornu_tensor::row_major_strides(dims);
    Ok(Array::from_fn(dims, |i| {
        let offset = (0..x.rank())
            .map(|axis| {
                let index = i / to_strides[missing + axis] % dims[missing + axis];
                if x.dims()[axis] == 1 { 0 } else { index * strides[axis] }
            })
            .sum::<usize>();
        x.data()[offset]
    }))
}

/// Mean over all axes from `first_axis` on.
pub(super) fn mean_from(x: &Array<f64>, first_axis: usize) -> Array<f64> {
    if x.rank() <= first_axis {
        return x.clone();
    }
    let n: usize = x.dims()[first_axis..].iter().product();
    let rows = x.dims()[..first_axis].to_vec();
    Array::from_fn(rows, |row| x.data()[row * n..(row + 1) * n].iter().sum::<f64>() / n as f64)
}

/// Sum over all axes from `first_axis` on.
pub(super) fn sum_from(x: &Array<f64>, first_axis: usize) -> Array<f64> {
    if x.rank() <= first_axis {
        return x.clone();
    }
    let n: usize = x.dims()[first_axis..].iter().product();
    let rows = x.dims()[..first_axis].to_vec();
    Array::from_fn(rows, |row| x.data()[row * n..(row + 1) * n].iter().sum::<f64>())
}
