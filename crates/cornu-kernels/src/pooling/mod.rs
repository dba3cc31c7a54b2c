//! Maximum and average over windows of a picture.
//!
//! One call works on one sample. Cells of a window that lie outside of the picture never count:
//! the maximum ignores them, the average divides by the number of cells inside. A window must not
//! lie outside entirely. Only pixels are read and written, never a halo.
//!
//! Every kernel exists for both [layouts](crate::layout): `..._pixels` for channels side by side,
//! whose vectors run along the channels, and `..._planes`, whose vectors run along the rows.

mod average;
mod max;
mod strided;
mod volumes;

pub use average::{
    average_pool_grad_pixels, average_pool_grad_planes, average_pool_pixels, average_pool_planes,
};
pub use max::{max_pool_grad_pixels, max_pool_grad_planes, max_pool_pixels, max_pool_planes};
pub use volumes::{
    Volumes, average_pool_grad_volumes, average_pool_volumes, max_pool_grad_volumes,
    max_pool_volumes,
};

use crate::layout::{Pixels, Planes, Window};

/// The taps of a window, along one axis, that lie inside of the picture: the first, one past the
/// last, and the pixel under the first.
#[derive(Clone, Copy)]
struct Taps {
    n: usize,
    /// The input pixel under the first of them.
    at: usize,
}

/// The taps for output pixel `o` along `axis` of a picture of `len` pixels.
#[inline(always)]
fn taps(window: &Window, axis: usize, o: usize, len: usize) -> Taps {
    let (begin, before) = (o * window.stride[axis], window.before[axis]);
    let dilation = window.dilation[axis];
    let first = before.saturating_sub(begin).div_ceil(dilation);
    let at = begin + first * dilation - before.min(begin + first * dilation);
    let inside = if at < len { (len - 1 - at) / dilation + 1 } else { 0 };
    Taps { n: window.size[axis].saturating_sub(first).min(inside), at }
}

/// Whether windows are 2 x 2, side by side, from the corner on, and inside of the picture.
fn is_two_by_two(window: &Window, x: &Planes, y: &Planes) -> bool {
    window.size == [2, 2]
        && window.stride == [2, 2]
        && window.dilation == [1, 1]
        && window.before == [0, 0]
        && 2 * y.height <= x.height
        && 2 * y.width <= x.width
}

/// Whether the one window covers the whole picture.
fn is_global(window: &Window, x: &Planes, y: &Planes) -> bool {
    let covers = |axis: usize, len: usize| {
        window.dilation[axis] == 1 && window.size[axis] >= window.before[axis] + len
    };
    y.height == 1 && y.width == 1 && covers(0, x.height) && covers(1, x.width)
}

fn check(window: &Window, x: [usize; 2], y: [usize; 2]) {
    assert!(window.dilation[0] > 0 && window.dilation[1] > 0, "dilation");
    for axis in 0..2 {
        for o in 0..y[axis] {
            assert!(taps(window, axis, o, x[axis]).n > 0, "window {o} lies outside");
        }
    }
}

fn check_pixels(window: &Window, x: &Pixels, x_len: usize, y: &Pixels, y_len: usize) {
    assert_eq!(x.channels, y.channels, "channels");
    assert!(x_len >= x.len() && y_len >= y.len(), "lengths");
    check(window, [x.height, x.width], [y.height, y.width]);
}

fn check_planes(window: &Window, x: &Planes, x_len: usize, y: &Planes, y_len: usize) {
    assert_eq!(x.channels, y.channels, "channels");
    assert!(x_len >= x.len() && y_len >= y.len(), "lengths");
    let fits = |a: &Planes| a.row >= a.halo.left + a.width + a.halo.right;
    assert!(fits(x) && fits(y), "rows are shorter than the picture");
    check(window, [x.height, x.width], [y.height, y.width]);
}

/// Sets all pixels to zero.
fn zero_pixels(data: &mut [f32], layout: &Pixels) {
    for i in 0..layout.height {
        let at = layout.origin() + i * layout.row();
        data[at..at + layout.width * layout.channels].fill(0.0);
    }
}

/// Sets the pixels of one channel to zero.
fn zero_plane(data: &mut [f32], layout: &Planes, channel: usize) {
    for i in 0..layout.height {
        let at = row_of(layout, channel, i);
        data[at..at + layout.width].fill(0.0);
    }
}

/// Where row `i` of a channel begins.
#[inline(always)]
fn row_of(layout: &Planes, channel: usize, i: usize) -> usize {
    channel * layout.plane() + layout.origin() + i * layout.row
}

#[cfg(test)]
mod tests;
