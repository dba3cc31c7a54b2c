//! Sums and extremes along an axis.
//!
//! | name | meaning |
//! |---|---|
//! | `outer` | product of the axes before the reduced one |
//! | `n` | length of the reduced axis |
//! | `inner` | product of the axes after it |
//!
//! Sums are taken in a fixed order: short runs in `f32`, their totals with compensation, so that
//! the error stays near that of one rounding per run, however long the axis is.

use crate::simd::{Simd, simd_fn};

/// What to compute along the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// The sum; 0 of nothing.
    Sum,
    /// The largest, NaN if one is NaN; negative infinity of nothing.
    Max,
    /// The smallest, NaN if one is NaN; infinity of nothing.
    Min,
}

const SUM: u8 = 0;
const MAX: u8 = 1;
const MIN: u8 = 2;

/// Vectors of a row per run, and rows of a column per run.
const ROW_RUN: usize = 128;
const COLUMN_RUN: usize = 128;

/// Vectors side by side.
const V: usize = 4;
/// Columns that fit into these vectors on any machine.
const MAX_COLUMNS: usize = V * crate::simd::MAX_LANES;

simd_fn! {
    /// `y (outer, inner)` = the reduction of `x (outer, n, inner)` over the middle axis; with
    /// `accumulate` it is combined with what y holds (added, or the larger or smaller of both).
    ///
    /// # Panics
    ///
    /// If a length does not fit its shape.
    pub fn reduce(
        s,
        reduction: Reduction,
        y: &mut [f32],
        x: &[f32],
        outer: usize,
        n: usize,
        inner: usize,
        accumulate: bool,
    ) {
        assert_eq!(y.len(), outer * inner, "y");
        assert_eq!(x.len(), outer * n * inner, "x");
        match reduction {
            Reduction::Sum => fold::<S, SUM>(s, y, x, n, inner, accumulate),
            Reduction::Max => fold::<S, MAX>(s, y, x, n, inner, accumulate),
            Reduction::Min => fold::<S, MIN>(s, y, x, n, inner, accumulate),
        }
    }
}

simd_fn! {
    /// The sum of x.
    pub fn sum_all(s, x: &[f32]) -> f32 {
        row::<S, SUM>(s, x)
    }
}

#[inline(always)]
fn combine<S: Simd, const R: u8>(s: S, a: S::V, b: S::V) -> S::V {
    match R {
        SUM => s.add(a, b),
        MAX => s.max_nan(a, b),
        _ => s.min_nan(a, b),
    }
}

#[inline(always)]
fn combine_one<const R: u8>(a: f32, b: f32) -> f32 {
    match R {
        SUM => a + b,
        MAX if a > b || a.is_nan() => a,
        MIN if a < b || a.is_nan() => a,
        _ => b,
    }
}

#[inline(always)]
fn neutral<const R: u8>() -> f32 {
    match R {
        SUM => 0.0,
        MAX => f32::NEG_INFINITY,
        _ => f32::INFINITY,
    }
}

#[inline(always)]
fn fold<S: Simd, const R: u8>(
    s: S,
    y: &mut [f32],
    x: &[f32],
    n: usize,
    inner: usize,
    accumulate: bool,
) {
    if y.is_empty() {
        return;
    }
    if inner == 1 && 1 < S::LANES && 4 <= y.len() && n <= ROW_RUN * S::LANES {
        return rows::<S, R>(s, y, x, n, accumulate);
    }
    for (o, y) in y.chunks_exact_mut(inner).enumerate() {
        let x = &x[o * n * inner..(o + 1) * n * inner];
        if inner == 1 {
            let result = row::<S, R>(s, x);
            y[0] = if accumulate { combine_one::<R>(y[0], result) } else { result };
            continue;
        }
        // Narrow rows are joined to rows that fill the vectors; their parts are combined after.
        let joined = (V * S::LANES) / inner;
        if joined >= 2 && n >= 2 * joined {
            let width = joined * inner;
            let rows = n / joined;
            let mut parts = [0.0; MAX_COLUMNS];
            columns::<S, R>(s, &mut parts[..width], x, rows, width, false);
            for j in 0..inner {
                let mut result = parts[j];
                for part in 1..joined {
                    result = combine_one::<R>(result, parts[part * inner + j]);
                }
                for i in rows * joined..n {
                    result = combine_one::<R>(result, x[i * inner + j]);
                }
                y[j] = if accumulate { combine_one::<R>(y[j], result) } else { result };
            }
        } else {
            columns::<S, R>(s, y, x, n, inner, accumulate);
        }
    }
}

/// The reduction of a row.
#[inline(always)]
fn row<S: Simd, const R: u8>(s: S, x: &[f32]) -> f32 {
    let neutral = neutral::<R>();
    let mut exact = 0.0;
    let mut extreme = neutral;
    for x in x.chunks(ROW_RUN * S::LANES) {
        let joined = run::<S, R>(s, x);
        if R == SUM {
            exact += f64::from(s.sum(joined));
        } else {
            let result = if s.any(s.ne(joined, joined)) {
                f32::NAN
            } else if R == MAX {
                s.largest(joined)
            } else {
                -s.largest(s.neg(joined))
            };
            extreme = combine_one::<R>(extreme, result);
        }
    }
    if R == SUM { exact as f32 } else { extreme }
}

/// A run of a row, reduced to one vector.
#[inline(always)]
fn run<S: Simd, const R: u8>(s: S, x: &[f32]) -> S::V {
    let neutral = s.splat(neutral::<R>());
    let mut parts = [neutral; V];
    let mut i = 0;
    while i + V * S::LANES <= x.len() {
        for v in 0..V {
            // SAFETY: V vectors from i on lie inside.
            let next = unsafe { s.load(x.as_ptr().add(i + v * S::LANES)) };
            parts[v] = combine::<S, R>(s, parts[v], next);
        }
        i += V * S::LANES;
    }
    while i < x.len() {
        // SAFETY: the remaining numbers lie inside.
        let next = unsafe { s.load_first_or(x.as_ptr().add(i), x.len() - i, neutral) };
        parts[0] = combine::<S, R>(s, parts[0], next);
        i += S::LANES;
    }
    let left = combine::<S, R>(s, parts[0], parts[1]);
    let right = combine::<S, R>(s, parts[2], parts[3]);
    combine::<S, R>(s, left, right)
}

/// The reductions of rows that are one run each. What a row's vector holds is added up for as many
/// rows together as a vector has lanes, in the order of [`Simd::sum`].
#[inline(always)]
fn rows<S: Simd, const R: u8>(s: S, y: &mut [f32], x: &[f32], n: usize, accumulate: bool) {
    const MOST: usize = crate::simd::MAX_LANES * crate::simd::MAX_LANES;
    let lanes = S::LANES;
    let (mut parts, mut turned) = ([0.0; MOST], [0.0; MOST]);
    for (block, y) in y.chunks_mut(lanes).enumerate() {
        for row in 0..y.len() {
            let at = (block * lanes + row) * n;
            let joined = run::<S, R>(s, &x[at..at + n]);
            // SAFETY: there is a vector for each of so many rows.
            unsafe { s.store(parts.as_mut_ptr().add(row * lanes), joined) };
        }
        let mut sums = [s.splat(0.0); crate::simd::MAX_LANES];
        // SAFETY: both arrays hold a square of vectors, which the tiles divide evenly.
        unsafe {
            for (i, j) in tiles::<S>() {
                let from = parts.as_ptr().add(i * lanes + j);
                s.transpose_tile(turned.as_mut_ptr().add(j * lanes + i), lanes, from, lanes);
            }
            for (lane, sum) in sums[..lanes].iter_mut().enumerate() {
                *sum = s.load(turned.as_ptr().add(lane * lanes));
            }
        }
        let mut left = lanes;
        while left > 1 {
            left /= 2;
            for i in 0..left {
                sums[i] = combine::<S, R>(s, sums[i], sums[i + left]);
            }
        }
        // SAFETY: y has so many numbers.
        unsafe {
            let (to, n) = (y.as_mut_ptr(), y.len());
            let before = s.load_first(to, n);
            let all = if accumulate { combine::<S, R>(s, before, sums[0]) } else { sums[0] };
            s.store_first(to, n, all);
        }
    }
}

/// Where the tiles of a square of vectors begin.
#[inline(always)]
fn tiles<S: Simd>() -> impl Iterator<Item = (usize, usize)> {
    let starts = || (0..S::LANES).step_by(S::TILE);
    starts().flat_map(move |i| starts().map(move |j| (i, j)))
}

/// The reduction of each column of `x (n, width)`.
#[inline(always)]
fn columns<S: Simd, const R: u8>(
    s: S,
    y: &mut [f32],
    x: &[f32],
    n: usize,
    width: usize,
    accumulate: bool,
) {
    assert!(x.len() >= n * width && y.len() == width);
    for j in (0..width).step_by(V * S::LANES) {
        let left = width - j;
        let neutral = s.splat(neutral::<R>());
        let zero = s.splat(0.0);
        let (mut total, mut lost) = ([neutral; V], [zero; V]);
        for begin in (0..n).step_by(COLUMN_RUN) {
            let mut run = [neutral; V];
            for i in begin..n.min(begin + COLUMN_RUN) {
                // SAFETY: row i has `left` numbers from column j on.
                unsafe {
                    let row = x.as_ptr().add(i * width + j);
                    if left >= V * S::LANES {
                        for v in 0..V {
                            run[v] = combine::<S, R>(s, run[v], s.load(row.add(v * S::LANES)));
                        }
                    } else {
                        for v in 0..V {
                            let left = left.saturating_sub(v * S::LANES);
                            let next = s.load_first(row.wrapping_add(v * S::LANES), left);
                            run[v] = combine::<S, R>(s, run[v], next);
                        }
                    }
                }
            }
            for v in 0..V {
                if R == SUM {
                    // What rounding loses is kept (Knuth's two-sum).
                    let sum = s.add(total[v], run[v]);
                    let part = s.sub(sum, total[v]);
                    let rest = s.sub(total[v], s.sub(sum, part));
                    lost[v] = s.add(lost[v], s.add(rest, s.sub(run[v], part)));
                    total[v] = sum;
                } else {
                    total[v] = combine::<S, R>(s, total[v], run[v]);
                }
            }
        }
        for v in 0..V {
            let left = left.saturating_sub(v * S::LANES);
            if left > 0 {
                // Where the sum is infinite, what was lost is NaN.
                let finite = s.le(s.abs(total[v]), s.splat(f32::MAX));
                let mut result = s.select(finite, s.add(total[v], lost[v]), total[v]);
                // SAFETY: y has `left` numbers from this column on.
                unsafe {
                    let y = y.as_mut_ptr().add(j + v * S::LANES);
                    if accumulate {
                        result = combine::<S, R>(s, s.load_first(y, left), result);
                    }
                    s.store_first(y, left, result);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use crate::random::{Counter, normal};

    const LENGTHS: [usize; 15] = [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 1000];

    fn data(n: usize) -> Vec<f32> {
        let mut x = vec![0.0; n];
        normal(Isa::SCALAR, &mut x, Counter { seed: 3, ..Counter::default() }, 0);
        x
    }

    #[test]
    fn reductions_agree_with_plain_loops() {
        for isa in Isa::available() {
            for (outer, inner) in
                [(1, 1), (3, 1), (37, 1), (2, 2), (1, 3), (2, 16), (1, 33), (3, 65), (0, 4)]
            {
                for n in LENGTHS {
                    let x = data(outer * n * inner);
                    let start = data(outer * inner);
                    for accumulate in [false, true] {
                        for reduction in [Reduction::Sum, Reduction::Max, Reduction::Min] {
                            let mut y = if accumulate {
                                start.clone()
                            } else {
                                vec![f32::NAN; start.len()]
                            };
                            reduce(isa, reduction, &mut y, &x, outer, n, inner, accumulate);
                            for i in 0..outer * inner {
                                let items = (0..n)
                                    .map(|p| x[(i / inner * n + p) * inner + i % inner])
                                    .chain(accumulate.then_some(start[i]));
                                // A sum may round once per item, on average.
                                let rounding = match reduction {
                                    Reduction::Sum => {
                                        f32::EPSILON * items.clone().map(f32::abs).sum::<f32>()
                                    }
                                    _ => 0.0,
                                };
                                let want = match reduction {
                                    Reduction::Sum => items.map(f64::from).sum::<f64>() as f32,
                                    Reduction::Max => items.fold(f32::NEG_INFINITY, f32::max),
                                    Reduction::Min => items.fold(f32::INFINITY, f32::min),
                                };
                                assert!(
                                    y[i] == want || (y[i] - want).abs() <= rounding,
                                    "{reduction:?} {outer} {n} {inner} on {isa}: {} {want}",
                                    y[i]
                                );
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn long_sums_stay_exact() {
        // A million times 0.1: a single running sum would be off by a percent.
        let n = 1_000_000;
        let x = vec![0.1_f32; n];
        for isa in Isa::available() {
            let want = f64::from(0.1_f32) * n as f64;
            assert!((f64::from(sum_all(isa, &x)) - want).abs() < 2e-6 * want);
            for inner in [1, 2, 5, 16, 100] {
                let mut y = vec![0.0; inner];
                reduce(isa, Reduction::Sum, &mut y, &x, 1, n / inner, inner, false);
                let want = want / inner as f64;
                assert!(y.iter().all(|&y| (f64::from(y) - want).abs() < 1e-5 * want), "{y:?}");
            }
        }
    }

    #[test]
    fn nan_and_infinity_are_passed_on() {
        for isa in Isa::available() {
            for inner in [1, 3, 40] {
                for at in [0, 50, 99] {
                    let mut x = data(100 * inner);
                    x[at * inner] = f32::NAN;
                    for reduction in [Reduction::Sum, Reduction::Max, Reduction::Min] {
                        let mut y = vec![0.0; inner];
                        reduce(isa, reduction, &mut y, &x, 1, 100, inner, false);
                        assert!(y[0].is_nan() && y[1..].iter().all(|y| y.is_finite()));
                    }
                    x[at * inner] = f32::INFINITY;
                    let mut y = vec![0.0; inner];
                    reduce(isa, Reduction::Sum, &mut y, &x, 1, 100, inner, false);
                    assert_eq!(y[0], f32::INFINITY);
                }
            }
        }
    }
}
