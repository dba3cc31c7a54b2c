//! The tiles of forward and input gradient: some pixels of a row times one or two vectors of
//! output channels, which stay in registers until they are complete.

use crate::Isa;
use crate::conv::blocks::{even_blocks, with_constant};
use crate::conv::simd::{ConvSimd, Kernel, dispatch, limits};

/// A grid of output pixels and the taps that each of them reads. All steps are in elements.
///
/// Whoever makes one answers for its pointers: every read and write that it describes lies inside
/// of the slices it came from.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    /// What the first tap of output pixel `(0, 0)` reads.
    pub(super) x: *const f32,
    /// From what one output pixel reads to what its right and its lower neighbor read.
    pub(super) x_pixel: usize,
    pub(super) x_row: usize,
    /// Rows and columns of taps.
    pub(super) taps: [usize; 2],
    /// From one tap to the next, down and right, in `x` and in the weights.
    pub(super) x_tap: [isize; 2],
    pub(super) weights_tap: [usize; 2],
    /// Input channels per tap, and how far they lie from each other.
    pub(super) depth: usize,
    pub(super) x_depth: usize,
    pub(super) weights: *const f32,
    /// Weights from one input channel to the next.
    pub(super) weights_step: usize,
    /// Weights from one row of output pixels to the next; 0 if all rows have the same.
    pub(super) weights_row: usize,
    pub(super) bias: Option<*const f32>,
    pub(super) relu: bool,
    pub(super) y: *mut f32,
    pub(super) y_pixel: usize,
    pub(super) y_row: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Output channels.
    pub(super) channels: usize,
}

/// Bias, ReLU and the way to memory, for `V` vectors of channels of a pixel.
#[inline(always)]
pub(super) unsafe fn finish<S: ConvSimd, const V: usize>(
    s: S,
    grid: &Grid,
    to: *mut f32,
    masks: &[S::Mask; V],
    mut sums: [S::V; V],
    bias: &[S::V; V],
) {
    for v in 0..V {
        sums[v] = s.add(sums[v], bias[v]);
        if grid.relu {
            sums[v] = s.max(s.splat(0.0), sums[v]);
        }
        let to = to.wrapping_add(v * S::LANES);
        // SAFETY: the grid's promise; only lanes of channels are written.
        unsafe {
            if grid.channels >= (v + 1) * S::LANES {
                s.store(to, sums[v]);
            } else {
                s.store_masked(to, masks[v], sums[v]);
            }
        }
    }
}

/// Masks of the channels that `V` vectors hold.
#[inline(always)]
pub(super) fn channel_masks<S: ConvSimd, const V: usize>(s: S, channels: usize) -> [S::Mask; V] {
    let mut masks = [s.mask(0, 0); V];
    for v in 0..V {
        masks[v] = s.mask(0, channels.saturating_sub(v * S::LANES).min(S::LANES));
    }
    masks
}

#[inline(always)]
pub(super) unsafe fn load_bias<S: ConvSimd, const V: usize>(
    s: S,
    grid: &Grid,
    masks: &[S::Mask; V],
) -> [S::V; V] {
    let mut vectors = [s.splat(0.0); V];
    if let Some(bias) = grid.bias {
        for v in 0..V {
            // SAFETY: the grid's promise; only channels are read.
            vectors[v] =
                unsafe { s.load_over(vectors[v], bias.wrapping_add(v * S::LANES), masks[v]) };
        }
    }
    vectors
}

/// `P` pixels times `V` vectors; the grid's columns are a multiple of `P`.
struct Dense<const P: usize, const V: usize>(Grid);

impl<const P: usize, const V: usize> Kernel for Dense<P, V> {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        if const { P * 2 > S::ACCUMULATORS } {
            unreachable!("no tile is chosen beyond the limits");
        }
        let grid = &self.0;
        let Grid { x_pixel, depth, x_depth, weights_step, taps, x_tap, weights_tap, .. } = *grid;
        let masks = channel_masks::<S, V>(s, grid.channels);
        // SAFETY: the grid's promise.
        let bias = unsafe { load_bias(s, grid, &masks) };
        for row in 0..grid.rows {
            let row_weights = grid.weights.wrapping_add(row * grid.weights_row);
            for first in (0..grid.columns).step_by(P) {
                let x = grid.x.wrapping_add(row * grid.x_row + first * x_pixel);
                let mut sums = [[s.splat(0.0); V]; P];
                for i in 0..taps[0] {
                    for j in 0..taps[1] {
                        let step = i as isize * x_tap[0] + j as isize * x_tap[1];
                        let mut from = x.wrapping_offset(step);
                        let mut weights =
                            row_weights.wrapping_add(i * weights_tap[0] + j * weights_tap[1]);
                        for _ in 0..depth {
                            let mut weight = [s.splat(0.0); V];
                            // SAFETY: the grid's promise; weights are padded to whole vectors.
                            unsafe {
                                for v in 0..V {
                                    weight[v] = s.load(weights.add(v * S::LANES));
                                }
                                for p in 0..P {
                                    let pixel = s.splat(*from.add(p * x_pixel));
                                    for v in 0..V {
                                        sums[p][v] = s.mul_add(pixel, weight[v], sums[p][v]);
                                    }
                                }
                            }
                            from = from.wrapping_add(x_depth);
                            weights = weights.wrapping_add(weights_step);
                        }
                    }
                }
                let y = grid.y.wrapping_add(row * grid.y_row + first * grid.y_pixel);
                for p in 0..P {
                    // SAFETY: the grid's promise.
                    unsafe {
                        let to = y.wrapping_add(p * grid.y_pixel);
                        finish(s, grid, to, &masks, sums[p], &bias);
                    }
                }
            }
        }
    }
}

/// `P` pixels times one vector of channels, each channel with its own weights; the grid's columns
/// are a multiple of `P`.
struct Depthwise<const P: usize>(Grid);

impl<const P: usize> Kernel for Depthwise<P> {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        if const { P > S::ACCUMULATORS } {
            unreachable!("no tile is chosen beyond the limits");
        }
        let grid = &self.0;
        let Grid { x_pixel, taps, x_tap, weights_tap, .. } = *grid;
        let masks = channel_masks::<S, 1>(s, grid.channels);
        let full = grid.channels >= S::LANES;
        let zero = s.splat(0.0);
        // SAFETY: the grid's promise.
        let bias = unsafe { load_bias(s, grid, &masks) };
        for row in 0..grid.rows {
            for first in (0..grid.columns).step_by(P) {
                let x = grid.x.wrapping_add(row * grid.x_row + first * x_pixel);
                let mut sums = [zero; P];
                for i in 0..taps[0] {
                    for j in 0..taps[1] {
                        let step = i as isize * x_tap[0] + j as isize * x_tap[1];
                        let from = x.wrapping_offset(step);
                        let weights =
                            grid.weights.wrapping_add(i * weights_tap[0] + j * weights_tap[1]);
                        // SAFETY: the grid's promise; weights are padded to whole vectors.
                        unsafe {
                            let weight = s.load(weights);
                            for p in 0..P {
                                let at = from.wrapping_add(p * x_pixel);
                                let pixel =
                                    if full { s.load(at) } else { s.load_over(zero, at, masks[0]) };
                                sums[p] = s.mul_add(pixel, weight, sums[p]);
                            }
                        }
                    }
                }
                let y = grid.y.wrapping_add(row * grid.y_row + first * grid.y_pixel);
                for p in 0..P {
                    // SAFETY: the grid's promise.
                    unsafe {
                        let to = y.wrapping_add(p * grid.y_pixel);
                        finish(s, grid, to, &masks, [sums[p]], &bias);
                    }
                }
            }
        }
    }
}

/// Cuts the columns of `grid` into tiles of at most `largest` pixels, as even as possible, and
/// calls `strip` with a grid for each tile size and the size.
pub(super) fn for_strips(grid: Grid, largest: usize, mut strip: impl FnMut(Grid, usize)) {
    let mut strips = [(0, 0, 0); 2];
    let mut n_strips = 0;
    for (start, size) in even_blocks(grid.columns, largest) {
        if n_strips == 0 || strips[n_strips - 1].1 != size {
            strips[n_strips] = (start, size, 0);
            n_strips += 1;
        }
        strips[n_strips - 1].2 += size;
    }
    for &(start, size, columns) in &strips[..n_strips] {
        let x = grid.x.wrapping_add(start * grid.x_pixel);
        let y = grid.y.wrapping_add(start * grid.y_pixel);
        strip(Grid { x, y, columns, ..grid }, size);
    }
}

/// Computes all channels of a grid whose weights are one panel.
///
/// # Safety
/// The grid's promise holds.
pub(super) unsafe fn dense_panel(isa: Isa, grid: Grid) {
    let limits = limits(isa);
    let vectors = 2 * limits.lanes;
    for first in (0..grid.channels).step_by(vectors) {
        let channels = (grid.channels - first).min(vectors);
        let part = Grid {
            weights: grid.weights.wrapping_add(first),
            bias: grid.bias.map(|bias| bias.wrapping_add(first)),
            y: grid.y.wrapping_add(first),
            channels,
            ..grid
        };
        for_strips(part, limits.accumulators / 2, |strip, pixels| {
            with_constant!(pixels, P => {
                if channels > limits.lanes {
                    // SAFETY: a part of the caller's grid.
                    unsafe { dispatch(isa, Dense::<P, 2>(strip)) }
                } else {
                    // SAFETY: a part of the caller's grid.
                    unsafe { dispatch(isa, Dense::<P, 1>(strip)) }
                }
            });
        });
    }
}

/// Computes all channels of a depthwise grid.
///
/// # Safety
/// The grid's promise holds.
pub(super) unsafe fn depthwise(isa: Isa, grid: Grid) {
    let limits = limits(isa);
    for first in (0..grid.channels).step_by(limits.lanes) {
        let part = Grid {
            x: grid.x.wrapping_add(first),
            weights: grid.weights.wrapping_add(first),
            bias: grid.bias.map(|bias| bias.wrapping_add(first)),
            y: grid.y.wrapping_add(first),
            channels: (grid.channels - first).min(limits.lanes),
            ..grid
        };
        for_strips(part, 8, |strip, pixels| {
            with_constant!(pixels, P => {
                // SAFETY: a part of the caller's grid.
                unsafe { dispatch(isa, Depthwise::<{ if P <= 8 { P } else { 1 } }>(strip)) }
            });
        });
    }
}
