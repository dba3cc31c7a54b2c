use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::Array;

use crate::LayerError;

/// Least squared length that a row or column is divided by.
const LEAST_SQUARE: f64 = 1e-12;

/// What an orthogonal regularizer wants at right angles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrthogonalMode {
    /// The rows of the matrix.
    Rows,
    /// The columns of the matrix.
    Columns,
}

impl OrthogonalMode {
    /// Keras's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Columns => "columns",
        }
    }

    pub(super) fn named(name: &str) -> Result<Self, LayerError> {
        match name {
            "rows" => Ok(Self::Rows),
            "columns" => Ok(Self::Columns),
            _ => Err(LayerError::config("mode", "rows or columns", name)),
        }
    }
}

/// `factor * mean |cos|` over all pairs of different rows (or columns) of the matrix `w`
/// (Keras 3, keras/src/regularizers/regularizers.py).
pub(super) fn penalty(
    g: &mut Graph,
    w: ValueId,
    factor: f64,
    mode: OrthogonalMode,
) -> Result<ValueId, GraphError> {
    let shape = g.shape(w).clone();
    let [Some(n_rows), Some(n_columns)] =
        shape.dims().iter().map(|dim| dim.fixed()).collect::<Vec<_>>()[..]
    else {
        return Err(GraphError::Shapes {
            op: "orthogonal_regularizer",
            expected: "a matrix".to_owned(),
            got: vec![shape],
        });
    };
    let (along, n, by_rows) = match mode {
        OrthogonalMode::Rows => (1, n_rows, true),
        OrthogonalMode::Columns => (0, n_columns, false),
    };
    let square = g.square(w)?;
    let length = g.sum(square, &[along], true)?;
    let length = g.max_scalar(length, LEAST_SQUARE)?;
    let inverse = g.rsqrt(length)?;
    let unit = g.mul(w, inverse)?;
    let cosines = g.matmul(unit, unit, !by_rows, by_rows)?;
    let off_diagonal =
        g.constant(Array::from_fn([n, n], |i| if i / n == i % n { 0.0 } else { 1.0 }))?;
    let cosines = g.mul(cosines, off_diagonal)?;
    let size = g.abs(cosines)?;
    let sum = g.sum_all(size)?;
    let n_pairs = n as f64 * (n as f64 - 1.0) / 2.0;
    g.mul_scalar(sum, factor * 0.5 / n_pairs)
}
