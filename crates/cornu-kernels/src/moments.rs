//! Mean and variance in one walk over the samples.
//!
//! Each part (a sample, say) is gone through twice while it is in the cache: for its mean, then for
//! the squared distances from it. Parts are then merged (Chan, Golub and LeVeque 1983), so nothing
//! cancels, however far the mean is from 0.

use crate::simd::{Simd, simd_fn};

/// Elements whose moments are taken: `(o, r, w, i)` lies at `o * outer_step + r * row_step + w * inner
/// + i`, and all `r` and `w` belong to result `(o, i)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walk {
    /// Groups of rows with results of their own, such as channel planes.
    pub outer: usize,
    /// Elements from one of them to the next.
    pub outer_step: usize,
    /// Rows.
    pub rows: usize,
    /// Elements from one row to the next.
    pub row_step: usize,
    /// Elements of a row that belong to one result.
    pub width: usize,
    /// Results side by side, such as the channels of a pixel.
    pub inner: usize,
}

impl Walk {
    /// Elements per result.
    pub fn n(&self) -> usize {
        self.rows * self.width
    }

    /// Number of results.
    pub fn results(&self) -> usize {
        self.outer * self.inner
    }

    /// Elements that are reached, gaps included.
    fn reach(&self) -> usize {
        if self.results() * self.n() == 0 {
            return 0;
        }
        (self.outer - 1) * self.outer_step
            + (self.rows - 1) * self.row_step
            + self.width * self.inner
    }
}

/// Vectors side by side.
const V: usize = 4;

simd_fn! {
    /// `mean` = the means, `m2` = the sums of squared distances from them; both 0 of nothing.
    ///
    /// # Panics
    ///
    /// If a slice is too short for `walk`.
    pub fn moments(s, mean: &mut [f32], m2: &mut [f32], x: &[f32], walk: &Walk) {
        let n = walk.results();
        assert!(mean.len() == n && m2.len() == n, "results");
        assert!(x.len() >= walk.reach(), "x: {} elements, {} are read", x.len(), walk.reach());
        if walk.n() == 0 {
            mean.fill(0.0);
            m2.fill(0.0);
        } else if walk.inner == 1 {
            of_rows::<S>(s, mean, m2, x, walk);
        } else {
            of_columns::<S>(s, mean, m2, x, walk);
        }
    }
}

/// Merges the moments of `n` elements into `to`, which holds means, then sums of squared distances,
/// and the number of elements merged so far (from `2^24` on, rounded as `f32` rounds).
///
/// # Panics
///
/// If `to` is not twice as long as the results, and one more.
pub fn merge(to: &mut [f32], mean: &[f32], m2: &[f32], n: usize) {
    let results = mean.len();
    assert!(to.len() == 2 * results + 1 && m2.len() == results, "moments");
    if n == 0 {
        return;
    }
    let (to_mean, rest) = to.split_at_mut(results);
    let (to_m2, count) = rest.split_at_mut(results);
    let before = count[0];
    let total = before + n as f32;
    let (share, weight) = (n as f32 / total, before * (n as f32 / total));
    for i in 0..results {
        let distance = mean[i] - to_mean[i];
        to_mean[i] += distance * share;
        to_m2[i] += m2[i] + distance * distance * weight;
    }
    count[0] = total;
}

/// `variance = m2 / n` of what [`merge`] put together; 0 of nothing.
///
/// # Panics
///
/// If the lengths do not fit.
pub fn variance(variance: &mut [f32], merged: &[f32]) {
    let n = variance.len();
    assert_eq!(merged.len(), 2 * n + 1, "moments");
    let count = merged[2 * n].max(1.0);
    for (variance, m2) in variance.iter_mut().zip(&merged[n..]) {
        *variance = m2 / count;
    }
}

/// One result per group of rows.
#[inline(always)]
fn of_rows<S: Simd>(s: S, mean: &mut [f32], m2: &mut [f32], x: &[f32], walk: &Walk) {
    let n = walk.n() as f32;
    for o in 0..walk.outer {
        let x = &x[o * walk.outer_step..];
        let [sum, _] = row_sums::<S>(s, x, walk, 0.0);
        let pivot = sum / n;
        // What rounding left of the distances' sum corrects both.
        let [rest, squares] = row_sums::<S>(s, x, walk, pivot);
        mean[o] = pivot + rest / n;
        let distances = squares - rest * rest / n;
        m2[o] = if distances < 0.0 { 0.0 } else { distances };
    }
}

/// Sums of the distances from `pivot` and of their squares.
#[inline(always)]
fn row_sums<S: Simd>(s: S, x: &[f32], walk: &Walk, pivot: f32) -> [f32; 2] {
    let zero = s.splat(0.0);
    let pivots = s.splat(pivot);
    let (mut sums, mut squares) = ([zero; V], [zero; V]);
    for r in 0..walk.rows {
        let row = &x[r * walk.row_step..r * walk.row_step + walk.width];
        let mut i = 0;
        while i + V * S::LANES <= row.len() {
            for v in 0..V {
                // SAFETY: V vectors from i on lie inside.
                let next = unsafe { s.load(row.as_ptr().add(i + v * S::LANES)) };
                let distance = s.sub(next, pivots);
                sums[v] = s.add(sums[v], distance);
                squares[v] = s.mul_add(distance, distance, squares[v]);
            }
            i += V * S::LANES;
        }
        let mut v = 0;
        while i < row.len() {
            // SAFETY: the remaining numbers lie inside.
            let next = unsafe { s.load_first_or(row.as_ptr().add(i), row.len() - i, pivots) };
            let distance = s.sub(next, pivots);
            sums[v] = s.add(sums[v], distance);
            squares[v] = s.mul_add(distance, distance, squares[v]);
            i += S::LANES;
            v += 1;
        }
    }
    let total =
        |parts: [S::V; V]| s.sum(s.add(s.add(parts[0], parts[1]), s.add(parts[2], parts[3])));
    [total(sums), total(squares)]
}

/// Results side by side.
#[inline(always)]
fn of_columns<S: Simd>(s: S, mean: &mut [f32], m2: &mut [f32], x: &[f32], walk: &Walk) {
    let n = s.splat(walk.n() as f32);
    let Walk { outer, outer_step, inner, .. } = *walk;
    for o in 0..outer {
        for first in (0..inner).step_by(V * S::LANES) {
            let x = &x[o * outer_step + first..];
            let left = inner - first;
            let zero = [s.splat(0.0); V];
            let [sums, _] = column_sums::<S>(s, x, walk, left, zero);
            let mut pivots = zero;
            for v in 0..V {
                pivots[v] = s.div(sums[v], n);
            }
            let [rests, squares] = column_sums::<S>(s, x, walk, left, pivots);
            for v in 0..V {
                let left = left.saturating_sub(v * S::LANES);
                let at = o * inner + first + v * S::LANES;
                if left == 0 {
                    break;
                }
                let shift = s.div(rests[v], n);
                let excess = s.mul(rests[v], shift);
                // SAFETY: `left` results from `at` on lie inside, as `at < results`.
                unsafe {
                    s.store_first(mean[at..].as_mut_ptr(), left, s.add(pivots[v], shift));
                    let distances = s.max_nan(s.sub(squares[v], excess), s.splat(0.0));
                    s.store_first(m2[at..].as_mut_ptr(), left, distances);
                }
            }
        }
    }
}

/// Sums of the distances from `pivots` and of their squares, for up to V vectors of columns.
#[inline(always)]
fn column_sums<S: Simd>(
    s: S,
    x: &[f32],
    walk: &Walk,
    left: usize,
    pivots: [S::V; V],
) -> [[S::V; V]; 2] {
    let mut sums = [s.splat(0.0); V];
    let mut squares = sums;
    for r in 0..walk.rows {
        for w in 0..walk.width {
            let at = r * walk.row_step + w * walk.inner;
            let pixel = &x[at..at + left.min(V * S::LANES)];
            for v in 0..V {
                let from = v * S::LANES;
                if from >= pixel.len() {
                    break;
                }
                // SAFETY: the rest of the pixel lies inside.
                let next = unsafe {
                    if pixel.len() - from >= S::LANES {
                        s.load(pixel.as_ptr().add(from))
                    } else {
                        s.load_first_or(pixel.as_ptr().add(from), pixel.len() - from, pivots[v])
                    }
                };
                let distance = s.sub(next, pivots[v]);
                sums[v] = s.add(sums[v], distance);
                squares[v] = s.mul_add(distance, distance, squares[v]);
            }
        }
    }
    [sums, squares]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use crate::random::{Counter, normal};

    fn data(n: usize) -> Vec<f32> {
        let mut x = vec![0.0; n];
        normal(Isa::SCALAR, &mut x, Counter { seed: 5, ..Counter::default() }, 0);
        x
    }

    fn plain(x: &[f32], walk: &Walk, result: usize) -> [f64; 2] {
        let (o, i) = (result / walk.inner, result % walk.inner);
        let elements: Vec<f64> = (0..walk.n())
            .map(|k| {
                let (r, w) = (k / walk.width, k % walk.width);
                f64::from(x[o * walk.outer_step + r * walk.row_step + w * walk.inner + i])
            })
            .collect();
        let n = elements.len().max(1) as f64;
        let mean = elements.iter().sum::<f64>() / n;
        [mean, elements.iter().map(|x| (x - mean).powi(2)).sum()]
    }

    #[test]
    fn moments_agree_with_plain_loops() {
        for isa in Isa::available() {
            for (outer, inner) in [(1, 1), (3, 1), (1, 3), (2, 16), (1, 17), (1, 64), (1, 70)] {
                for (rows, width) in [(0, 3), (1, 1), (1, 5), (3, 16), (4, 17), (2, 65), (7, 100)] {
                    // Gaps between rows and groups, filled with numbers that must not count.
                    let row_step = width * inner + 3;
                    let outer_step = rows * row_step + 5;
                    let walk = Walk { outer, outer_step, rows, row_step, width, inner };
                    for shift in [0.0, 1000.0] {
                        let x: Vec<f32> =
                            data(outer * outer_step).iter().map(|x| x + shift).collect();
                        let mut mean = vec![f32::NAN; walk.results()];
                        let mut m2 = mean.clone();
                        moments(isa, &mut mean, &mut m2, &x, &walk);
                        for i in 0..walk.results() {
                            let [want_mean, want_m2] = plain(&x, &walk, i);
                            let scale = 1.0 + want_mean.abs();
                            assert!((f64::from(mean[i]) - want_mean).abs() < 1e-6 * scale);
                            assert!(
                                (f64::from(m2[i]) - want_m2).abs() < 1e-5 * (1.0 + want_m2),
                                "{walk:?} on {isa}: {} {want_m2}",
                                m2[i]
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn merged_parts_are_the_whole() {
        let x: Vec<f32> = data(100).iter().map(|x| x + 300.0).collect();
        let walk = |n| Walk { outer: 1, outer_step: 0, rows: 1, row_step: 0, width: n, inner: 1 };
        let mut merged = vec![0.0; 3];
        for part in [&x[..0], &x[..1], &x[1..40], &x[40..]] {
            let (mut mean, mut m2) = ([0.0], [0.0]);
            moments(Isa::best(), &mut mean, &mut m2, part, &walk(part.len()));
            merge(&mut merged, &mean, &m2, part.len());
        }
        let [mean, m2] = plain(&x, &walk(100), 0);
        assert_eq!(merged[2], 100.0);
        assert!((f64::from(merged[0]) - mean).abs() < 1e-4);
        assert!((f64::from(merged[1]) - m2).abs() < 1e-4 * m2, "{} {m2}", merged[1]);
        let mut result = [0.0];
        variance(&mut result, &merged);
        assert_eq!(result[0], merged[1] / 100.0);
        variance(&mut result, &[0.0; 3]);
        assert_eq!(result[0], 0.0);
    }

    #[test]
    fn nan_is_passed_on() {
        for isa in Isa::available() {
            for inner in [1, 20] {
                let mut x = data(10 * inner);
                x[3 * inner] = f32::NAN;
                let walk = Walk { outer: 1, outer_step: 0, rows: 1, row_step: 0, width: 10, inner };
                let (mut mean, mut m2) = (vec![0.0; inner], vec![0.0; inner]);
                moments(isa, &mut mean, &mut m2, &x, &walk);
                assert!(mean[0].is_nan() && m2[0].is_nan());
                assert!(m2[1..].iter().all(|x| x.is_finite()));
            }
        }
    }
}
