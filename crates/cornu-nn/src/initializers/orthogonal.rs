use cornu_tensor::Tensor;

use super::random::Draws;

/// The factor Q of a random normal matrix A = QR with a positive diagonal of R, times `gain`:
/// Gram and Schmidt's process, whose result is exactly that.
pub(super) fn values(draws: &Draws, dims: &[usize], gain: f64) -> Tensor {
    let n_columns = dims.last().copied().unwrap_or(1);
    let n_rows: usize = dims.iter().rev().skip(1).product();
    let (length, n_vectors) = (n_rows.max(n_columns), n_rows.min(n_columns));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(n_vectors);
    for v in 0..n_vectors {
        let mut vector: Vec<f64> =
            (0..length).map(|i| draws.standard(v * length + i, 0)[0]).collect();
        // Twice is enough: what rounding leaves of the other directions goes in the second pass.
        for _ in 0..2 {
            for other in &vectors {
                let share: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                vector.iter_mut().zip(other).for_each(|(a, b)| *a -= share * b);
            }
        }
        let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        vector.iter_mut().for_each(|x| *x /= norm);
        vectors.push(vector);
    }
    Tensor::from_fn(dims, |i| {
        let (row, column) = (i / n_columns, i % n_columns);
        let unit = if n_columns <= n_rows { vectors[column][row] } else { vectors[row][column] };
        (gain * unit) as f32
    })
}
