//! Forward and input gradient, as grids of tiles.

use std::ops::Range;

use super::grouped::grouped;
use super::pack::{interleaved_row, packed_len, padded, panel_width};
use super::parts::{Division, Part, for_parts};
use super::tile::{Grid, dense_panel, depthwise};
use super::{Groups, PAD, PANEL, assert_readable};
use crate::Isa;
use crate::helpers::Helpers;
use crate::layout::{Halo, Pixels, Window};

/// Which taps of the kernel a grid uses: `first`, then every `step[0]`-th row and `step[1]`-th
/// column, counted in whole taps.
#[derive(Clone, Copy)]
struct TapWalk {
    first: usize,
    step: [usize; 2],
}

/// Runs `grid`, which describes the first channel of each side and lacks the weights, for every
/// group and panel. Per group there are `grid.depth` inputs and `grid.channels` outputs, of which
/// those in `wanted` are computed; it begins with a panel.
///
/// # Safety
/// All channels of the grid's pixels are accessible.
unsafe fn for_panels(
    isa: Isa,
    mut grid: Grid,
    packed: &[f32],
    n_taps: usize,
    walk: TapWalk,
    groups: Groups,
    wanted: Range<usize>,
) {
    // Rows without a gap between them are one long row.
    if grid.x_row == grid.columns * grid.x_pixel && grid.y_row == grid.columns * grid.y_pixel {
        grid = Grid { rows: 1, columns: grid.rows * grid.columns, ..grid };
    }
    if groups.is_depthwise() {
        let tap = groups.count.next_multiple_of(PAD);
        let whole = Grid {
            weights: packed[walk.first * tap..].as_ptr(),
            weights_tap: walk.step.map(|step| step * tap),
            channels: groups.count,
            ..grid
        };
        // SAFETY: the caller's promise.
        return unsafe { depthwise(isa, whole) };
    }
    let Grid { depth, channels, .. } = grid;
    if groups.is_interleaved() {
        let row = interleaved_row(groups.count * channels);
        let whole = Grid {
            weights: packed[walk.first * depth * row..].as_ptr(),
            weights_tap: walk.step.map(|step| step * depth * row),
            weights_step: row,
            ..grid
        };
        // SAFETY: the caller's promise; packed rows are padded by a vector.
        return unsafe { grouped(isa, whole, groups.count) };
    }
    for group in 0..groups.count {
        for first in wanted.clone().step_by(PANEL) {
            let n = PANEL.min(channels - first);
            let width = panel_width(n);
            let panel = (group * padded(channels) + first) * n_taps * depth;
            let channel = group * channels + first;
            let part = Grid {
                x: grid.x.wrapping_add(group * depth),
                weights: packed[panel + walk.first * depth * width..].as_ptr(),
                weights_tap: walk.step.map(|step| step * depth * width),
                weights_step: width,
                bias: grid.bias.map(|bias| bias.wrapping_add(channel)),
                y: grid.y.wrapping_add(channel),
                channels: n,
                ..grid
            };
            // SAFETY: the caller's promise.
            unsafe { dense_panel(isa, part) };
        }
    }
}

/// `y = x * kernel + bias`, then `max(0, y)` if `relu`.
///
/// `x` is `(H, W, C)` with a halo, `packed` comes from [`pack`](super::pack()), `bias` has one
/// element per filter. Overwrites the pixels of `y`, `(H', W', F)` of any size, and leaves its
/// halo as it is. NaN stays NaN.
///
/// # Panics
/// If the channels do not split into `groups`, a slice is too short, or the halo of `x` is
/// narrower than the kernel reaches.
pub fn forward(
    isa: Isa,
    y: &mut [f32],
    yl: &Pixels,
    x: &[f32],
    xl: &Pixels,
    packed: &[f32],
    bias: Option<&[f32]>,
    window: &Window,
    groups: usize,
    relu: bool,
) {
    assert!(y.len() >= yl.len(), "output: {} elements, layout needs {}", y.len(), yl.len());
    let filters = 0..yl.channels;
    // SAFETY: the output was checked.
    unsafe {
        let y = y.as_mut_ptr();
        forward_to(isa, y, yl, x, xl, packed, bias, window, groups, relu, filters);
    }
}

/// As [`forward`], on several threads, each with a band of rows or some filters. The halo of `y`
/// becomes zero.
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
    groups: usize,
    relu: bool,
) {
    let weights = if groups == 1 { packed.len() } else { 0 };
    let division = Division { yl: *yl, row_unit: 1, weights };
    for_parts((helpers, &mut []), y, &division, |_, y, Part { rows, filters }| {
        let yl = yl.band(rows.start, rows.len());
        let first = (window.stride[0] * rows.start).min(xl.height + xl.halo.bottom);
        let xl = xl.band(first, xl.height.saturating_sub(first));
        let filters = filters.clone();
        // SAFETY: the output was checked, and nobody else writes these rows and filters.
        unsafe {
            forward_to(isa, y, &yl, x, &xl, packed, bias, window, groups, relu, filters);
        }
    });
}

/// As [`forward`] for the filters `filters`, which begin with a panel and are all if there are
/// groups, to the output that `y` points to.
///
/// # Safety
/// `y` has as many elements as `yl` says, and nobody else uses these filters' pixels.
unsafe fn forward_to(
    isa: Isa,
    y: *mut f32,
    yl: &Pixels,
    x: &[f32],
    xl: &Pixels,
    packed: &[f32],
    bias: Option<&[f32]>,
    window: &Window,
    groups: usize,
    relu: bool,
    filters: Range<usize>,
) {
    let split = Groups::new(groups, xl.channels, yl.channels);
    if yl.is_empty() {
        return;
    }
    assert_readable(xl, x, [yl.height, yl.width], window);
    let needed = packed_len(window, xl.channels, yl.channels, groups);
    assert!(packed.len() >= needed, "packed kernel: {} elements, not {needed}", packed.len());
    assert!(bias.is_none_or(|bias| bias.len() >= yl.channels), "bias: too short");
    let Window { size, stride, dilation, before } = *window;
    let first = xl.origin() - before[0] * xl.row() - before[1] * xl.channels;
    let grid = Grid {
        x: x.as_ptr().wrapping_add(first),
        x_pixel: stride[1] * xl.channels,
        x_row: stride[0] * xl.row(),
        taps: size,
        x_tap: [(dilation[0] * xl.row()) as isize, (dilation[1] * xl.channels) as isize],
        weights_tap: [0, 0],
        depth: split.inputs,
        x_depth: 1,
        weights: packed.as_ptr(),
        weights_step: 0,
        weights_row: 0,
        bias: bias.map(<[f32]>::as_ptr),
        relu,
        y: y.wrapping_add(yl.origin()),
        y_pixel: yl.channels,
        y_row: yl.row(),
        rows: yl.height,
        columns: yl.width,
        channels: split.outputs,
    };
    let walk = TapWalk { first: 0, step: [size[1], 1] };
    let wanted = if split.count == 1 { filters } else { 0..split.outputs };
    // SAFETY: halo and lengths were checked above for all pixels and channels.
    unsafe { for_panels(isa, grid, packed, size[0] * size[1], walk, split, wanted) };
}

/// The taps that reach input positions `phase, phase + stride, …` of one axis.
#[derive(Clone, Copy)]
struct Phase {
    /// The taps `first, first + step, …`.
    first: usize,
    step: usize,
    n_taps: usize,
    /// The output position that tap `first` and input position `phase` belong to.
    from: isize,
    /// Output positions from one tap back to the one that the next tap reads.
    back: isize,
    /// How many input positions there are.
    length: usize,
}

impl Phase {
    /// Input position `p` under tap `i` belongs to output position `(p + before - i * dilation) /
    /// stride`, if that is whole: for one phase that holds for every `stride / gcd`-th tap.
    fn new(window: &Window, axis: usize, input: usize, phase: usize) -> Self {
        let (size, stride) = (window.size[axis], window.stride[axis]);
        let (dilation, before) = (window.dilation[axis], window.before[axis]);
        let origin = |tap: usize| (phase + before) as isize - (tap * dilation) as isize;
        let hits = |&tap: &usize| origin(tap) % stride as isize == 0;
        let step = stride / gcd(stride, dilation);
        let length = input.saturating_sub(phase).div_ceil(stride);
        let back = (step * dilation / stride) as isize;
        match (0..size).find(hits) {
            Some(first) => {
                let from = origin(first) / stride as isize;
                Self { first, step, n_taps: (size - first).div_ceil(step), from, back, length }
            }
            None => Self { first: 0, step, n_taps: 0, from: 0, back, length },
        }
    }

    /// The lowest and highest output positions that are read, if any.
    fn reads(&self) -> Option<(isize, isize)> {
        let last_tap = self.n_taps.checked_sub(1)? as isize;
        let last = self.length.checked_sub(1)? as isize;
        Some((self.from - last_tap * self.back, self.from + last))
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The halo that the gradient of the output needs so that [`input_grad`] can read it.
pub fn input_grad_halo(window: &Window, input: [usize; 2], output: [usize; 2]) -> Halo {
    let axis = |axis: usize| {
        (0..window.stride[axis])
            .filter_map(|phase| Phase::new(window, axis, input[axis], phase).reads())
            .map(|(low, high)| {
                let after = high + 1 - output[axis] as isize;
                (low.min(0).unsigned_abs(), after.max(0).unsigned_abs())
            })
            .fold((0, 0), |widest, next| (widest.0.max(next.0), widest.1.max(next.1)))
    };
    let ((top, bottom), (left, right)) = (axis(0), axis(1));
    Halo { top, left, bottom, right }
}

/// Gradient of the input: each input pixel gets the sum of the output gradients it had a part
/// in, times the weights.
///
/// `dy` is `(H', W', F)` with a halo of zeros that covers [`input_grad_halo`], `packed_transposed`
/// comes from [`pack_transposed`](super::pack_transposed()). Overwrites the pixels of `dx`,
/// `(H, W, C)`, and leaves its halo as it is.
///
/// With strides, pixels are walked phase by phase: those whose position has the same remainder
/// have the same taps in common.
///
/// # Panics
/// If the channels do not split into `groups`, a slice is too short, or the halo of `dy` is too
/// narrow.
pub fn input_grad(
    isa: Isa,
    dx: &mut [f32],
    dxl: &Pixels,
    dy: &[f32],
    dyl: &Pixels,
    packed_transposed: &[f32],
    window: &Window,
    groups: usize,
) {
    let split = Groups::new(groups, dxl.channels, dyl.channels);
    if dxl.is_empty() {
        return;
    }
    let (input, output) = ([dxl.height, dxl.width], [dyl.height, dyl.width]);
    let halo = input_grad_halo(window, input, output);
    assert!(dyl.halo.covers(halo), "output gradient: halo {:?}, not {halo:?}", dyl.halo);
    assert!(dx.len() >= dxl.len(), "dx: {} elements, layout needs {}", dx.len(), dxl.len());
    assert!(dy.len() >= dyl.len(), "dy: {} elements, layout needs {}", dy.len(), dyl.len());
    let needed = packed_len(window, dxl.channels, dyl.channels, groups);
    let packed = packed_transposed;
    assert!(packed.len() >= needed, "packed kernel: {} elements, not {needed}", packed.len());
    let Window { size, stride, .. } = *window;
    let (dy_row, dy_pixel) = (dyl.row(), dyl.channels);
    for phase_y in 0..stride[0] {
        let rows = Phase::new(window, 0, input[0], phase_y);
        for phase_x in 0..stride[1] {
            let columns = Phase::new(window, 1, input[1], phase_x);
            if rows.length == 0 || columns.length == 0 {
                continue;
            }
            let from = rows.from * dy_row as isize + columns.from * dy_pixel as isize;
            let to = dxl.origin() + phase_y * dxl.row() + phase_x * dxl.channels;
            let grid = Grid {
                x: dy.as_ptr().wrapping_add(dyl.origin()).wrapping_offset(from),
                x_pixel: dy_pixel,
                x_row: dy_row,
                taps: [rows.n_taps, columns.n_taps],
                x_tap: [-rows.back * dy_row as isize, -columns.back * dy_pixel as isize],
                weights_tap: [0, 0],
                depth: split.outputs,
                x_depth: 1,
                weights: packed.as_ptr(),
                weights_step: 0,
                weights_row: 0,
                bias: None,
                relu: false,
                y: dx.as_mut_ptr().wrapping_add(to),
                y_pixel: stride[1] * dxl.channels,
                y_row: stride[0] * dxl.row(),
                rows: rows.length,
                columns: columns.length,
                channels: split.inputs,
            };
            let walk = TapWalk {
                first: rows.first * size[1] + columns.first,
                step: [rows.step * size[1], columns.step],
            };
            let wanted = 0..split.inputs;
            // SAFETY: halo and lengths were checked above for all pixels and channels.
            unsafe { for_panels(isa, grid, packed, size[0] * size[1], walk, split, wanted) };
        }
    }
}
