//! Forward pass, which with another packing also is the input's gradient.

use std::ops::Range;

use super::transforms::{self, along_both_axes};
use super::{IN, OUT, PANEL, POINTS, TAPS, Tiles, packed_len, point_step, supports};
use crate::Isa;
use crate::conv::blocks::even_blocks;
use crate::conv::pixels::assert_readable;
use crate::conv::pixels::pack::panel_width;
use crate::conv::pixels::parts::{Division, Part, for_parts};
use crate::conv::pixels::tile::{Grid, dense_panel};
use crate::conv::simd::{ConvSimd, Kernel, dispatch};
use crate::helpers::Helpers;
use crate::layout::{Pixels, Window};

/// Elements of scratch memory that [`forward`] needs.
pub fn scratch_len(yl: &Pixels, xl: &Pixels, samples: usize) -> usize {
    let strip = Tiles::new(yl, samples).strip(xl.channels);
    POINTS * (point_step(strip * xl.channels) + point_step(strip * PANEL))
}

/// `y = x * kernel + bias`, then `max(0, y)` if `relu`, for `samples` samples that lie one after
/// the other. The more tiles they have in all, up to some tens, the faster.
///
/// `x` is `(H, W, C)` with a halo, `packed` comes from [`pack`](super::pack()), `bias` has one
/// element per filter. Overwrites the pixels of `y`, `(H', W', F)`, and leaves its halo as it is.
///
/// Gives the input's gradient if `x` is the output's, `packed` comes from
/// [`pack_transposed`](super::pack_transposed()) and `window` from
/// [`input_grad_window`](super::input_grad_window).
///
/// # Panics
/// If the window is not [supported](supports), a slice is too short, or the halo of `x` is narrower
/// than the kernel reaches.
pub fn forward(
    isa: Isa,
    y: &mut [f32],
    yl: &Pixels,
    x: &[f32],
    xl: &Pixels,
    packed: &[f32],
    bias: Option<&[f32]>,
    window: &Window,
    relu: bool,
    samples: usize,
    scratch: &mut [f32],
) {
    assert!(y.len() >= samples * yl.len(), "output: fewer than {samples} samples");
    let (y, filters) = (y.as_mut_ptr(), 0..yl.channels);
    // SAFETY: the output was checked.
    unsafe {
        forward_to(isa, y, yl, x, xl, packed, bias, window, relu, samples, filters, scratch);
    }
}

/// As [`forward`] for one sample, on several threads, each with a band of rows or some filters, and
/// with [`scratch_len`] elements of scratch memory. The halo of `y` becomes zero.
///
/// # Panics
/// As [`forward`].
pub fn forward_in_parts(
    isa: Isa,
    helpers: &mut Helpers<'_>,
    y: &mut [f32],
    yl: &Pixels,
    x: &[f32],
    xl: &Pixels,
    packed: &[f32],
    bias: Option<&[f32]>,
    window: &Window,
    relu: bool,
    scratch: &mut [f32],
) {
    let division = Division { yl: *yl, xl: *xl, stride: 1, row_unit: OUT, weights: packed.len() };
    for_parts((helpers, scratch), y, &division, |scratch, y, part| {
        let Part { yl, xl, filters } = part;
        // SAFETY: the output was checked, and nobody else writes these rows and filters.
        unsafe {
            forward_to(isa, y, &yl, x, &xl, packed, bias, window, relu, 1, filters, scratch);
        }
    });
}

/// As [`forward`] for the filters `filters`, which begin with a panel, to the output that `y` points
/// to.
///
/// # Safety
/// `y` has as many elements as `samples` times `yl` say, and nobody else uses these filters' pixels.
unsafe fn forward_to(
    isa: Isa,
    y: *mut f32,
    yl: &Pixels,
    x: &[f32],
    xl: &Pixels,
    packed: &[f32],
    bias: Option<&[f32]>,
    window: &Window,
    relu: bool,
    samples: usize,
    filters: Range<usize>,
    scratch: &mut [f32],
) {
    assert!(supports(window, 1), "minimal filtering of {window:?}");
    if yl.is_empty() || samples == 0 {
        return;
    }
    assert_readable(xl, x, [yl.height, yl.width], window);
    assert!(x.len() >= samples * xl.len(), "input: fewer than {samples} samples");
    let needed = packed_len(xl.channels, yl.channels);
    assert!(packed.len() >= needed, "packed kernel: {} elements, not {needed}", packed.len());
    assert!(bias.is_none_or(|bias| bias.len() >= yl.channels), "bias: too short");
    let needed = scratch_len(yl, xl, samples);
    assert!(scratch.len() >= needed, "scratch: {} elements, not {needed}", scratch.len());
    let (depth, tiles) = (xl.channels, Tiles::new(yl, samples));
    let strip = tiles.strip(depth);
    let (v, m) = scratch.split_at_mut(POINTS * point_step(strip * depth));
    for (first, count) in even_blocks(tiles.len(), strip) {
        let v_point = point_step(count * depth);
        // SAFETY: the window's reach for all output pixels was checked above, `v` holds a strip.
        unsafe { dispatch(isa, Input::new(x, xl, yl, window, tiles, first, count, v, v_point)) };
        for channel in filters.clone().step_by(PANEL) {
            let n = PANEL.min(yl.channels - channel);
            let width = panel_width(n);
            let m_point = point_step(count * width);
            let products = Grid {
                x: v.as_ptr(),
                x_pixel: depth,
                x_row: v_point,
                taps: [1, 1],
                x_tap: [0, 0],
                weights_tap: [0, 0],
                depth,
                x_depth: 1,
                weights: packed[POINTS * depth * channel..].as_ptr(),
                weights_step: width,
                weights_row: depth * width,
                bias: None,
                relu: false,
                y: m.as_mut_ptr(),
                y_pixel: width,
                y_row: m_point,
                rows: POINTS,
                columns: count,
                channels: width,
            };
            // SAFETY: `v`, `m` and the packed kernel are as long as asserted: whole panels.
            unsafe { dense_panel(isa, products) };
            let output = Output {
                m: m.as_ptr(),
                m_point,
                m_tile: width,
                bias: bias.map(|bias| bias[channel..].as_ptr()),
                relu,
                y: y.wrapping_add(yl.origin() + channel),
                layout: *yl,
                channels: n,
                tiles,
                first,
                count,
            };
            // SAFETY: all samples of `y` were checked above, `m` holds a strip.
            unsafe { dispatch(isa, output) };
        }
    }
}

/// From a strip of input tiles to `V`.
pub(super) struct Input {
    /// What the first tap of output pixel `(0, 0)` reads.
    x: *const f32,
    layout: Pixels,
    /// Rows and columns from there on that output pixels read.
    reach: [usize; 2],
    tiles: Tiles,
    first: usize,
    count: usize,
    v: *mut f32,
    v_point: usize,
}

impl Input {
    /// For tiles `first..first + count`. What it reads lies in `x`, if `x` is readable by `window`
    /// for all output pixels of all samples.
    pub(super) fn new(
        x: &[f32],
        xl: &Pixels,
        yl: &Pixels,
        window: &Window,
        tiles: Tiles,
        first: usize,
        count: usize,
        v: &mut [f32],
        v_point: usize,
    ) -> Self {
        let before = window.before[0] * xl.row() + window.before[1] * xl.channels;
        Self {
            x: x.as_ptr().wrapping_add(xl.origin() - before),
            layout: *xl,
            reach: [yl.height + TAPS - 1, yl.width + TAPS - 1],
            tiles,
            first,
            count,
            v: v.as_mut_ptr(),
            v_point,
        }
    }

    /// One vector of channels of one tile; `rows` and `columns` say how far its pixels are from `x`.
    ///
    /// # Safety
    /// The channels that `mask` selects, all if `FULL`, are accessible on both sides.
    #[inline(always)]
    unsafe fn tile<S: ConvSimd, const FULL: bool>(
        &self,
        s: S,
        x: *const f32,
        [rows, columns]: &[[usize; IN]; 2],
        v: *mut f32,
        mask: S::Mask,
    ) {
        let mut from = [[s.splat(0.0); IN]; IN];
        for i in 0..IN {
            for j in 0..IN {
                let at = x.wrapping_add(rows[i] + columns[j]);
                // SAFETY: the caller's promise.
                unsafe {
                    from[i][j] =
                        if FULL { s.load(at) } else { s.load_over(s.splat(0.0), at, mask) };
                }
            }
        }
        along_both_axes!(s, input, from, IN => IN, |i, values| {
            for j in 0..IN {
                let to = v.wrapping_add((i * IN + j) * self.v_point);
                // SAFETY: the caller's promise.
                unsafe {
                    if FULL {
                        s.store(to, values[j]);
                    } else {
                        s.store_masked(to, mask, values[j]);
                    }
                }
            }
        });
    }
}

impl Kernel for Input {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        let (channels, row) = (self.layout.channels, self.layout.row());
        let all = s.mask(0, S::LANES);
        for t in 0..self.count {
            let (sample, tile_row, tile_column) = self.tiles.place(self.first + t);
            // Tiles that reach beyond the last pixel see it again: what they make of it belongs to
            // no output pixel.
            let mut offsets = [[0; IN]; 2];
            for i in 0..IN {
                offsets[0][i] = (tile_row * OUT + i).min(self.reach[0] - 1) * row;
                offsets[1][i] = (tile_column * OUT + i).min(self.reach[1] - 1) * channels;
            }
            let x = self.x.wrapping_add(sample * self.layout.len());
            let v = self.v.wrapping_add(t * channels);
            let mut first = 0;
            // SAFETY: the maker's promise.
            unsafe {
                while first + S::LANES <= channels {
                    let (x, v) = (x.wrapping_add(first), v.wrapping_add(first));
                    self.tile::<S, true>(s, x, &offsets, v, all);
                    first += S::LANES;
                }
                if first < channels {
                    let (x, v) = (x.wrapping_add(first), v.wrapping_add(first));
                    self.tile::<S, false>(s, x, &offsets, v, s.mask(0, channels - first));
                }
            }
        }
    }
}

/// From a strip of `M` to output pixels.
struct Output {
    m: *const f32,
    m_point: usize,
    m_tile: usize,
    bias: Option<*const f32>,
    relu: bool,
    /// Pixel `(0, 0)` of the first sample.
    y: *mut f32,
    layout: Pixels,
    channels: usize,
    tiles: Tiles,
    first: usize,
    count: usize,
}

impl Kernel for Output {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        let Pixels { channels: pixel, height, width, .. } = self.layout;
        let row = self.layout.row();
        for first in (0..self.channels).step_by(S::LANES) {
            let n = (self.channels - first).min(S::LANES);
            let mask = s.mask(0, n);
            let mut bias = s.splat(0.0);
            if let Some(from) = self.bias {
                // SAFETY: the maker's promise: there is a bias for each channel.
                bias = unsafe { s.load_over(bias, from.wrapping_add(first), mask) };
            }
            for t in 0..self.count {
                let (sample, tile_row, tile_column) = self.tiles.place(self.first + t);
                let (top, left) = (tile_row * OUT, tile_column * OUT);
                let m = self.m.wrapping_add(t * self.m_tile + first);
                let y = self
                    .y
                    .wrapping_add(sample * self.layout.len() + top * row + left * pixel + first);
                let mut from = [[s.splat(0.0); IN]; IN];
                for i in 0..IN {
                    for j in 0..IN {
                        // SAFETY: the maker's promise; `M` is whole vectors wide.
                        from[i][j] = unsafe { s.load(m.wrapping_add((i * IN + j) * self.m_point)) };
                    }
                }
                let (rows, columns) = (height - top, width - left);
                along_both_axes!(s, output, from, IN => OUT, |i, values| {
                    for j in 0..OUT {
                        let mut value = s.add(values[j], bias);
                        if self.relu {
                            value = s.max(s.splat(0.0), value);
                        }
                        let to = y.wrapping_add(i * row + j * pixel);
                        if i < rows && j < columns {
                            // SAFETY: a pixel of the output; only lanes of channels are written.
                            unsafe {
                                if n == S::LANES {
                                    s.store(to, value);
                                } else {
                                    s.store_masked(to, mask, value);
                                }
                            }
                        }
                    }
                });
            }
        }
    }
}
