//! Products with few rows: b is read once, as it lies.

use std::ops::Range;

use super::tile::{Finish, finish_vector};
use super::{Rows, block_depth};
use crate::simd::{MAX_LANES, Simd};

/// The most rows that go without packing.
pub(super) const MAX_ROWS: usize = 4;

/// Whether the shape suits these kernels: a transposed b's rows fill a vector.
#[inline(always)]
pub(super) fn suits<S: Simd>(a: &Rows<'_>, b_transposed: bool) -> bool {
    !b_transposed || ((!a.transposed || a.m == 1) && a.k >= S::LANES)
}

macro_rules! by_rows {
    ($m:expr, $f:ident, $($arg:expr),*) => {
        match $m {
            0 => {}
            1 => $f::<S, 1>($($arg),*),
            2 => $f::<S, 2>($($arg),*),
            3 => $f::<S, 3>($($arg),*),
            _ => $f::<S, 4>($($arg),*),
        }
    };
}

/// Columns `columns` of `c = a @ b`, which `c` and the bias have only: each row of b, times a number
/// of a, is added to each row of c.
#[inline(always)]
pub(super) fn add_rows<S: Simd>(
    s: S,
    c: &mut [f32],
    a: Rows<'_>,
    b: &[f32],
    n: usize,
    columns: Range<usize>,
    finish: Finish<'_>,
) {
    // As many vectors side by side as there are registers: long stretches of b are read faster.
    let vectors = columns.len().div_ceil(S::LANES);
    let vectors = vectors.min(if S::LANES == MAX_LANES { 16 } else { 8 });
    match (a.m, vectors) {
        (0, _) => {}
        (1, 9..) => add_r_rows::<S, 1, 16>(s, c, a, b, n, &columns, finish),
        (1, 5..) => add_r_rows::<S, 1, 8>(s, c, a, b, n, &columns, finish),
        (1, 2..) => add_r_rows::<S, 1, 4>(s, c, a, b, n, &columns, finish),
        (1, _) => add_r_rows::<S, 1, 1>(s, c, a, b, n, &columns, finish),
        (2, _) => add_r_rows::<S, 2, 4>(s, c, a, b, n, &columns, finish),
        (3, _) => add_r_rows::<S, 3, 4>(s, c, a, b, n, &columns, finish),
        _ => add_r_rows::<S, 4, 4>(s, c, a, b, n, &columns, finish),
    }
}

#[inline(always)]
fn add_r_rows<S: Simd, const R: usize, const V: usize>(
    s: S,
    c: &mut [f32],
    a: Rows<'_>,
    b: &[f32],
    n: usize,
    columns: &Range<usize>,
    finish: Finish<'_>,
) {
    let (a_row, a_column) = a.strides();
    let width = columns.len();
    assert!(columns.start <= columns.end && columns.end <= n);
    assert!(a.m == R && c.len() == R * width && b.len() == a.k * n && a.data.len() == R * a.k);
    let step = block_depth(a.k);
    let mut j = 0;
    while j < width {
        let mut p = 0;
        loop {
            let depth = (a.k - p).min(step);
            let mut sums = [[s.splat(0.0); V]; R];
            for p in p..p + depth {
                let left = width - j;
                // SAFETY: row p of b has `left` numbers from this column on; a's strides reach all
                // its elements.
                unsafe {
                    let row = b.as_ptr().add(p * n + columns.start + j);
                    let mut vectors = [s.splat(0.0); V];
                    if left >= V * S::LANES {
                        for v in 0..V {
                            vectors[v] = s.load(row.add(v * S::LANES));
                        }
                    } else {
                        for v in 0..V {
                            let left = left.saturating_sub(v * S::LANES);
                            vectors[v] = s.load_first(row.wrapping_add(v * S::LANES), left);
                        }
                    }
                    for r in 0..R {
                        let x = s.splat(*a.data.get_unchecked(r * a_row + p * a_column));
                        for v in 0..V {
                            sums[r][v] = s.mul_add(x, vectors[v], sums[r][v]);
                        }
                    }
                }
            }
            let last = p + depth == a.k;
            let part = Finish {
                accumulate: finish.accumulate || p > 0,
                bias: finish.bias.filter(|_| last),
                relu: finish.relu && last,
            };
            for r in 0..R {
                for v in 0..V {
                    let left = width.saturating_sub(j + v * S::LANES);
                    // SAFETY: row r of c has `left` numbers left from here on, and so has the bias.
                    unsafe {
                        let c = c.as_mut_ptr().wrapping_add(r * width + j + v * S::LANES);
                        finish_vector(s, sums[r][v], c, left, j + v * S::LANES, part);
                    }
                }
            }
            p += depth;
            if last {
                break;
            }
        }
        j += V * S::LANES;
    }
}

/// `c = a @ b^T`: scalar products of rows.
#[inline(always)]
pub(super) fn dot_rows<S: Simd>(
    s: S,
    c: &mut [f32],
    a: Rows<'_>,
    b: &[f32],
    n: usize,
    finish: Finish<'_>,
) {
    by_rows!(a.m, dot_r_rows, s, c, a, b, n, finish)
}

#[inline(always)]
fn dot_r_rows<S: Simd, const R: usize>(
    s: S,
    c: &mut [f32],
    a: Rows<'_>,
    b: &[f32],
    n: usize,
    finish: Finish<'_>,
) {
    const J: usize = 4;
    let k = a.k;
    assert!(a.m == R && c.len() == R * n && b.len() == k * n && a.data.len() == R * k);
    for j in (0..n).step_by(J) {
        // Near the end rows are computed twice rather than by other code.
        let mut rows = [0; J];
        for (i, row) in rows.iter_mut().enumerate() {
            *row = (j + i).min(n - 1);
        }
        let mut sums = [[s.splat(0.0); J]; R];
        for p in (0..k).step_by(S::LANES) {
            let left = k - p;
            let load = |x: &[f32], row: usize| {
                // SAFETY: each row has `left` numbers from p on.
                unsafe {
                    let x = x.as_ptr().add(row * k + p);
                    if left >= S::LANES { s.load(x) } else { s.load_first(x, left) }
                }
            };
            for i in 0..J {
                let v = load(b, rows[i]);
                for r in 0..R {
                    sums[r][i] = s.mul_add(load(a.data, r), v, sums[r][i]);
                }
            }
        }
        for r in 0..R {
            for i in 0..J.min(n - j) {
                let c = &mut c[r * n + j + i];
                let mut sum = s.sum(sums[r][i]);
                if finish.accumulate {
                    sum += *c;
                }
                if let Some(bias) = finish.bias {
                    sum += bias[j + i];
                }
                *c = if finish.relu && sum < 0.0 { 0.0 } else { sum };
            }
        }
    }
}
