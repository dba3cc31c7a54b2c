//! The maximum. NaN in a window: the result is unspecified.

use super::strided::{load_strided, whole_windows};
use super::{
    check_pixels, check_planes, is_global, is_two_by_two, row_of, taps, zero_pixels, zero_plane,
};
use crate::layout::{Pixels, Planes, Window};
use crate::simd::{MAX_LANES, Simd, simd_fn};

simd_fn! {
    /// `y` = the maximum of each window of `x`; overwrites the pixels of y.
    ///
    /// # Panics
    ///
    /// If channels differ, slices are shorter than their layouts, or a window lies outside.
    pub fn max_pool_pixels(
        s,
        y: &mut [f32],
        y_layout: &Pixels,
        x: &[f32],
        x_layout: &Pixels,
        window: &Window,
    ) {
        check_pixels(window, x_layout, x.len(), y_layout, y.len());
        let channels = x_layout.channels;
        for i in 0..y_layout.height {
            let rows = taps(window, 0, i, x_layout.height);
            for j in 0..y_layout.width {
                let columns = taps(window, 1, j, x_layout.width);
                let to = y_layout.origin() + i * y_layout.row() + j * channels;
                let from = x_layout.origin() + rows.at * x_layout.row() + columns.at * channels;
                let mut c = 0;
                while c < channels {
                    let max = window_max(
                        s, x, from + c, channels - c, rows.n, columns.n, x_layout, window);
                    // SAFETY: this pixel has `channels - c` numbers left.
                    unsafe { s.store_first(y.as_mut_ptr().add(to + c), channels - c, max) };
                    c += S::LANES;
                }
            }
        }
    }
}

/// The maximum of a window for a vector of channels; `left` of them exist.
#[inline(always)]
fn window_max<S: Simd>(
    s: S,
    x: &[f32],
    from: usize,
    left: usize,
    rows: usize,
    columns: usize,
    layout: &Pixels,
    window: &Window,
) -> S::V {
    let mut max = s.splat(f32::NEG_INFINITY);
    for a in 0..rows {
        for b in 0..columns {
            let at = from
                + a * window.dilation[0] * layout.row()
                + b * window.dilation[1] * layout.channels;
            // SAFETY: the pixel lies inside of the picture and has `left` channels from here on.
            max = unsafe { s.max(max, s.load_first(x.as_ptr().add(at), left)) };
        }
    }
    max
}

simd_fn! {
    /// Gradient of [`max_pool_pixels`]: each number of dy goes to the first maximum of its window,
    /// row by row. Overwrites the pixels of `dx`, which lies as x does; `dy` lies as y.
    ///
    /// # Panics
    ///
    /// As [`max_pool_pixels`].
    pub fn max_pool_grad_pixels(
        s,
        dx: &mut [f32],
        x: &[f32],
        x_layout: &Pixels,
        dy: &[f32],
        y_layout: &Pixels,
        window: &Window,
    ) {
        check_pixels(window, x_layout, x.len().min(dx.len()), y_layout, dy.len());
        zero_pixels(dx, x_layout);
        let channels = x_layout.channels;
        // Where no windows overlap, nothing has to be added.
        let apart = (0..2).all(|axis| {
            (window.size[axis].max(1) - 1) * window.dilation[axis] < window.stride[axis]
        });
        for i in 0..y_layout.height {
            let rows = taps(window, 0, i, x_layout.height);
            for j in 0..y_layout.width {
                let columns = taps(window, 1, j, x_layout.width);
                let to = y_layout.origin() + i * y_layout.row() + j * channels;
                let from = x_layout.origin() + rows.at * x_layout.row() + columns.at * channels;
                let mut c = 0;
                while c < channels {
                    let left = channels - c;
                    let max = window_max(
                        s, x, from + c, left, rows.n, columns.n, x_layout, window);
                    // SAFETY: this pixel has `left` numbers left.
                    let mut g = unsafe { s.load_first(dy.as_ptr().add(to + c), left) };
                    for a in 0..rows.n {
                        for b in 0..columns.n {
                            let at = from + c + a * window.dilation[0] * x_layout.row()
                                + b * window.dilation[1] * channels;
                            // SAFETY: the pixel lies inside and has `left` channels from here on.
                            unsafe {
                                let hit = s.eq(s.load_first(x.as_ptr().add(at), left), max);
                                let d = dx.as_mut_ptr().add(at);
                                let part = s.select(hit, g, s.splat(0.0));
                                let part = if apart {
                                    part
                                } else {
                                    s.add(s.load_first(d, left), part)
                                };
                                s.store_first(d, left, part);
                                // Given away: the next equal number gets nothing.
                                g = s.select(hit, s.splat(0.0), g);
                            }
                        }
                    }
                    c += S::LANES;
                }
            }
        }
    }
}

simd_fn! {
    /// `y` = the maximum of each window of `x`; overwrites the pixels of y.
    ///
    /// # Panics
    ///
    /// If channels differ, slices are shorter than their layouts, or a window lies outside.
    pub fn max_pool_planes(
        s,
        y: &mut [f32],
        y_layout: &Planes,
        x: &[f32],
        x_layout: &Planes,
        window: &Window,
    ) {
        check_planes(window, x_layout, x.len(), y_layout, y.len());
        let two_by_two = is_two_by_two(window, x_layout, y_layout);
        let global = is_global(window, x_layout, y_layout);
        for channel in 0..x_layout.channels {
            for i in 0..y_layout.height {
                let to = row_of(y_layout, channel, i);
                let y = &mut y[to..to + y_layout.width];
                if two_by_two {
                    let upper = &x[row_of(x_layout, channel, 2 * i)..][..2 * y.len()];
                    let lower = &x[row_of(x_layout, channel, 2 * i + 1)..][..2 * y.len()];
                    two_by_two_row(s, y, upper, lower);
                } else if global {
                    y[0] = plane_max(s, x, x_layout, channel);
                } else {
                    plane_row(s, y, i, x, x_layout, channel, window);
                }
            }
        }
    }
}

#[inline(always)]
fn two_by_two_row<S: Simd>(s: S, y: &mut [f32], upper: &[f32], lower: &[f32]) {
    let mut j = 0;
    while j < y.len() {
        let left = y.len() - j;
        // SAFETY: both rows have `2 * left` numbers from `2 * j` on, y has `left` from j on.
        unsafe {
            let (a, b) = load_pair(s, upper.as_ptr().add(2 * j), 2 * left);
            let (c, d) = load_pair(s, lower.as_ptr().add(2 * j), 2 * left);
            let (even, odd) = s.deinterleave(s.max(a, c), s.max(b, d));
            s.store_first(y.as_mut_ptr().add(j), left, s.max(even, odd));
        }
        j += S::LANES;
    }
}

/// Two vectors, of which `left` numbers exist.
///
/// # Safety
/// `min(left, 2 * LANES)` numbers from x on are readable.
#[inline(always)]
pub(super) unsafe fn load_pair<S: Simd>(s: S, x: *const f32, left: usize) -> (S::V, S::V) {
    let second = x.wrapping_add(S::LANES);
    // SAFETY: the caller's promise.
    unsafe { (s.load_first(x, left), s.load_first(second, left.saturating_sub(S::LANES))) }
}

#[inline(always)]
fn plane_max<S: Simd>(s: S, x: &[f32], layout: &Planes, channel: usize) -> f32 {
    let lowest = s.splat(f32::NEG_INFINITY);
    let mut max = lowest;
    for i in 0..layout.height {
        let row = &x[row_of(layout, channel, i)..][..layout.width];
        let mut j = 0;
        while j < row.len() {
            // SAFETY: the row has `row.len() - j` numbers from j on.
            let v = unsafe { s.load_first_or(row.as_ptr().add(j), row.len() - j, lowest) };
            max = s.max(max, v);
            j += S::LANES;
        }
    }
    s.largest(max)
}

/// Row `i` of the result for any window.
#[inline(always)]
fn plane_row<S: Simd>(
    s: S,
    y: &mut [f32],
    i: usize,
    x: &[f32],
    layout: &Planes,
    channel: usize,
    window: &Window,
) {
    let rows = taps(window, 0, i, layout.height);
    let width = y.len();
    let mut j = 0;
    while j < width {
        let columns = taps(window, 1, j, layout.width);
        let from = row_of(layout, channel, rows.at) + columns.at;
        let together = whole_windows(window, j, layout.width, width, S::LANES);
        let mut max = s.splat(f32::NEG_INFINITY);
        let mut one = f32::NEG_INFINITY;
        for a in 0..rows.n {
            for b in 0..columns.n {
                let at = from + a * window.dilation[0] * layout.row + b * window.dilation[1];
                if 0 < together {
                    // SAFETY: this tap of so many windows lies in the row.
                    let v =
                        unsafe { load_strided(s, x.as_ptr().add(at), window.stride[1], together) };
                    max = s.max(max, v);
                } else if x[at] > one {
                    one = x[at];
                }
            }
        }
        if 0 < together {
            // SAFETY: so many windows from j on lie in the row.
            unsafe { s.store_first(y.as_mut_ptr().add(j), together, max) };
            j += together;
        } else {
            y[j] = one;
            j += 1;
        }
    }
}

simd_fn! {
    /// Gradient of [`max_pool_planes`]: each number of dy goes to the first maximum of its window,
    /// row by row. Overwrites the pixels of `dx`, which lies as x does; `dy` lies as y.
    ///
    /// # Panics
    ///
    /// As [`max_pool_planes`].
    pub fn max_pool_grad_planes(
        s,
        dx: &mut [f32],
        x: &[f32],
        x_layout: &Planes,
        dy: &[f32],
        y_layout: &Planes,
        window: &Window,
    ) {
        check_planes(window, x_layout, x.len().min(dx.len()), y_layout, dy.len());
        let two_by_two = is_two_by_two(window, x_layout, y_layout);
        // `first_maxima` counts elements in `f32`.
        let countable = x_layout.plane() < 1 << 24;
        for channel in 0..x_layout.channels {
            if two_by_two {
                for i in 0..y_layout.height {
                    let dy = &dy[row_of(y_layout, channel, i)..][..y_layout.width];
                    let upper = row_of(x_layout, channel, 2 * i);
                    two_by_two_row_grad(s, dx, x, upper, x_layout, dy);
                }
                if x_layout.height > 2 * y_layout.height {
                    for i in 2 * y_layout.height..x_layout.height {
                        dx[row_of(x_layout, channel, i)..][..x_layout.width].fill(0.0);
                    }
                }
                continue;
            }
            zero_plane(dx, x_layout, channel);
            for i in 0..y_layout.height {
                let rows = taps(window, 0, i, x_layout.height);
                let mut j = 0;
                while j < y_layout.width {
                    let columns = taps(window, 1, j, x_layout.width);
                    let from = row_of(x_layout, channel, rows.at) + columns.at;
                    let dy = &dy[row_of(y_layout, channel, i) + j..];
                    let n = whole_windows(window, j, x_layout.width, y_layout.width, S::LANES);
                    if 0 < n && countable {
                        let offsets =
                            first_maxima(s, &x[from..], rows.n, x_layout.row, window, n);
                        for lane in 0..n {
                            let at = from + lane * window.stride[1] + offsets[lane] as usize;
                            dx[at] += dy[lane];
                        }
                        j += n;
                        continue;
                    }
                    let mut best = from;
                    for a in 0..rows.n {
                        for b in 0..columns.n {
                            let at = from
                                + a * window.dilation[0] * x_layout.row
                                + b * window.dilation[1];
                            if x[at] > x[best] {
                                best = at;
                            }
                        }
                    }
                    dx[best] += dy[0];
                    j += 1;
                }
            }
        }
    }
}

/// For each of `n` windows, whose first taps lie at `lane * stride`, how far from there its first
/// maximum lies. All columns and the first `rows` rows of the windows count.
#[inline(always)]
fn first_maxima<S: Simd>(
    s: S,
    x: &[f32],
    rows: usize,
    row: usize,
    window: &Window,
    n: usize,
) -> [f32; MAX_LANES] {
    let (mut best, mut place) = (s.splat(f32::NEG_INFINITY), s.splat(0.0));
    for a in 0..rows {
        for b in 0..window.size[1] {
            let at = a * window.dilation[0] * row + b * window.dilation[1];
            // SAFETY: this tap of all n windows lies in the picture, as the caller has found out.
            let v = unsafe { load_strided(s, x.as_ptr().add(at), window.stride[1], n) };
            let larger = s.lt(best, v);
            best = s.select(larger, v, best);
            place = s.select(larger, s.splat(at as f32), place);
        }
    }
    s.lanes(place)
}

/// Both rows of dx under one row of dy; `upper` is where the first begins.
#[inline(always)]
fn two_by_two_row_grad<S: Simd>(
    s: S,
    dx: &mut [f32],
    x: &[f32],
    upper: usize,
    layout: &Planes,
    dy: &[f32],
) {
    let zero = s.splat(0.0);
    let lower = upper + layout.row;
    let covered = 2 * dy.len();
    assert!(x.len() >= lower + covered && dx.len() >= lower + covered);
    let mut j = 0;
    while j < dy.len() {
        let left = dy.len() - j;
        // SAFETY: both rows have `2 * left` numbers from `2 * j` on, dy has `left` from j on.
        unsafe {
            let (a, b) = load_pair(s, x.as_ptr().add(upper + 2 * j), 2 * left);
            let (c, d) = load_pair(s, x.as_ptr().add(lower + 2 * j), 2 * left);
            let (a, b) = s.deinterleave(a, b);
            let (c, d) = s.deinterleave(c, d);
            let max = s.max(s.max(a, b), s.max(c, d));
            // The gradient is handed from cell to cell until one takes it.
            let mut g = s.load_first(dy.as_ptr().add(j), left);
            let mut take = |v: S::V| {
                let hit = s.eq(v, max);
                let part = s.select(hit, g, zero);
                g = s.select(hit, zero, g);
                part
            };
            let (a, b, c, d) = (take(a), take(b), take(c), take(d));
            store_pair(s, dx.as_mut_ptr().add(upper + 2 * j), 2 * left, s.interleave(a, b));
            store_pair(s, dx.as_mut_ptr().add(lower + 2 * j), 2 * left, s.interleave(c, d));
        }
        j += S::LANES;
    }
    dx[upper + covered..upper + layout.width].fill(0.0);
    dx[lower + covered..lower + layout.width].fill(0.0);
}

/// Writes the first `left` numbers of two vectors.
///
/// # Safety
/// `min(left, 2 * LANES)` numbers from y on are writable.
#[inline(always)]
pub(super) unsafe fn store_pair<S: Simd>(s: S, y: *mut f32, left: usize, pair: (S::V, S::V)) {
    let second = y.wrapping_add(S::LANES);
    // SAFETY: the caller's promise.
    unsafe {
        s.store_first(y, left, pair.0);
        s.store_first(second, left.saturating_sub(S::LANES), pair.1);
    }
}
