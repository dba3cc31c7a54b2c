//! Forward pass, which with another packing also is the input's gradient.

use std::ops::Range;

use super::transforms::{self, along_both_axes};
use super::{IN, OUT, PANEL, POINTS, TAPS, Tiles, packed_len, point_step, supports};
use crate::Isa;
use crate::conv::blocks::even_blocks;
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
/// `x` is `(H, W, C)`; its halo is zero, and may be narrower than the padding: what lies beyond
/// counts as zero. `packed` comes from [`pack`](super::pack()), `bias` has one element per filter. Overwrites the pixels of `y`, `(H', W', F)`, and leaves its halo as it is.
///
/// Gives the input's gradient if `x` is the output's, `packed` comes from
/// [`pack_transposed`](super::pack_transposed()) and `window` from
/// [`input_grad_window`](super::input_grad_window).
///
/// # Panics
/// If the window is not [supported](supports) or a slice is too short.
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
    let (y, all) = (y.as_mut_ptr(), (0..Tiles::new(yl, samples).len(), 0..yl.channels));
    // SAFETY: the output was checked.
    unsafe {
        forward_to(isa, y, yl, x, xl, packed, bias, window, relu, samples, all, scratch);
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
    let division = Division { yl: *yl, row_unit: OUT, weights: packed.len() };
    for_parts((helpers, scratch), y, &division, |scratch, y, Part { rows, filters }| {
        let columns = Tiles::new(yl, 1).columns;
        let tiles = rows.start / OUT * columns..rows.end.div_ceil(OUT) * columns;
        let part = (tiles, filters.clone());
        // SAFETY: the output was checked, and nobody else writes these rows and filters.
        unsafe {
            forward_to(isa, y, yl, x, xl, packed, bias, window, relu, 1, part, scratch);
        }
    });
}

/// As [`forward`] for some tiles and filters, which begin with a panel, to the output that `y`
/// points to.
///
/// # Safety
/// `y` has as many elements as `samples` times `yl` say, and nobody else uses the pixels of these
/// tiles and filters.
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
    (part, filters): (Range<usize>, Range<usize>),
    scratch: &mut [f32],
) {
    assert!(supports(window, 1), "minimal filtering of {window:?}");
    if yl.is_empty() || samples == 0 {
        return;
    }
    assert!(x.len() >= samples * xl.len(), "input: fewer than {samples} samples");
    let needed = packed_len(xl.channels, yl.channels);
    assert!(packed.len() >= needed, "packed kernel: {} elements, not {needed}", packed.len());
    assert!(bias.is_none_or(|bias| bias.len() >= yl.channels), "bias: too short");
    let needed = scratch_len(yl, xl, samples);
    assert!(scratch.len() >= needed, "scratch: {} elements, not {needed}", scratch.len());
    let (depth, tiles) = (xl.channels, Tiles::new(yl, samples));
    let strip = tiles.strip(depth);
    let (v, m) = scratch.split_at_mut(POINTS * point_step(strip * depth));
    for (offset, count) in even_blocks(part.len(), strip) {
        let first = part.start + offset;
        let v_point = point_step(count * depth);
        // SAFETY: the length of all samples was checked above, `v` holds a strip.
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
    /// Where the first tap of output pixel `(0, 0)` reads, which may lie before the halo.
    x: *const f32,
    layout: Pixels,
    axes: [Axis; 2],
    tiles: Tiles,
    first: usize,
    count: usize,
    v: *mut f32,
    v_point: usize,
}

/// Rows or columns of the input, counted from the first tap of output pixel 0.
#[derive(Clone, Copy)]
struct Axis {
    /// How many output pixels read.
    reach: usize,
    /// Those that lie in memory; the others are zero.
    from: usize,
    to: usize,
}

/// Where the rows or columns of a tile lie, from `Input::x` on, and whether they lie in memory.
#[derive(Clone, Copy, Default)]
struct Lines {
    offsets: [usize; IN],
    inside: [bool; IN],
}

impl Axis {
    fn new(
        before: usize,
        size: usize,
        [halo_before, halo_after]: [usize; 2],
        output: usize,
    ) -> Self {
        Self {
            reach: output + TAPS - 1,
            from: before.saturating_sub(halo_before),
            to: before + size + halo_after,
        }
    }

    /// The lines of a tile that begins at `start`, `step` elements apart.
    #[inline(always)]
    fn lines(&self, start: usize, step: usize) -> Lines {
        let mut lines = Lines::default();
        for i in 0..IN {
            // Tiles that reach beyond the last pixel see it again: what they make of it belongs to no
            // output pixel.
            let line = (start + i).min(self.reach - 1);
            lines.offsets[i] = line * step;
            lines.inside[i] = self.from <= line && line < self.to;
        }
        lines
    }
}

impl Input {
    /// For tiles `first..first + count`. What it reads lies in `x`, if `x` has as many elements as
    /// `xl` says for all samples.
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
        let (halo, before_tap) = (xl.halo, window.before);
        Self {
            x: x.as_ptr().wrapping_add(xl.origin()).wrapping_sub(before),
            layout: *xl,
            axes: [
                Axis::new(before_tap[0], xl.height, [halo.top, halo.bottom], yl.height),
                Axis::new(before_tap[1], xl.width, [halo.left, halo.right], yl.width),
            ],
            tiles,
            first,
            count,
            v: v.as_mut_ptr(),
            v_point,
        }
    }

    /// One vector of channels of one tile.
    ///
    /// # Safety
    /// The channels that `mask` selects, all if `FULL`, are accessible on both sides: of all pixels,
    /// if `INSIDE`, else of those that lie in memory.
    #[inline(always)]
    unsafe fn tile<S: ConvSimd, const FULL: bool, const INSIDE: bool>(
        &self,
        s: S,
        x: *const f32,
        [rows, columns]: &[Lines; 2],
        v: *mut f32,
        mask: S::Mask,
    ) {
        let mut from = [[s.splat(0.0); IN]; IN];
        for i in 0..IN {
            for j in 0..IN {
                if INSIDE || (rows.inside[i] && columns.inside[j]) {
                    let at = x.wrapping_add(rows.offsets[i] + columns.offsets[j]);
                    // SAFETY: the caller's promise.
                    unsafe {
                        from[i][j] =
                            if FULL { s.load(at) } else { s.load_over(s.splat(0.0), at, mask) };
                    }
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
            let rows = self.axes[0].lines(tile_row * OUT, row);
            let columns = self.axes[1].lines(tile_column * OUT, channels);
            let inside = rows.inside == [true; IN] && columns.inside == [true; IN];
            let lines = [rows, columns];
            let x = self.x.wrapping_add(sample * self.layout.len());
            let v = self.v.wrapping_add(t * channels);
            let mut first = 0;
            // SAFETY: the maker's promise.
            unsafe {
                while first < channels {
                    let (x, v) = (x.wrapping_add(first), v.wrapping_add(first));
                    let mask = s.mask(0, (channels - first).min(S::LANES));
                    match (first + S::LANES <= channels, inside) {
                        (true, true) => self.tile::<S, true, true>(s, x, &lines, v, all),
                        (true, false) => self.tile::<S, true, false>(s, x, &lines, v, all),
                        (false, true) => self.tile::<S, false, true>(s, x, &lines, v, mask),
                        (false, false) => self.tile::<S, false, false>(s, x, &lines, v, mask),
                    }
                    first += S::LANES;
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
