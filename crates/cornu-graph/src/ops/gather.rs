use cornu_tensor::{Array, Dim, Shape};

use super::{EvalCx, OpDef, fixed_sizes, operands, shape_error};
use crate::{GradientCx, GraphError};

/// Rows of a table: `y[i..., :] = table[indices[i...], :]`.
///
/// Operands table `(V, ...)` without samples, and indices of any shape that hold whole numbers in
/// `0..V`; result `(indices..., ...)`. An index that is none gives a row of NaN, so that a mistake
/// shows instead of reading a neighbour. No gradient flows to the indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gather;

impl OpDef for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [table, indices] = operands(self.name(), inputs)?;
        match fixed_sizes(table).as_deref() {
            Some([_, row @ ..]) => {
                let row = row.iter().map(|&size| Dim::Fixed(size));
                Ok(Shape::new(indices.dims().iter().copied().chain(row).collect::<Vec<_>>()))
            }
            _ => Err(shape_error(self.name(), "a table (V, ...) and indices", inputs)),
        }
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        if cx.needs(0) {
            let rows = cx.graph.shape(cx.input(0)).dims()[0].size(1);
            let d_table = cx.graph.scatter_add(cx.input(1), cx.d_output(), rows)?;
            cx.add_to_input(0, d_table)?;
        }
        Ok(())
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let (table, indices) = (inputs[0], inputs[1]);
        let n: usize = table.dims()[1..].iter().product();
        let mut y = Array::full(cx.dims, f64::NAN);
        for (i, &index) in indices.data().iter().enumerate() {
            if let Some(row) = row_number(index, table.dims()[0]) {
                y.data_mut()[i * n..(i + 1) * n]
                    .copy_from_slice(&table.data()[row * n..(row + 1) * n]);
            }
        }
        y
    }
}

/// The transpose of [`Gather`]: `table[v, :] = sum of values[i..., :] over all i with
/// indices[i...] = v`. An index outside of the table adds nothing.
///
/// Operands indices and values `(indices..., ...)`, result `(rows, ...)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScatterAdd {
    /// Rows of the table.
    pub rows: usize,
}

impl OpDef for ScatterAdd {
    fn name(&self) -> &'static str {
        "scatter_add"
    }

    fn attributes(&self) -> String {
        format!("rows={}", self.rows)
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [indices, values] = operands(self.name(), inputs)?;
        let row = values
            .dims()
            .strip_prefix(indices.dims())
            .and_then(|row| fixed_sizes(&Shape::new(row)))
            .ok_or_else(|| {
                shape_error(self.name(), "indices and values (indices..., ...)", inputs)
            })?;
        Ok(Shape::fixed([&[self.rows], &row[..]].concat()))
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        if cx.needs(1) {
            let d_values = cx.graph.gather(cx.d_output(), cx.input(0))?;
            cx.add_to_input(1, d_values)?;
        }
        Ok(())
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let (indices, values) = (inputs[0], inputs[1]);
        let n: usize = cx.dims[1..].iter().product();
        let mut table = Array::zeros(cx.dims);
        for (i, &index) in indices.data().iter().enumerate() {
            if let Some(row) = row_number(index, self.rows) {
                let row = &mut table.data_mut()[row * n..(row + 1) * n];
                for (sum, value) in row.iter_mut().zip(&values.data()[i * n..]) {
                    *sum += value;
                }
            }
        }
        table
    }
}

/// Rows of a table of each sample's own: `y[n, i..., :] = table[n, indices[n, i...], :]`.
///
/// Operands table `(N, V, ...)` and indices `(N, i...)` that hold whole numbers in `0..V`; result
/// `(N, i..., ...)`. Else as [`Gather`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchGather;

impl OpDef for BatchGather {
    fn name(&self) -> &'static str {
        "batch_gather"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [table, indices] = operands(self.name(), inputs)?;
        match (table.dims(), indices.dims()) {
            ([Dim::Batch(1), Dim::Fixed(_), row @ ..], [Dim::Batch(1), ..]) => {
                Ok(Shape::new([indices.dims(), row].concat()))
            }
            _ => Err(shape_error(self.name(), "tables (N, V, ...) and indices (N, ...)", inputs)),
        }
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        if cx.needs(0) {
            let rows = cx.graph.shape(cx.input(0)).dims()[1].size(1);
            let d_table = cx.graph.batch_scatter_add(cx.input(1), cx.d_output(), rows)?;
            cx.add_to_input(0, d_table)?;
        }
        Ok(())
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let (table, indices) = (inputs[0], inputs[1]);
        let rows = table.dims()[1];
        let n: usize = table.dims()[2..].iter().product();
        let per_sample = indices.len() / cx.samples.max(1);
        let mut y = Array::full(cx.dims, f64::NAN);
        for (i, &index) in indices.data().iter().enumerate() {
            if let Some(row) = row_number(index, rows) {
                let row = i / per_sample * rows + row;
                y.data_mut()[i * n..(i + 1) * n]
                    .copy_from_slice(&table.data()[row * n..(row + 1) * n]);
            }
        }
        y
    }
}

/// The transpose of [`BatchGather`]: `table[n, v, :] = sum of values[n, i..., :] over all i with
/// indices[n, i...] = v`. An index outside of the table adds nothing.
///
/// Operands indices `(N, i...)` and values `(N, i..., ...)`, result `(N, rows, ...)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchScatterAdd {
    /// Rows of each sample's table.
    pub rows: usize,
}

impl OpDef for BatchScatterAdd {
    fn name(&self) -> &'static str {
        "batch_scatter_add"
    }

    fn attributes(&self) -> String {
        format!("rows={}", self.rows)
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [indices, values] = operands(self.name(), inputs)?;
        match (indices.dims(), values.dims().strip_prefix(indices.dims())) {
            ([samples @ Dim::Batch(1), ..], Some(row)) => {
                Ok(Shape::new([&[*samples, Dim::Fixed(self.rows)], row].concat()))
            }
            _ => {
                let expected = "indices (N, i...) and values (N, i..., ...)";
                Err(shape_error(self.name(), expected, inputs))
            }
        }
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        if cx.needs(1) {
            let d_values = cx.graph.batch_gather(cx.d_output(), cx.input(0))?;
            cx.add_to_input(1, d_values)?;
        }
        Ok(())
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let (indices, values) = (inputs[0], inputs[1]);
        let n: usize = cx.dims[2..].iter().product();
        let per_sample = indices.len() / cx.samples.max(1);
        let mut table = Array::zeros(cx.dims);
        for (i, &index) in indices.data().iter().enumerate() {
            if let Some(row) = row_number(index, self.rows) {
                let row = i / per_sample * self.rows + row;
                let row = &mut table.data_mut()[row * n..(row + 1) * n];
                for (sum, value) in row.iter_mut().zip(&values.data()[i * n..]) {
                    *sum += value;
                }
            }
        }
        table
    }
}

/// `index` as a row of a table of `rows` rows, if it is one.
fn row_number(index: f64, rows: usize) -> Option<usize> {
    (0.0 <= index && index < rows as f64 && index.fract() == 0.0).then_some(index as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_outside_the_table_shows() {
        let table = Array::from_fn([3, 2], |i| i as f64);
        let indices = Array::new([4], vec![2.0, 3.0, -1.0, 0.5]).unwrap();
        let cx = EvalCx { dims: &[4, 2], samples: 1, batch: 1, first_sample: 0, seed: 0, step: 0 };
        let y = Gather.evaluate(&[&table, &indices], &cx);
        assert_eq!(y.data()[..2], [4.0, 5.0]);
        assert!(y.data()[2..].iter().all(|y| y.is_nan()));
        let values = Array::full([4, 2], 1.0);
        let sums =
            ScatterAdd { rows: 3 }.evaluate(&[&indices, &values], &EvalCx { dims: &[3, 2], ..cx });
        assert_eq!(sums.data(), [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
    }
}
