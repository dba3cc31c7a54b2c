//! Rows of a table by their numbers, and the sums of what goes back to each row.

use std::ops::Range;

use crate::simd::simd_fn;

/// `y[i] = table[indices[i]]` for rows of `n` numbers; NaN where an index is not the number of one
/// of the `rows`.
///
/// # Panics
///
/// If a length does not fit.
pub fn gather(y: &mut [f32], table: &[f32], indices: &[f32], rows: usize, n: usize) {
    assert_eq!(y.len(), indices.len() * n, "y");
    assert_eq!(table.len(), rows * n, "table");
    if n == 0 {
        return;
    }
    for (y, &index) in y.chunks_exact_mut(n).zip(indices) {
        match row_number(index, rows) {
            Some(row) => y.copy_from_slice(&table[row * n..(row + 1) * n]),
            None => y.fill(f32::NAN),
        }
    }
}

simd_fn! {
    /// Adds `values[i]` to row `indices[i]` of a table, for rows of `n` numbers, in the order of the
    /// indices. `table` holds the rows `part` of `rows`; all others are left out, and so is an
    /// index that is not the number of a row.
    ///
    /// # Panics
    ///
    /// If a length does not fit.
    pub fn scatter_add(
        s,
        table: &mut [f32],
        part: Range<usize>,
        values: &[f32],
        indices: &[f32],
        rows: usize,
        n: usize,
    ) {
        assert_eq!(values.len(), indices.len() * n, "values");
        assert_eq!(table.len(), part.len() * n, "table");
        if n == 0 {
            return;
        }
        for (values, &index) in values.chunks_exact(n).zip(indices) {
            let Some(row) = row_number(index, rows).filter(|row| part.contains(row)) else {
                continue;
            };
            let sums = &mut table[(row - part.start) * n..][..n];
            let mut i = 0;
            while i < n {
                let left = n - i;
                // SAFETY: both rows have `left` numbers from i on.
                unsafe {
                    let to = sums.as_mut_ptr().add(i);
                    let sum = s.add(s.load_first(to, left), s.load_first(values.as_ptr().add(i), left));
                    s.store_first(to, left, sum);
                }
                i += S::LANES;
            }
        }
    }
}

/// `index`, if it is the number of one of `rows`.
#[inline(always)]
fn row_number(index: f32, rows: usize) -> Option<usize> {
    (0.0 <= index && index < rows as f32 && index.fract() == 0.0).then_some(index as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use crate::random::{Counter, uniform};

    #[test]
    fn rows_are_found_and_others_show() {
        let table: Vec<f32> = (0..6).map(|i| i as f32).collect();
        let mut y = vec![9.0; 10];
        gather(&mut y, &table, &[2.0, 3.0, -1.0, 0.5, f32::NAN], 3, 2);
        assert_eq!(y[..2], [4.0, 5.0]);
        assert!(y[2..].iter().all(|y| y.is_nan()));
        gather(&mut [], &[], &[], 0, 2);
        gather(&mut [], &[], &[0.0], 3, 0);
    }

    #[test]
    fn parts_of_a_table_add_up_what_is_theirs() {
        for isa in Isa::available() {
            for (rows, n, count) in [(5, 1, 30), (4, 3, 9), (7, 16, 40), (3, 37, 11), (1, 2, 0)] {
                let mut values = vec![0.0; count * n];
                uniform(isa, &mut values, Counter::default(), 0);
                let mut indices = vec![0.0; count];
                uniform(isa, &mut indices, Counter::default(), 9);
                // One beyond the table, and between rows.
                let indices: Vec<f32> =
                    indices.iter().map(|u| (u * 2.0 * (rows + 1) as f32).floor() / 2.0).collect();
                let mut want = vec![1.0; rows * n];
                for (i, &index) in indices.iter().enumerate() {
                    if index.fract() == 0.0 && (index as usize) < rows {
                        for j in 0..n {
                            want[index as usize * n + j] += values[i * n + j];
                        }
                    }
                }
                for cut in 0..=rows {
                    let mut table = vec![1.0; rows * n];
                    let (first, second) = table.split_at_mut(cut * n);
                    scatter_add(isa, first, 0..cut, &values, &indices, rows, n);
                    scatter_add(isa, second, cut..rows, &values, &indices, rows, n);
                    assert_eq!(table, want, "{rows} rows of {n} on {isa}");
                }
            }
        }
    }
}
