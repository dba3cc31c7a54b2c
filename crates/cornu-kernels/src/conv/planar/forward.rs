//! `y = relu(x * kernel + bias)`: tiles of a few rows times a few output channels, each a vector
//! of pixels that stays in a register until it is complete.

use super::bands::for_bands;
use super::{BLOCK, Columns, assert_readable, group_masks, load_groups, split_columns};
use crate::Isa;
use crate::conv::blocks::{even_blocks, with_constant};
use crate::conv::planar::packed_len;
use crate::conv::simd::{ConvSimd, Kernel, dispatch, limits};
use crate::helpers::Helpers;
use crate::layout::{Planes, Window};

/// Rows of the tallest tile: bands begin where tiles may.
const ROWS: usize = 4;

/// What a block of output channels reads, as pointers to its first element.
#[derive(Clone, Copy)]
pub(super) struct Source {
    /// Where tap `(0, 0)` of output pixel `(0, 0)` reads channel 0.
    pub(super) x: *const f32,
    pub(super) x_row: usize,
    pub(super) x_plane: usize,
    pub(super) in_channels: usize,
    pub(super) taps: [usize; 2],
    /// Elements from one tap to the next, down and right.
    pub(super) tap_step: [usize; 2],
    pub(super) weights: *const f32,
    /// Weights from one tap to the next.
    pub(super) weights_step: usize,
    pub(super) bias: Option<*const f32>,
    pub(super) relu: bool,
}

impl Source {
    fn new(xl: &Planes, x: &[f32], window: &Window, relu: bool) -> Self {
        // The halo is at least as wide as the padding, so this is inside of `x`.
        let first = xl.origin() - window.before[0] * xl.row - window.before[1];
        Self {
            x: x[first..].as_ptr(),
            x_row: xl.row,
            x_plane: xl.plane(),
            in_channels: xl.channels,
            taps: window.size,
            tap_step: [window.dilation[0] * xl.row, window.dilation[1]],
            weights: std::ptr::null(),
            weights_step: 0,
            bias: None,
            relu,
        }
    }
}

/// Calls `block(source, first output channel, channels)` for blocks of at most `largest` output
/// channels.
pub(super) fn for_blocks(
    (x, xl): (&[f32], &Planes),
    packed: &[f32],
    bias: Option<&[f32]>,
    window: &Window,
    relu: bool,
    (filters, largest): (usize, usize),
    mut block: impl FnMut(Source, usize, usize),
) {
    let needed = packed_len(window, xl.channels, filters);
    assert!(packed.len() >= needed, "packed kernel: {} elements, not {needed}", packed.len());
    assert!(bias.is_none_or(|bias| bias.len() >= filters), "bias: fewer elements than filters");
    let source = Source::new(xl, x, window, relu);
    let reduction = window.size[0] * window.size[1] * xl.channels;
    for (start, length) in even_blocks(filters, BLOCK) {
        for (offset, n) in even_blocks(length, largest) {
            let first = start + offset;
            let source = Source {
                weights: packed[start * reduction..].as_ptr().wrapping_add(offset),
                weights_step: length,
                bias: bias.map(|bias| bias[first..].as_ptr()),
                ..source
            };
            block(source, first, n);
        }
    }
}

/// The sums of `N` output channels for `R` vectors of pixels: vector `j` begins at
/// `x + row_offsets[j]`, and each of its `G` groups lies `group_step` after the one before.
///
/// # Safety
/// All that the window reads for these pixels lies in `source.x`'s allocation, with slack for a
/// whole vector.
#[inline(always)]
pub(super) unsafe fn tile<S: ConvSimd, const N: usize, const R: usize, const G: usize>(
    s: S,
    source: &Source,
    x: *const f32,
    row_offsets: [usize; R],
    group_step: usize,
    masks: &[S::Mask; G],
) -> [[S::V; N]; R] {
    let Source { x_plane, in_channels, taps, tap_step, weights_step, .. } = *source;
    // SAFETY: the caller's promise; weights and bias hold `N` elements per tap and block.
    unsafe {
        let mut sums = [[s.splat(0.0); N]; R];
        if let Some(bias) = source.bias {
            for n in 0..N {
                let b = s.splat(*bias.add(n));
                for j in 0..R {
                    sums[j][n] = b;
                }
            }
        }
        let mut weights = source.weights;
        let mut plane = x;
        for _ in 0..in_channels {
            let mut row = plane;
            for _ in 0..taps[0] {
                let mut at = row;
                for _ in 0..taps[1] {
                    let mut pixels = [s.splat(0.0); R];
                    for j in 0..R {
                        pixels[j] =
                            load_groups(s, at.wrapping_add(row_offsets[j]), group_step, masks);
                    }
                    for n in 0..N {
                        let weight = s.splat(*weights.add(n));
                        for j in 0..R {
                            sums[j][n] = s.mul_add(pixels[j], weight, sums[j][n]);
                        }
                    }
                    weights = weights.wrapping_add(weights_step);
                    at = at.wrapping_add(tap_step[1]);
                }
                row = row.wrapping_add(tap_step[0]);
            }
            plane = plane.wrapping_add(x_plane);
        }
        sums
    }
}

/// `N` output channels for some columns of all rows; `R` rows of `G` groups at a time.
struct Block<const N: usize, const R: usize, const G: usize> {
    source: Source,
    y: *mut f32,
    y_row: usize,
    y_plane: usize,
    rows: usize,
    columns: Columns,
}

impl<const N: usize, const R: usize, const G: usize> Kernel for Block<N, R, G> {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        if const { N * R > S::ACCUMULATORS || G > S::GROUPS } {
            unreachable!("no tile is chosen beyond the limits");
        }
        let Self { source, y, y_row, y_plane, rows, columns } = self;
        let lanes = S::LANES / G;
        let group_step = R * source.x_row;
        let mut start = 0;
        while start < rows {
            // Several groups: the last tile overlaps the one before and writes the same again.
            let first = if G > 1 { start.min(rows - R * G) } else { start };
            let filled = (rows - first).min(R);
            let mut row_offsets = [0; R];
            for j in 0..R {
                // One group: rows past the end read the last row again and are not written.
                row_offsets[j] = if j < filled { j } else { filled - 1 } * source.x_row;
            }
            let mut column = columns.from;
            while column < columns.to {
                let width = (columns.to - column).min(lanes);
                let masks = group_masks::<S, G>(s, width);
                let x = source.x.wrapping_add(first * source.x_row + column);
                // SAFETY: `forward` has checked that all reads of its pixels lie in `x`, and that
                // `y` holds them; only lanes of pixels are written.
                unsafe {
                    let sums: [[S::V; N]; R] = tile(s, &source, x, row_offsets, group_step, &masks);
                    for j in 0..R {
                        if j >= filled {
                            break;
                        }
                        for n in 0..N {
                            let mut v = sums[j][n];
                            if source.relu {
                                v = s.max(s.splat(0.0), v);
                            }
                            let to = y.add(n * y_plane + (first + j) * y_row + column);
                            if G == 1 && width == lanes {
                                s.store(to, v);
                                continue;
                            }
                            for g in 0..G {
                                let to = to.wrapping_add(g * R * y_row).wrapping_sub(g * lanes);
                                s.store_masked(to, masks[g], v);
                            }
                        }
                    }
                }
                column += lanes;
            }
            start += R * G;
        }
    }
}

/// `y = x * kernel + bias`, then `max(0, y)` if `relu`.
///
/// `x` is `(C, H, W)` with a halo, `packed` comes from [`pack`](super::pack()) (or
/// [`pack_transposed`](super::pack_transposed)), `bias` has one element per filter. Overwrites the
/// pixels of `y`, `(F, H', W')` of any size, and leaves its halo as it is. NaN stays NaN.
///
/// # Panics
/// If the stride is not 1, a slice is too short, or the halo of `x` is narrower than the kernel
/// reaches.
pub fn forward(
    isa: Isa,
    y: &mut [f32],
    yl: &Planes,
    x: &[f32],
    xl: &Planes,
    packed: &[f32],
    bias: Option<&[f32]>,
    window: &Window,
    relu: bool,
) {
    assert!(y.len() >= yl.len(), "output: {} elements, layout needs {}", y.len(), yl.len());
    // SAFETY: the output was checked.
    unsafe { forward_to(isa, y.as_mut_ptr(), yl, x, xl, packed, bias, window, relu) };
}

/// As [`forward`], on several threads, each with a band of rows. The halo of `y` becomes zero.
///
/// # Panics
/// As [`forward`].
pub fn forward_in_bands(
    isa: Isa,
    helpers: &mut Helpers<'_>,
    y: &mut [f32],
    yl: &Planes,
    x: &[f32],
    xl: &Planes,
    packed: &[f32],
    bias: Option<&[f32]>,
    window: &Window,
    relu: bool,
) {
    let scratch = (&mut *helpers, &mut [][..]);
    for_bands(scratch, (y, yl), (xl, 1), ROWS, |_, y, yl, xl| {
        // SAFETY: the output was checked, and nobody else writes the rows of this band.
        unsafe { forward_to(isa, y, yl, x, xl, packed, bias, window, relu) }
    });
}

/// As [`forward`], to the output that `y` points to.
///
/// # Safety
/// `y` has as many elements as `yl` says, and nobody else uses the pixels.
unsafe fn forward_to(
    isa: Isa,
    y: *mut f32,
    yl: &Planes,
    x: &[f32],
    xl: &Planes,
    packed: &[f32],
    bias: Option<&[f32]>,
    window: &Window,
    relu: bool,
) {
    if yl.is_empty() {
        return;
    }
    let (rows, width) = (yl.height, yl.width);
    assert_readable(xl, x, [rows, width], window);
    let limits = limits(isa);
    let settings = (yl.channels, limits.accumulators / 2);
    for_blocks((x, xl), packed, bias, window, relu, settings, |source, first, n| {
        // Few channels leave registers for more rows, which keep the multipliers busy.
        let tall = n <= 3 && n * 4 <= limits.accumulators;
        let tile_rows = if tall { 4 } else { 2 };
        for columns in split_columns(limits, width, |groups| rows >= tile_rows * groups) {
            if columns.from == columns.to {
                continue;
            }
            let y = y.wrapping_add(first * yl.plane() + yl.origin());
            macro_rules! block {
                ($n:expr, $rows:expr, $groups:expr) => {{
                    let (y_row, y_plane) = (yl.row, yl.plane());
                    let block = Block::<{ $n }, { $rows }, { $groups }> {
                        source,
                        y,
                        y_row,
                        y_plane,
                        rows,
                        columns,
                    };
                    // SAFETY: slices and halo were checked above for all pixels of the output.
                    unsafe { dispatch(isa, block) }
                }};
            }
            with_constant!(n, N => match (tall, columns.groups) {
                (true, 1) => block!(if N <= 3 { N } else { 1 }, 4, 1),
                (true, 2) => block!(if N <= 3 { N } else { 1 }, 4, 2),
                (true, _) => block!(if N <= 3 { N } else { 1 }, 4, 4),
                (false, 1) => block!(N, 2, 1),
                (false, 2) => block!(N, 2, 2),
                (false, _) => block!(N, 2, 4),
            });
        }
    });
}
