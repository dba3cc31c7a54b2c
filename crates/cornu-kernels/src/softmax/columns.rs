//! Softmax along an axis that is not the last: vectors run along the axes after it.

use crate::math::vector;
use crate::simd::{Simd, simd_fn};

simd_fn! {
    /// As [`softmax_rows`](super::softmax_rows), along the middle axis of `(outer, n, inner)`;
    /// overwrites y.
    ///
    /// # Panics
    ///
    /// If the lengths differ or are no multiple of `n * inner`.
    pub fn softmax_columns(s, y: &mut [f32], x: &[f32], n: usize, inner: usize) {
        columns::<S, false>(s, y, x, n, inner);
    }
}

simd_fn! {
    /// As [`log_softmax_rows`](super::log_softmax_rows), along the middle axis of
    /// `(outer, n, inner)`; overwrites y.
    ///
    /// # Panics
    ///
    /// If the lengths differ or are no multiple of `n * inner`.
    pub fn log_softmax_columns(s, y: &mut [f32], x: &[f32], n: usize, inner: usize) {
        columns::<S, true>(s, y, x, n, inner);
    }
}

#[inline(always)]
fn columns<S: Simd, const LOG: bool>(s: S, y: &mut [f32], x: &[f32], n: usize, inner: usize) {
    let len = n * inner;
    assert!(y.len() == x.len() && (x.is_empty() || len > 0 && x.len().is_multiple_of(len)));
    for (y, x) in y.chunks_exact_mut(len.max(1)).zip(x.chunks_exact(len.max(1))) {
        let mut column = 0;
        while column < inner {
            let left = inner - column;
            // SAFETY: each of the n rows has `left` numbers from `column` on.
            unsafe {
                vector_of_columns::<S, LOG>(
                    s,
                    y.as_mut_ptr().add(column),
                    x.as_ptr().add(column),
                    n,
                    inner,
                    left,
                );
            }
            column += S::LANES;
        }
    }
}

/// # Safety
/// `min(left, LANES)` numbers at each of `n` rows, `inner` apart, are readable from x on and
/// writable from y on.
#[inline(always)]
unsafe fn vector_of_columns<S: Simd, const LOG: bool>(
    s: S,
    y: *mut f32,
    x: *const f32,
    n: usize,
    inner: usize,
    left: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut max = s.splat(f32::NEG_INFINITY);
        for i in 0..n {
            max = s.max(max, s.load_first(x.add(i * inner), left));
        }
        let mut total = s.splat(0.0);
        for i in 0..n {
            let e = vector::exp(s, s.sub(s.load_first(x.add(i * inner), left), max));
            total = s.add(total, e);
            if !LOG {
                s.store_first(y.add(i * inner), left, e);
            }
        }
        let log = if LOG { s.map(total, f32::ln) } else { total };
        for i in 0..n {
            let (x, y) = (x.add(i * inner), y.add(i * inner));
            let result = if LOG {
                s.sub(s.sub(s.load_first(x, left), max), log)
            } else {
                s.div(s.load_first(y, left), total)
            };
            s.store_first(y, left, result);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use crate::random::{Counter, normal};
    use crate::softmax::{log_softmax_rows, softmax_rows};

    /// Columns, transposed, are rows.
    #[test]
    fn columns_agree_with_rows() {
        for isa in Isa::available() {
            for (outer, n, inner) in [
                (1, 1, 1),
                (2, 3, 2),
                (1, 7, 15),
                (3, 5, 16),
                (1, 10, 17),
                (2, 2, 40),
                (0, 3, 4),
                (2, 0, 3),
                (2, 3, 0),
            ] {
                let mut x = vec![0.0; outer * n * inner];
                normal(isa, &mut x, Counter::default(), 0);
                let x: Vec<f32> = x.iter().map(|x| x * 9.0 - 5.0).collect();
                let at = |i: usize| (i / (n * inner) * inner + i % inner) * n + i / inner % n;
                let mut rows = vec![0.0; x.len()];
                for (i, &x) in x.iter().enumerate() {
                    rows[at(i)] = x;
                }
                let (mut y, mut want) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
                softmax_columns(isa, &mut y, &x, n, inner);
                softmax_rows(isa, &mut want, &rows, n);
                for (i, y) in y.iter().enumerate() {
                    assert!((y - want[at(i)]).abs() <= 2e-6 * want[at(i)], "{isa}");
                }
                log_softmax_columns(isa, &mut y, &x, n, inner);
                log_softmax_rows(isa, &mut want, &rows, n);
                for (i, y) in y.iter().enumerate() {
                    assert!((y - want[at(i)]).abs() <= 1e-5, "{isa}");
                }
            }
        }
    }
}
