//! The average.

use super::max::{load_pair, store_pair};
use super::strided::{add_strided, load_strided, whole_windows};
use super::{
    check_pixels, check_planes, is_global, is_two_by_two, row_of, taps, zero_pixels, zero_plane,
};
use crate::layout::{Pixels, Planes, Window};
use crate::simd::{Simd, simd_fn};

simd_fn! {
    /// `y` = the average of the pixels of `x` in each window; overwrites the pixels of y.
    ///
    /// # Panics
    ///
    /// If channels differ, slices are shorter than their layouts, or a window lies outside.
    pub fn average_pool_pixels(
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
                let count = s.splat((rows.n * columns.n) as f32);
                let mut c = 0;
                while c < channels {
                    let left = channels - c;
                    let mut sum = s.splat(0.0);
                    for a in 0..rows.n {
                        // Row by row, so that long sums stay exact.
                        let mut row = s.splat(0.0);
                        for b in 0..columns.n {
                            let at = from + c + a * window.dilation[0] * x_layout.row()
                                + b * window.dilation[1] * channels;
                            // SAFETY: the pixel lies inside and has `left` channels from here on.
                            row = unsafe { s.add(row, s.load_first(x.as_ptr().add(at), left)) };
                        }
                        sum = s.add(sum, row);
                    }
                    // SAFETY: this pixel has `left` numbers left.
                    unsafe {
                        s.store_first(y.as_mut_ptr().add(to + c), left, s.div(sum, count));
                    }
                    c += S::LANES;
                }
            }
        }
    }
}

simd_fn! {
    /// Gradient of [`average_pool_pixels`]: each number of dy is shared evenly by its window.
    /// Overwrites the pixels of `dx`, which lies as x does; `dy` lies as y.
    ///
    /// # Panics
    ///
    /// As [`average_pool_pixels`].
    pub fn average_pool_grad_pixels(
        s,
        dx: &mut [f32],
        x_layout: &Pixels,
        dy: &[f32],
        y_layout: &Pixels,
        window: &Window,
    ) {
        check_pixels(window, x_layout, dx.len(), y_layout, dy.len());
        zero_pixels(dx, x_layout);
        let channels = x_layout.channels;
        for i in 0..y_layout.height {
            let rows = taps(window, 0, i, x_layout.height);
            for j in 0..y_layout.width {
                let columns = taps(window, 1, j, x_layout.width);
                let to = y_layout.origin() + i * y_layout.row() + j * channels;
                let from = x_layout.origin() + rows.at * x_layout.row() + columns.at * channels;
                let count = s.splat((rows.n * columns.n) as f32);
                let mut c = 0;
                while c < channels {
                    let left = channels - c;
                    // SAFETY: this pixel has `left` numbers left.
                    let g = unsafe { s.load_first(dy.as_ptr().add(to + c), left) };
                    let g = s.div(g, count);
                    for a in 0..rows.n {
                        for b in 0..columns.n {
                            let at = from + c + a * window.dilation[0] * x_layout.row()
                                + b * window.dilation[1] * channels;
                            // SAFETY: the pixel lies inside and has `left` channels from here on.
                            unsafe {
                                let d = dx.as_mut_ptr().add(at);
                                s.store_first(d, left, s.add(s.load_first(d, left), g));
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
    /// `y` = the average of the pixels of `x` in each window; overwrites the pixels of y.
    ///
    /// # Panics
    ///
    /// If channels differ, slices are shorter than their layouts, or a window lies outside.
    pub fn average_pool_planes(
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
                    y[0] = plane_average(s, x, x_layout, channel);
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
            let (even, odd) = s.deinterleave(s.add(a, c), s.add(b, d));
            let average = s.mul(s.add(even, odd), s.splat(0.25));
            s.store_first(y.as_mut_ptr().add(j), left, average);
        }
        j += S::LANES;
    }
}

#[inline(always)]
fn plane_average<S: Simd>(s: S, x: &[f32], layout: &Planes, channel: usize) -> f32 {
    // Rows in f32, their total in f64: long sums stay exact.
    let mut total = 0.0;
    for i in 0..layout.height {
        let row = &x[row_of(layout, channel, i)..][..layout.width];
        let mut sum = s.splat(0.0);
        let mut j = 0;
        while j < row.len() {
            // SAFETY: the row has `row.len() - j` numbers from j on.
            sum = unsafe { s.add(sum, s.load_first(row.as_ptr().add(j), row.len() - j)) };
            j += S::LANES;
        }
        total += f64::from(s.sum(sum));
    }
    (total / (layout.height * layout.width) as f64) as f32
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
        let mut sum = s.splat(0.0);
        let mut one = 0.0;
        for a in 0..rows.n {
            for b in 0..columns.n {
                let at = from + a * window.dilation[0] * layout.row + b * window.dilation[1];
                if 0 < together {
                    // SAFETY: this tap of so many windows lies in the row.
                    let v =
                        unsafe { load_strided(s, x.as_ptr().add(at), window.stride[1], together) };
                    sum = s.add(sum, v);
                } else {
                    one += x[at];
                }
            }
        }
        let count = (rows.n * columns.n) as f32;
        if 0 < together {
            let average = s.div(sum, s.splat(count));
            // SAFETY: so many windows from j on lie in the row.
            unsafe { s.store_first(y.as_mut_ptr().add(j), together, average) };
            j += together;
        } else {
            y[j] = one / count;
            j += 1;
        }
    }
}

simd_fn! {
    /// Gradient of [`average_pool_planes`]: each number of dy is shared evenly by its window.
    /// Overwrites the pixels of `dx`, which lies as x does; `dy` lies as y.
    ///
    /// # Panics
    ///
    /// As [`average_pool_planes`].
    pub fn average_pool_grad_planes(
        s,
        dx: &mut [f32],
        x_layout: &Planes,
        dy: &[f32],
        y_layout: &Planes,
        window: &Window,
    ) {
        check_planes(window, x_layout, dx.len(), y_layout, dy.len());
        let two_by_two = is_two_by_two(window, x_layout, y_layout);
        for channel in 0..x_layout.channels {
            zero_plane(dx, x_layout, channel);
            for i in 0..y_layout.height {
                let dy = &dy[row_of(y_layout, channel, i)..][..y_layout.width];
                if two_by_two {
                    let at = row_of(x_layout, channel, 2 * i);
                    two_by_two_row_grad(s, &mut dx[at..], x_layout.row, dy);
                    continue;
                }
                let rows = taps(window, 0, i, x_layout.height);
                let mut j = 0;
                while j < dy.len() {
                    let columns = taps(window, 1, j, x_layout.width);
                    let from = row_of(x_layout, channel, rows.at) + columns.at;
                    let count = (rows.n * columns.n) as f32;
                    let together = whole_windows(window, j, x_layout.width, dy.len(), S::LANES);
                    if 0 < together {
                        // SAFETY: so many windows from j on lie in the row.
                        let g = unsafe { s.load_first(dy.as_ptr().add(j), together) };
                        let g = s.div(g, s.splat(count));
                        for a in 0..rows.n {
                            for b in 0..columns.n {
                                let at = from
                                    + a * window.dilation[0] * x_layout.row
                                    + b * window.dilation[1];
                                // SAFETY: this tap of so many windows lies in the row.
                                unsafe {
                                    let to = dx.as_mut_ptr().add(at);
                                    add_strided(s, to, window.stride[1], together, g);
                                }
                            }
                        }
                        j += together;
                        continue;
                    }
                    let g = dy[j] / count;
                    j += 1;
                    for a in 0..rows.n {
                        for b in 0..columns.n {
                            dx[from + a * window.dilation[0] * x_layout.row
                                + b * window.dilation[1]] += g;
                        }
                    }
                }
            }
        }
    }
}

/// Both rows of dx under one row of dy; they begin at 0 and at `row`.
#[inline(always)]
fn two_by_two_row_grad<S: Simd>(s: S, dx: &mut [f32], row: usize, dy: &[f32]) {
    assert!(dx.len() >= row + 2 * dy.len());
    let mut j = 0;
    while j < dy.len() {
        let left = dy.len() - j;
        // SAFETY: both rows have `2 * left` numbers from `2 * j` on, dy has `left` from j on.
        unsafe {
            let g = s.mul(s.load_first(dy.as_ptr().add(j), left), s.splat(0.25));
            let pair = s.interleave(g, g);
            store_pair(s, dx.as_mut_ptr().add(2 * j), 2 * left, pair);
            store_pair(s, dx.as_mut_ptr().add(row + 2 * j), 2 * left, pair);
        }
        j += S::LANES;
    }
}
