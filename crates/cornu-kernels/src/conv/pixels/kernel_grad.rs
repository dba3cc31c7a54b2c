//! Gradients of kernel and bias: tiles of some weights that add up over pixels in registers.

use super::grouped::grouped_grad;
use super::tile::channel_masks;
use super::{Groups, assert_readable};
use crate::Isa;
use crate::conv::blocks::{even_blocks, with_constant};
use crate::conv::simd::{ConvSimd, Kernel, dispatch, limits};
use crate::layout::{Pixels, Window};

/// Pixels that are worked on at a time, so that they stay in the nearest cache while all weights
/// are visited.
const STRIP: usize = 128;

/// A grid of output pixels, and the weights whose gradient they add to.
///
/// Whoever makes one answers for its pointers: every read and write that it describes lies inside
/// of the slices it came from.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    pub(super) x: *const f32,
    pub(super) x_pixel: usize,
    pub(super) x_row: usize,
    pub(super) dy: *const f32,
    pub(super) dy_pixel: usize,
    pub(super) dy_row: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) d_kernel: *mut f32,
    /// From the gradients of one input channel's weights to the next's.
    pub(super) d_kernel_row: usize,
    /// From one input to the next: neighboring channels, or a depthwise kernel's columns.
    pub(super) x_step: usize,
    pub(super) channels: usize,
}

/// Adds `sums` to what lies at `to`.
#[inline(always)]
pub(super) unsafe fn add_to<S: ConvSimd>(s: S, to: *mut f32, mask: S::Mask, sums: S::V) {
    // SAFETY: the grid's promise; only lanes of channels are touched.
    unsafe {
        let before = s.load_over(s.splat(0.0), to, mask);
        s.store_masked(to, mask, s.add(before, sums));
    }
}

/// `A` inputs times `V` vectors of output channels.
struct Dense<const A: usize, const V: usize>(Grid);

impl<const A: usize, const V: usize> Kernel for Dense<A, V> {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        if const { A * 2 > S::ACCUMULATORS } {
            unreachable!("no tile is chosen beyond the limits");
        }
        let grid = &self.0;
        let Grid { x_pixel, dy_pixel, channels, .. } = *grid;
        let masks = channel_masks::<S, V>(s, channels);
        let zero = s.splat(0.0);
        let mut sums = [[zero; V]; A];
        for row in 0..grid.rows {
            let mut x = grid.x.wrapping_add(row * grid.x_row);
            let mut dy = grid.dy.wrapping_add(row * grid.dy_row);
            for _ in 0..grid.columns {
                let mut gradient = [zero; V];
                // SAFETY: the grid's promise; only lanes of channels are read.
                unsafe {
                    for v in 0..V {
                        let from = dy.wrapping_add(v * S::LANES);
                        // Only the last vector may have lanes without a channel.
                        gradient[v] = if v + 1 < V {
                            s.load(from)
                        } else {
                            s.load_over(zero, from, masks[v])
                        };
                    }
                    for a in 0..A {
                        let input = s.splat(*x.add(a));
                        for v in 0..V {
                            sums[a][v] = s.mul_add(input, gradient[v], sums[a][v]);
                        }
                    }
                }
                x = x.wrapping_add(x_pixel);
                dy = dy.wrapping_add(dy_pixel);
            }
        }
        for a in 0..A {
            for v in 0..V {
                let to = grid.d_kernel.wrapping_add(a * grid.d_kernel_row + v * S::LANES);
                // SAFETY: the grid's promise.
                unsafe { add_to(s, to, masks[v], sums[a][v]) };
            }
        }
    }
}

/// `T` taps of one vector of channels, each channel with its own weights.
struct Depthwise<const T: usize>(Grid);

impl<const T: usize> Kernel for Depthwise<T> {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        if const { T > S::ACCUMULATORS } {
            unreachable!("no tile is chosen beyond the limits");
        }
        let grid = &self.0;
        let Grid { x_pixel, dy_pixel, x_step, .. } = *grid;
        let [mask] = channel_masks::<S, 1>(s, grid.channels);
        let zero = s.splat(0.0);
        let mut sums = [zero; T];
        for row in 0..grid.rows {
            let mut x = grid.x.wrapping_add(row * grid.x_row);
            let mut dy = grid.dy.wrapping_add(row * grid.dy_row);
            for _ in 0..grid.columns {
                // SAFETY: the grid's promise; only lanes of channels are read.
                unsafe {
                    let gradient = s.load_over(zero, dy, mask);
                    for t in 0..T {
                        let input = s.load_over(zero, x.wrapping_add(t * x_step), mask);
                        sums[t] = s.mul_add(input, gradient, sums[t]);
                    }
                }
                x = x.wrapping_add(x_pixel);
                dy = dy.wrapping_add(dy_pixel);
            }
        }
        for t in 0..T {
            let to = grid.d_kernel.wrapping_add(t * grid.d_kernel_row);
            // SAFETY: the grid's promise.
            unsafe { add_to(s, to, mask, sums[t]) };
        }
    }
}

/// Calls `strip` with grids of at most about [`STRIP`] pixels that make up `grid`.
fn for_strips(mut grid: Grid, mut strip: impl FnMut(Grid)) {
    if grid.x_row == grid.columns * grid.x_pixel && grid.dy_row == grid.columns * grid.dy_pixel {
        grid = Grid { rows: 1, columns: grid.rows * grid.columns, ..grid };
    }
    let strip_rows = (STRIP / grid.columns).max(1);
    for row in (0..grid.rows).step_by(strip_rows) {
        let rows = strip_rows.min(grid.rows - row);
        for (column, columns) in even_blocks(grid.columns, 2 * STRIP) {
            strip(Grid {
                x: grid.x.wrapping_add(row * grid.x_row + column * grid.x_pixel),
                dy: grid.dy.wrapping_add(row * grid.dy_row + column * grid.dy_pixel),
                rows,
                columns,
                ..grid
            });
        }
    }
}

/// All weights of `inputs` neighboring inputs and `outputs` output channels.
///
/// # Safety
/// The grid's promise holds for all of them.
unsafe fn dense(isa: Isa, grid: Grid, inputs: usize, outputs: usize) {
    let limits = limits(isa);
    for first in (0..outputs).step_by(2 * limits.lanes) {
        let channels = (outputs - first).min(2 * limits.lanes);
        for (input, n_inputs) in even_blocks(inputs, limits.accumulators / 2) {
            let part = Grid {
                x: grid.x.wrapping_add(input),
                dy: grid.dy.wrapping_add(first),
                d_kernel: grid.d_kernel.wrapping_add(input * grid.d_kernel_row + first),
                channels,
                ..grid
            };
            with_constant!(n_inputs, A => {
                if channels > limits.lanes {
                    // SAFETY: a part of the caller's grid.
                    unsafe { dispatch(isa, Dense::<A, 2>(part)) }
                } else {
                    // SAFETY: a part of the caller's grid.
                    unsafe { dispatch(isa, Dense::<A, 1>(part)) }
                }
            });
        }
    }
}

/// `n_taps` neighboring taps of all channels.
///
/// # Safety
/// The grid's promise holds for all of them.
unsafe fn depthwise(isa: Isa, grid: Grid, n_taps: usize) {
    let lanes = limits(isa).lanes;
    for first in (0..grid.channels).step_by(lanes) {
        for (tap, n) in even_blocks(n_taps, 7) {
            let part = Grid {
                x: grid.x.wrapping_add(first + tap * grid.x_step),
                dy: grid.dy.wrapping_add(first),
                d_kernel: grid.d_kernel.wrapping_add(tap * grid.d_kernel_row + first),
                channels: (grid.channels - first).min(lanes),
                ..grid
            };
            with_constant!(n, T => {
                // SAFETY: a part of the caller's grid.
                unsafe { dispatch(isa, Depthwise::<{ if T <= 7 { T } else { 1 } }>(part)) }
            });
        }
    }
}

/// Gradient of the kernel: adds `sum over pixels of dy[pixel, f] * x[pixel under tap, c]` to
/// `d_kernel`, `(kh, kw, C / groups, F)`.
///
/// `dy` is `(H', W', F)`, its halo is not read; `x` is `(H, W, C)` with a halo as for
/// [`forward`](super::forward()).
///
/// # Panics
/// If the channels do not split into `groups`, a slice is too short, or the halo of `x` is
/// narrower than the kernel reaches.
pub fn kernel_grad(
    isa: Isa,
    d_kernel: &mut [f32],
    dy: &[f32],
    dyl: &Pixels,
    x: &[f32],
    xl: &Pixels,
    window: &Window,
    groups: usize,
) {
    let split = Groups::new(groups, xl.channels, dyl.channels);
    if dyl.is_empty() || xl.channels == 0 {
        return;
    }
    assert_readable(xl, x, [dyl.height, dyl.width], window);
    assert!(dy.len() >= dyl.len(), "gradient: {} elements, layout needs {}", dy.len(), dyl.len());
    let Window { size, stride, dilation, before } = *window;
    let filters = dyl.channels;
    let kernel_len = size[0] * size[1] * split.inputs * filters;
    assert!(d_kernel.len() >= kernel_len, "kernel gradient: fewer than {kernel_len} elements");
    let first = xl.origin() - before[0] * xl.row() - before[1] * xl.channels;
    let grid = Grid {
        x: x.as_ptr().wrapping_add(first),
        x_pixel: stride[1] * xl.channels,
        x_row: stride[0] * xl.row(),
        dy: dy[dyl.origin()..].as_ptr(),
        dy_pixel: filters,
        dy_row: dyl.row(),
        rows: dyl.height,
        columns: dyl.width,
        d_kernel: d_kernel.as_mut_ptr(),
        d_kernel_row: filters,
        x_step: dilation[1] * xl.channels,
        channels: filters,
    };
    for_strips(grid, |strip| {
        for i in 0..size[0] {
            let below = strip.x.wrapping_add(i * dilation[0] * xl.row());
            let row = strip.d_kernel.wrapping_add(i * size[1] * split.inputs * filters);
            if split.is_depthwise() {
                let part = Grid { x: below, d_kernel: row, ..strip };
                // SAFETY: halo and lengths were checked above for all pixels and channels.
                unsafe { depthwise(isa, part, size[1]) };
                continue;
            }
            if split.is_interleaved() {
                let part = Grid { x: below, d_kernel: row, ..strip };
                let channels = [split.inputs, split.outputs];
                // SAFETY: as above.
                unsafe { grouped_grad(isa, part, size[1], groups, channels) };
                continue;
            }
            if dilation[1] == 1 && groups == 1 {
                // The pixels of a kernel row are neighbors, like the channels of a pixel.
                let part = Grid { x: below, d_kernel: row, ..strip };
                // SAFETY: as above.
                unsafe { dense(isa, part, size[1] * split.inputs, filters) };
                continue;
            }
            for j in 0..size[1] {
                for group in 0..groups {
                    let to = j * split.inputs * filters + group * split.outputs;
                    let part = Grid {
                        x: below.wrapping_add(j * strip.x_step + group * split.inputs),
                        dy: strip.dy.wrapping_add(group * split.outputs),
                        d_kernel: row.wrapping_add(to),
                        ..strip
                    };
                    // SAFETY: as above.
                    unsafe { dense(isa, part, split.inputs, split.outputs) };
                }
            }
        }
    });
}

/// Adds up one vector of channels over all pixels.
struct PixelSum(Grid);

impl Kernel for PixelSum {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        let grid = &self.0;
        let [mask] = channel_masks::<S, 1>(s, grid.channels);
        let zero = s.splat(0.0);
        // Four sums in turn, so that an addition need not wait for the one before.
        let mut sums = [zero; 4];
        for row in 0..grid.rows {
            let dy = grid.dy.wrapping_add(row * grid.dy_row);
            let whole = grid.columns / 4 * 4;
            // SAFETY: the grid's promise; only lanes of channels are read.
            unsafe {
                for column in (0..whole).step_by(4) {
                    for i in 0..4 {
                        let from = dy.wrapping_add((column + i) * grid.dy_pixel);
                        sums[i] = s.add(sums[i], s.load_over(zero, from, mask));
                    }
                }
                for column in whole..grid.columns {
                    let from = dy.wrapping_add(column * grid.dy_pixel);
                    sums[0] = s.add(sums[0], s.load_over(zero, from, mask));
                }
            }
        }
        let sum = s.add(s.add(sums[0], sums[1]), s.add(sums[2], sums[3]));
        // SAFETY: the grid's promise.
        unsafe { add_to(s, grid.d_kernel, mask, sum) };
    }
}

/// Gradient of the bias: adds the sum of all pixels of each channel of `dy` to `d_bias`.
///
/// # Panics
/// If a slice is too short.
pub fn bias_grad(isa: Isa, d_bias: &mut [f32], dy: &[f32], dyl: &Pixels) {
    if dyl.is_empty() {
        return;
    }
    assert!(dy.len() >= dyl.len(), "gradient: {} elements, layout needs {}", dy.len(), dyl.len());
    assert!(d_bias.len() >= dyl.channels, "bias gradient: fewer elements than channels");
    let lanes = limits(isa).lanes;
    for first in (0..dyl.channels).step_by(lanes) {
        let dy = dy[dyl.origin() + first..].as_ptr();
        let grid = Grid {
            x: dy,
            x_pixel: 0,
            x_row: 0,
            dy,
            dy_pixel: dyl.channels,
            dy_row: dyl.row(),
            rows: dyl.height,
            columns: dyl.width,
            d_kernel: d_bias[first..].as_mut_ptr(),
            d_kernel_row: 0,
            x_step: 0,
            channels: (dyl.channels - first).min(lanes),
        };
        // SAFETY: all pixels of these channels lie in `dy`, the sums in `d_bias`.
        unsafe { dispatch(isa, PixelSum(grid)) };
    }
}
