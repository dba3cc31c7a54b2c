//! Softmax along the last axis.
//!
//! Every function treats `x` as rows of `n` numbers. Each row is read while it is in the nearest
//! cache, so memory is read and written about once.

use crate::math::vector;
use crate::simd::{Simd, simd_fn};

simd_fn! {
    /// `y = e^(x - max) / sum(e^(x - max))` in each row; overwrites y. The relative error
    /// is that of `x - max` in `f32` (`1e-6` where x is near 20) and below `1e-6` otherwise.
    ///
    /// # Panics
    ///
    /// If the lengths differ or are no multiple of n.
    pub fn softmax_rows(s, y: &mut [f32], x: &[f32], n: usize) {
        assert!(y.len() == x.len() && is_rows(x.len(), n));
        for (y, x) in y.chunks_exact_mut(n.max(1)).zip(x.chunks_exact(n.max(1))) {
            let max = s.splat(row_max(s, x));
            let mut total = s.splat(0.0);
            for_vectors::<S>(n, |i, left| {
                // SAFETY: `left` numbers from i on lie inside of both rows.
                unsafe {
                    let v = s.load_first(x.as_ptr().add(i), left);
                    let e = vector::exp(s, s.sub(v, max));
                    s.store_first(y.as_mut_ptr().add(i), left, e);
                    // Read back, so that lanes beyond the end count as zero.
                    total = s.add(total, s.load_first(y.as_ptr().add(i), left));
                }
            });
            let total = s.splat(s.sum(total));
            for_vectors::<S>(n, |i, left| {
                // SAFETY: `left` numbers from i on lie inside.
                unsafe {
                    let e = s.load_first(y.as_ptr().add(i), left);
                    s.store_first(y.as_mut_ptr().add(i), left, s.div(e, total));
                }
            });
        }
    }
}

simd_fn! {
    /// `y = x - max - log(sum(e^(x - max)))` in each row; overwrites y.
    ///
    /// # Panics
    ///
    /// If the lengths differ or are no multiple of n.
    pub fn log_softmax_rows(s, y: &mut [f32], x: &[f32], n: usize) {
        assert!(y.len() == x.len() && is_rows(x.len(), n));
        for (y, x) in y.chunks_exact_mut(n.max(1)).zip(x.chunks_exact(n.max(1))) {
            let row_max = row_max(s, x);
            let max = s.splat(row_max);
            let mut total = s.splat(0.0);
            for_vectors::<S>(n, |i, left| {
                // SAFETY: `left` numbers from i on lie inside of the row.
                unsafe {
                    // Beyond the end: e^-inf is zero.
                    let v = s.load_first_or(
                        x.as_ptr().add(i), left, s.splat(f32::NEG_INFINITY));
                    total = s.add(total, vector::exp(s, s.sub(v, max)));
                }
            });
            let log = s.splat(s.sum(total).ln());
            for_vectors::<S>(n, |i, left| {
                // SAFETY: `left` numbers from i on lie inside of both rows.
                unsafe {
                    let v = s.load_first(x.as_ptr().add(i), left);
                    s.store_first(y.as_mut_ptr().add(i), left, s.sub(s.sub(v, max), log));
                }
            });
        }
    }
}

simd_fn! {
    /// Gradient of [`softmax_rows`] from its result y: `dx = y * (dy - sum(dy * y))` in each row;
    /// overwrites dx.
    ///
    /// # Panics
    ///
    /// If the lengths differ or are no multiple of n.
    pub fn softmax_rows_grad(s, dx: &mut [f32], dy: &[f32], y: &[f32], n: usize) {
        assert!(dx.len() == y.len() && dy.len() == y.len() && is_rows(y.len(), n));
        for r in 0..y.len() / n.max(1) {
            let (dx, dy, y) = (&mut dx[r * n..][..n], &dy[r * n..][..n], &y[r * n..][..n]);
            let mut total = s.splat(0.0);
            for_vectors::<S>(n, |i, left| {
                // SAFETY: `left` numbers from i on lie inside of both rows.
                unsafe {
                    let g = s.load_first(dy.as_ptr().add(i), left);
                    total = s.mul_add(g, s.load_first(y.as_ptr().add(i), left), total);
                }
            });
            let total = s.splat(s.sum(total));
            for_vectors::<S>(n, |i, left| {
                // SAFETY: `left` numbers from i on lie inside of all three rows.
                unsafe {
                    let g = s.sub(s.load_first(dy.as_ptr().add(i), left), total);
                    let g = s.mul(g, s.load_first(y.as_ptr().add(i), left));
                    s.store_first(dx.as_mut_ptr().add(i), left, g);
                }
            });
        }
    }
}

simd_fn! {
    /// Gradient of [`log_softmax_rows`] from its result y: `dx = dy - e^y * sum(dy)` in each row;
    /// overwrites dx.
    ///
    /// # Panics
    ///
    /// If the lengths differ or are no multiple of n.
    pub fn log_softmax_rows_grad(s, dx: &mut [f32], dy: &[f32], y: &[f32], n: usize) {
        assert!(dx.len() == y.len() && dy.len() == y.len() && is_rows(y.len(), n));
        for r in 0..y.len() / n.max(1) {
            let (dx, dy, y) = (&mut dx[r * n..][..n], &dy[r * n..][..n], &y[r * n..][..n]);
            let mut total = s.splat(0.0);
            for_vectors::<S>(n, |i, left| {
                // SAFETY: `left` numbers from i on lie inside of the row.
                total = unsafe { s.add(total, s.load_first(dy.as_ptr().add(i), left)) };
            });
            let total = s.splat(-s.sum(total));
            for_vectors::<S>(n, |i, left| {
                // SAFETY: `left` numbers from i on lie inside of all three rows.
                unsafe {
                    let p = vector::exp(s, s.load_first(y.as_ptr().add(i), left));
                    let g = s.mul_add(p, total, s.load_first(dy.as_ptr().add(i), left));
                    s.store_first(dx.as_mut_ptr().add(i), left, g);
                }
            });
        }
    }
}

fn is_rows(len: usize, n: usize) -> bool {
    len == 0 || n > 0 && len.is_multiple_of(n)
}

/// Calls `f(i, numbers left)` for each vector of a row of n.
#[inline(always)]
fn for_vectors<S: Simd>(n: usize, mut f: impl FnMut(usize, usize)) {
    let mut i = 0;
    while i < n {
        f(i, n - i);
        i += S::LANES;
    }
}

/// The maximum of a row that is not empty.
#[inline(always)]
fn row_max<S: Simd>(s: S, x: &[f32]) -> f32 {
    let lowest = s.splat(f32::NEG_INFINITY);
    let mut max = lowest;
    for_vectors::<S>(x.len(), |i, left| {
        // SAFETY: `left` numbers from i on lie inside.
        max = unsafe { s.max(max, s.load_first_or(x.as_ptr().add(i), left, lowest)) };
    });
    s.largest(max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use crate::random::{Counter, normal};

    fn data(n: usize, seed: u64) -> Vec<f32> {
        let mut x = vec![0.0; n];
        normal(Isa::SCALAR, &mut x, Counter { seed, ..Counter::default() }, 0);
        x.iter().map(|x| x * 5.0 - 3.0).collect()
    }

    #[test]
    fn values_and_gradients_agree_with_their_formulas() {
        for isa in Isa::available() {
            for n in [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 1000] {
                let (x, dy) = (data(3 * n, 1), data(3 * n, 2));
                let mut y = vec![f32::NAN; 3 * n];
                let (mut log, mut dx, mut d_log) = (y.clone(), y.clone(), y.clone());
                softmax_rows(isa, &mut y, &x, n);
                log_softmax_rows(isa, &mut log, &x, n);
                softmax_rows_grad(isa, &mut dx, &dy, &y, n);
                log_softmax_rows_grad(isa, &mut d_log, &dy, &log, n);
                for i in 0..3 * n {
                    let row = i / n * n..i / n * n + n;
                    let max = f64::from(x[row.clone()].iter().fold(f32::MIN, |a, &b| a.max(b)));
                    let e = |j: usize| (f64::from(x[j]) - max).exp();
                    let total: f64 = row.clone().map(e).sum();
                    let want = e(i) / total;
                    assert!((f64::from(y[i]) - want).abs() <= 4e-6 * want, "{n} on {isa}");
                    let want_log = f64::from(x[i]) - max - total.ln();
                    assert!((f64::from(log[i]) - want_log).abs() <= 2e-6 * (1.0 + want_log.abs()));
                    let dot: f64 = row.clone().map(|j| f64::from(dy[j]) * e(j) / total).sum();
                    let want_dx = want * (f64::from(dy[i]) - dot);
                    assert!((f64::from(dx[i]) - want_dx).abs() <= 2e-5, "{n} on {isa}");
                    let sum: f64 = row.clone().map(|j| f64::from(dy[j])).sum();
                    let want = f64::from(dy[i]) - want * sum;
                    let allowed = 1e-5 * (1.0 + sum.abs());
                    assert!((f64::from(d_log[i]) - want).abs() <= allowed, "{n} on {isa}");
                }
            }
        }
    }

    #[test]
    fn large_logits_do_not_overflow() {
        for isa in Isa::available() {
            let mut y = [0.0; 3];
            softmax_rows(isa, &mut y, &[1e30, 1e30, -1e30], 3);
            assert_eq!(y, [0.5, 0.5, 0.0]);
            log_softmax_rows(isa, &mut y, &[-1000.0, -1000.0, f32::NEG_INFINITY], 3);
            assert!((y[0] + 2.0_f32.ln()).abs() < 1e-6 && y[2] == f32::NEG_INFINITY);
        }
    }
}
