//! Gradient of the kernel: at each point, the product of the input and of the output's gradient,
//! summed over the tiles.

use super::forward::Input;
use super::transforms::{self, along_both_axes};
use super::{IN, OUT, PANEL, POINTS, TAPS, Tiles, point_step, supports};
use crate::Isa;
use crate::conv::blocks::even_blocks;
use crate::conv::pixels::PAD;
use crate::conv::pixels::pack::panel_width;
use crate::conv::pixels::tile::{Grid, dense_panel};
use crate::conv::simd::{ConvSimd, Kernel, dispatch};
use crate::layout::{Pixels, Window};

/// Inputs whose weights are finished together.
const INPUTS: usize = 12;

/// Elements of one point's sums.
const SUMS: usize = INPUTS * PANEL + 16;

/// Elements of a strip's values at all points, of both sides, if they shall stay in the second-level
/// cache.
const STRIP_ELEMENTS: usize = 192 * 1024;
/// Fewest and most tiles of a full strip: the sums over a strip are brought back to the taps each
/// time, so longer strips pay, but only so much.
const STRIP_TILES: [usize; 2] = [24, 64];

/// Tiles of the longest strip.
fn strip_len(dyl: &Pixels, xl: &Pixels, samples: usize) -> usize {
    let [fewest, most] = STRIP_TILES;
    let per_tile = POINTS * (xl.channels + dyl.channels.next_multiple_of(PAD));
    let fitting = STRIP_ELEMENTS / per_tile.max(1);
    Tiles::new(dyl, samples).len().min(fitting.clamp(fewest, most))
}

/// Elements of scratch memory that [`kernel_grad`] needs.
pub fn kernel_grad_scratch_len(dyl: &Pixels, xl: &Pixels, samples: usize) -> usize {
    let filters = dyl.channels.next_multiple_of(PAD);
    let strip = strip_len(dyl, xl, samples);
    POINTS * (point_step(strip * xl.channels) + point_step(strip * filters) + SUMS)
}

/// Gradient of the kernel: adds `sum over pixels of dy[pixel, f] * x[pixel under tap, c]` to
/// `d_kernel`, `(3, 3, C, F)`, for `samples` samples that lie one after the other. The more tiles
/// they have in all, up to some tens, the faster.
///
/// `dy` is `(H', W', F)`, its halo is not read; `x` is `(H, W, C)` as for
/// [`forward`](super::forward()).
///
/// # Panics
/// If the window is not [supported](supports) or a slice is too short.
pub fn kernel_grad(
    isa: Isa,
    d_kernel: &mut [f32],
    dy: &[f32],
    dyl: &Pixels,
    x: &[f32],
    xl: &Pixels,
    window: &Window,
    samples: usize,
    scratch: &mut [f32],
) {
    assert!(supports(window, 1), "minimal filtering of {window:?}");
    if dyl.is_empty() || xl.channels == 0 || samples == 0 {
        return;
    }
    assert!(x.len() >= samples * xl.len(), "input: fewer than {samples} samples");
    assert!(dy.len() >= samples * dyl.len(), "gradient: fewer than {samples} samples");
    let kernel_len = TAPS * TAPS * xl.channels * dyl.channels;
    assert!(d_kernel.len() >= kernel_len, "kernel gradient: fewer than {kernel_len} elements");
    let needed = kernel_grad_scratch_len(dyl, xl, samples);
    assert!(scratch.len() >= needed, "scratch: {} elements, not {needed}", scratch.len());
    let (inputs, filters) = (xl.channels, dyl.channels);
    let (tiles, padded) = (Tiles::new(dyl, samples), filters.next_multiple_of(PAD));
    let strip = strip_len(dyl, xl, samples);
    let (sums, scratch) = scratch.split_at_mut(POINTS * SUMS);
    let (v, d) = scratch.split_at_mut(POINTS * point_step(strip * inputs));
    for (first, count) in even_blocks(tiles.len(), strip) {
        let (v_point, d_point) = (point_step(count * inputs), point_step(count * padded));
        let gradient = OutputGrad {
            dy: dy[dyl.origin()..].as_ptr(),
            layout: *dyl,
            tiles,
            first,
            count,
            d: d.as_mut_ptr(),
            d_point,
            d_tile: padded,
        };
        // SAFETY: the lengths of all samples were checked above; `v` and `d` hold a strip.
        unsafe {
            dispatch(isa, Input::new(x, xl, dyl, window, tiles, first, count, v, v_point));
            dispatch(isa, gradient);
        }
        for filter in (0..filters).step_by(PANEL) {
            let n_filters = PANEL.min(filters - filter);
            let width = panel_width(n_filters);
            for (input, n_inputs) in even_blocks(inputs, INPUTS) {
                let products = Grid {
                    x: v[input..].as_ptr(),
                    x_pixel: 1,
                    x_row: v_point,
                    taps: [1, 1],
                    x_tap: [0, 0],
                    weights_tap: [0, 0],
                    depth: count,
                    x_depth: inputs,
                    weights: d[filter..].as_ptr(),
                    weights_step: padded,
                    weights_row: d_point,
                    bias: None,
                    relu: false,
                    y: sums.as_mut_ptr(),
                    y_pixel: width,
                    y_row: SUMS,
                    rows: POINTS,
                    columns: n_inputs,
                    channels: width,
                };
                let finish = Finish {
                    sums: sums.as_ptr(),
                    width,
                    d_kernel: d_kernel[input * filters + filter..].as_mut_ptr(),
                    tap: inputs * filters,
                    input: filters,
                    n_inputs,
                    n_filters,
                };
                // SAFETY: `v` and `d` hold these channels at all points of the strip's tiles; the
                // weights of these inputs and filters lie in `d_kernel`.
                unsafe {
                    dense_panel(isa, products);
                    dispatch(isa, finish);
                }
            }
        }
    }
}

/// From a strip of the output's gradient to its values at all points, zero beyond the last filter.
struct OutputGrad {
    /// Pixel `(0, 0)` of the first sample.
    dy: *const f32,
    layout: Pixels,
    tiles: Tiles,
    first: usize,
    count: usize,
    d: *mut f32,
    d_point: usize,
    d_tile: usize,
}

impl Kernel for OutputGrad {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        let Pixels { channels, height, width, .. } = self.layout;
        let row = self.layout.row();
        for t in 0..self.count {
            let (sample, tile_row, tile_column) = self.tiles.place(self.first + t);
            let (top, left) = (tile_row * OUT, tile_column * OUT);
            let dy = self.dy.wrapping_add(sample * self.layout.len() + top * row + left * channels);
            for first in (0..self.d_tile).step_by(S::LANES) {
                let n = channels.saturating_sub(first).min(S::LANES);
                let mask = s.mask(0, n);
                let mut from = [[s.splat(0.0); OUT]; OUT];
                for i in 0..OUT {
                    for j in 0..OUT {
                        let at = dy.wrapping_add(i * row + j * channels + first);
                        if top + i < height && left + j < width {
                            // SAFETY: a pixel of the gradient; only lanes of channels are read.
                            from[i][j] = unsafe {
                                if n == S::LANES {
                                    s.load(at)
                                } else {
                                    s.load_over(s.splat(0.0), at, mask)
                                }
                            };
                        }
                    }
                }
                let d = self.d.wrapping_add(t * self.d_tile + first);
                along_both_axes!(s, output_grad, from, OUT => IN, |i, values| {
                    for j in 0..IN {
                        let to = d.wrapping_add((i * IN + j) * self.d_point);
                        // SAFETY: the maker's promise; tiles are whole vectors wide.
                        unsafe { s.store(to, values[j]) };
                    }
                });
            }
        }
    }
}

/// From the sums at all points to the gradient of the taps.
struct Finish {
    sums: *const f32,
    width: usize,
    d_kernel: *mut f32,
    /// From the weights of one tap or of one input to the next.
    tap: usize,
    input: usize,
    n_inputs: usize,
    n_filters: usize,
}

impl Kernel for Finish {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        for input in 0..self.n_inputs {
            for first in (0..self.n_filters).step_by(S::LANES) {
                let mask = s.mask(0, (self.n_filters - first).min(S::LANES));
                let sums = self.sums.wrapping_add(input * self.width + first);
                let to = self.d_kernel.wrapping_add(input * self.input + first);
                let mut from = [[s.splat(0.0); IN]; IN];
                for i in 0..IN {
                    for j in 0..IN {
                        // SAFETY: the maker's promise; the sums are whole vectors wide.
                        from[i][j] = unsafe { s.load(sums.wrapping_add((i * IN + j) * SUMS)) };
                    }
                }
                let mut sum = [[s.splat(0.0); TAPS]; TAPS];
                along_both_axes!(s, taps_grad, from, IN => TAPS, |i, values| {
                    for j in 0..TAPS {
                        let to = to.wrapping_add((i * TAPS + j) * self.tap);
                        // SAFETY: the maker's promise; only lanes of filters are touched.
                        let before = unsafe { s.load_over(s.splat(0.0), to, mask) };
                        sum[i][j] = s.add(before, values[j]);
                    }
                });
                // After all loads: taps are often a multiple of 4096 bytes apart, and a load waits
                // for a store before it whose address ends in the same twelve bits.
                for i in 0..TAPS {
                    for j in 0..TAPS {
                        let to = to.wrapping_add((i * TAPS + j) * self.tap);
                        // SAFETY: as above.
                        unsafe { s.store_masked(to, mask, sum[i][j]) };
                    }
                }
            }
        }
    }
}
