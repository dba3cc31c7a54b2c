//! Convolution and 2x2 max pooling in one pass, and the way back.

use super::bands::for_bands;
use super::forward::{Source, for_blocks, tile};
use super::{Columns, assert_readable, group_masks, split_columns};
use crate::Isa;
use crate::conv::blocks::with_constant;
use crate::conv::simd::{ConvSimd, Kernel, dispatch, limits};
use crate::helpers::Helpers;
use crate::layout::{Planes, Window};

/// The position in `argmax` of a pooled pixel that ReLU has set to zero.
pub(super) const DEAD: u8 = 4;

/// The maximum of a pool's top left, top right, lower left and lower right pixel, and its position:
/// the first where several are equal.
#[inline(always)]
pub(super) fn pool<S: ConvSimd>(
    s: S,
    [left, right, low_left, low_right]: [S::V; 4],
) -> (S::V, S::V) {
    let (top, low) = (s.max(left, right), s.max(low_left, low_right));
    let (one, two, three) = (s.splat(1.0), s.splat(2.0), s.splat(3.0));
    let side = s.if_greater(right, left, one, s.splat(0.0));
    let low_side = s.if_greater(low_right, low_left, three, two);
    (s.max(top, low), s.if_greater(low, top, low_side, side))
}

/// The maxima of the pools of channels `2 * pair` and, in the upper half of the lanes, of the one
/// after it; and the positions of the maxima in their pools.
#[inline(always)]
fn pool_pair<S: ConvSimd, const N: usize>(
    s: S,
    sums: &[[S::V; N]; 2],
    pair: usize,
) -> (S::V, S::V) {
    let (first, second) = (2 * pair, (2 * pair + 1).min(N - 1));
    let (left, right) = s.deinterleave(sums[0][first], sums[0][second]);
    let (low_left, low_right) = s.deinterleave(sums[1][first], sums[1][second]);
    pool(s, [left, right, low_left, low_right])
}

/// `N` output channels for some columns of all pairs of rows.
struct Block<const N: usize, const G: usize> {
    source: Source,
    y: *mut f32,
    y_row: usize,
    y_plane: usize,
    argmax: Option<*mut u8>,
    /// Height and width of the pooled picture.
    pooled: [usize; 2],
    columns: Columns,
}

impl<const N: usize, const G: usize> Kernel for Block<N, G> {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        if const { N * 2 > S::ACCUMULATORS || G > S::GROUPS } {
            unreachable!("no tile is chosen beyond the limits");
        }
        let Self { source, y, y_row, y_plane, argmax, pooled, columns } = self;
        let lanes = S::LANES / G;
        let zero = s.splat(0.0);
        let half = S::LANES / 2;
        let rows = 2 * pooled[0];
        let mut start = 0;
        while start < rows {
            // The last tile may overlap the one before and write the same again.
            let first = start.min(rows - 2 * G);
            let mut column = columns.from;
            while column < columns.to {
                let width = (columns.to - column).min(lanes);
                let masks = group_masks::<S, G>(s, width);
                let x = source.x.wrapping_add(first * source.x_row + column);
                let offsets = [0, source.x_row];
                // SAFETY: `forward_pool` has checked that all reads lie in `x`, and that `y` and
                // `argmax` hold all pooled pixels; only lanes of those are written.
                unsafe {
                    let sums: [[S::V; N]; 2] =
                        tile(s, &source, x, offsets, 2 * source.x_row, &masks);
                    // Small loops, each over all channels: they are unrolled, which keeps the sums
                    // in registers.
                    let mut best = [zero; N];
                    if let Some(argmax) = argmax {
                        let mut position = [zero; N];
                        for pair in 0..N.div_ceil(2) {
                            (best[pair], position[pair]) = pool_pair(s, &sums, pair);
                        }
                        if source.relu {
                            let dead = s.splat(f32::from(DEAD));
                            for pair in 0..N.div_ceil(2) {
                                position[pair] =
                                    s.if_greater(best[pair], zero, position[pair], dead);
                            }
                        }
                        let mut bytes = [[0u8; 16]; N];
                        for pair in 0..N.div_ceil(2) {
                            s.store_bytes(bytes[pair].as_mut_ptr(), S::LANES, position[pair]);
                        }
                        let to = argmax.add(first / 2 * pooled[1] + column / 2);
                        for n in 0..N {
                            let to = to.add(n * pooled[0] * pooled[1]);
                            let from = bytes[n / 2].as_ptr().add(n % 2 * half);
                            if G == 1 && width == lanes {
                                std::ptr::copy_nonoverlapping(from, to, half);
                                continue;
                            }
                            for g in 0..G {
                                for i in 0..width / 2 {
                                    *to.add(g * pooled[1] + i) = *from.add(g * lanes / 2 + i);
                                }
                            }
                        }
                    } else {
                        for pair in 0..N.div_ceil(2) {
                            best[pair] = pool_pair(s, &sums, pair).0;
                        }
                    }
                    if source.relu {
                        for pair in 0..N.div_ceil(2) {
                            best[pair] = s.max(zero, best[pair]);
                        }
                    }
                    let to = y.add(first / 2 * y_row + column / 2);
                    if G == 1 && width == lanes {
                        for n in 0..N {
                            let v = best[n / 2];
                            let v = if n % 2 == 0 { v } else { s.upper(v) };
                            s.store_lower(to.add(n * y_plane), v);
                        }
                    } else {
                        for n in 0..N {
                            for g in 0..G {
                                let from = n % 2 * half + g * lanes / 2;
                                let to = to.wrapping_add(n * y_plane + g * y_row);
                                let mask = s.mask(from, from + width / 2);
                                s.store_masked(to.wrapping_sub(from), mask, best[n / 2]);
                            }
                        }
                    }
                }
                column += lanes;
            }
            start += 2 * G;
        }
    }
}

/// `y = max_pool(relu(x * kernel + bias))` with pools of 2x2, stride 2, padding "valid": a last
/// odd row or column is dropped. `relu` says whether there is one.
///
/// `x`, `packed` and `bias` are as for [`forward`](super::forward()). Overwrites the pixels of
/// `y`, `(F, H', W')`, the pooled picture, and leaves its halo as it is.
///
/// `argmax`, `(F, H', W')` without gaps, becomes the position of each maximum in its pool: `0..=3`
/// in row-major order, the first where several are equal, as TensorFlow has it; 4 where `relu` has
/// set it to zero, so that no gradient flows.
///
/// # Panics
/// If the stride is not 1, a slice is too short, or the halo of `x` is narrower than the kernel
/// reaches.
pub fn forward_pool(
    isa: Isa,
    y: &mut [f32],
    yl: &Planes,
    argmax: Option<&mut [u8]>,
    x: &[f32],
    xl: &Planes,
    packed: &[f32],
    bias: Option<&[f32]>,
    window: &Window,
    relu: bool,
) {
    assert!(y.len() >= yl.len(), "output: {} elements, layout needs {}", y.len(), yl.len());
    // SAFETY: the output was checked.
    unsafe { forward_pool_to(isa, y.as_mut_ptr(), yl, argmax, x, xl, packed, bias, window, relu) };
}

/// As [`forward_pool`] without places of maxima, on several threads, each with a band of rows. The
/// halo of `y` becomes zero.
///
/// # Panics
/// As [`forward_pool`].
pub fn forward_pool_in_bands(
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
    for_bands(scratch, (y, yl), (xl, 2), 1, |_, y, yl, xl| {
        // SAFETY: the output was checked, and nobody else writes the rows of this band.
        unsafe { forward_pool_to(isa, y, yl, None, x, xl, packed, bias, window, relu) }
    });
}

/// As [`forward_pool`], to the output that `y` points to.
///
/// # Safety
/// `y` has as many elements as `yl` says, and nobody else uses the pixels.
unsafe fn forward_pool_to(
    isa: Isa,
    y: *mut f32,
    yl: &Planes,
    argmax: Option<&mut [u8]>,
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
    let pooled = [yl.height, yl.width];
    assert_readable(xl, x, [2 * pooled[0], 2 * pooled[1]], window);
    let plane = pooled[0] * pooled[1];
    let mut argmax = argmax;
    let long_enough = argmax.as_ref().is_none_or(|argmax| argmax.len() >= yl.channels * plane);
    assert!(long_enough, "argmax: fewer elements than pooled pixels");
    let limits = limits(isa);
    let settings = (yl.channels, limits.accumulators / 2);
    for_blocks((x, xl), packed, bias, window, relu, settings, |source, first, n| {
        for columns in split_columns(limits, 2 * pooled[1], |groups| pooled[0] >= groups) {
            if columns.from == columns.to {
                continue;
            }
            let y = y.wrapping_add(first * yl.plane() + yl.origin());
            let argmax = argmax.as_mut().map(|argmax| argmax[first * plane..].as_mut_ptr());
            macro_rules! block {
                ($n:expr, $groups:expr) => {{
                    let (y_row, y_plane) = (yl.row, yl.plane());
                    let block = Block::<{ $n }, { $groups }> {
                        source,
                        y,
                        y_row,
                        y_plane,
                        argmax,
                        pooled,
                        columns,
                    };
                    // SAFETY: slices and halo were checked above for all pixels of the output.
                    unsafe { dispatch(isa, block) }
                }};
            }
            with_constant!(n, N => match columns.groups {
                1 => block!(N, 1),
                2 => block!(N, 2),
                _ => block!(N, 4),
            });
        }
    });
}

/// Spreads the rows of one pooled plane.
struct Unpool {
    d_full: *mut f32,
    full_row: usize,
    d_pooled: *const f32,
    pooled_row: usize,
    argmax: *const u8,
    pooled: [usize; 2],
}

impl Kernel for Unpool {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        let Self { d_full, full_row, d_pooled, pooled_row, argmax, pooled } = self;
        let zero = s.splat(0.0);
        for row in 0..pooled[0] {
            let mut column = 0;
            while column < pooled[1] {
                let n = (pooled[1] - column).min(S::LANES);
                // SAFETY: `unpool` has checked that all planes hold these pixels.
                unsafe {
                    let from = d_pooled.add(row * pooled_row + column);
                    let gradient = s.load_over(zero, from, s.mask(0, n));
                    let places = argmax.add(row * pooled[1] + column);
                    for (y, [first, second]) in
                        s.spread(gradient, places, n).into_iter().enumerate()
                    {
                        let to = d_full.add((2 * row + y) * full_row + 2 * column);
                        if n == S::LANES {
                            s.store(to, first);
                            s.store(to.add(S::LANES), second);
                        } else {
                            let split = (2 * n).min(S::LANES);
                            s.store_masked(to, s.mask(0, split), first);
                            let to = to.wrapping_add(S::LANES);
                            s.store_masked(to, s.mask(0, 2 * n - split), second);
                        }
                    }
                }
                column += n;
            }
        }
    }
}

/// The gradient before a 2x2 max pooling with stride 2: each pooled gradient goes to the pixel
/// that `argmax` (as [`forward_pool`] writes it) names, all other pixels become zero.
///
/// `d_full` is `(C, H, W)`, `d_pooled` is `(C, H / 2, W / 2)`, `argmax` the same without gaps.
/// Overwrites the pixels of `d_full` and leaves its halo as it is.
///
/// # Panics
/// If sizes do not fit or a slice is too short.
pub fn unpool(
    isa: Isa,
    d_full: &mut [f32],
    full: &Planes,
    d_pooled: &[f32],
    pooled: &Planes,
    argmax: &[u8],
) {
    assert_eq!(full.channels, pooled.channels, "channels before and after pooling");
    let size = [pooled.height, pooled.width];
    assert_eq!(size, [full.height / 2, full.width / 2], "pooled height and width");
    if full.is_empty() {
        return;
    }
    assert!(d_full.len() >= full.len(), "output: fewer elements than its layout needs");
    assert!(d_pooled.len() >= pooled.len(), "input: fewer elements than its layout needs");
    let plane = size[0] * size[1];
    assert!(argmax.len() >= full.channels * plane, "argmax: fewer elements than pooled pixels");
    if !pooled.is_empty() {
        let gradient = (d_pooled, pooled, argmax);
        unpool_rows(isa, &mut d_full[full.origin()..], full, gradient, 0, size[0]);
    }
    // What no pool has covered: a last odd column, a last odd row.
    for channel in 0..full.channels {
        let plane = &mut d_full[channel * full.plane() + full.origin()..];
        for row in 0..full.height {
            let from = if row < 2 * size[0] { 2 * size[1] } else { 0 };
            plane[row * full.row + from..][..full.width - from].fill(0.0);
        }
    }
}

/// Spreads `rows` pooled rows of all channels, from `first` on, over `d_full`, which begins with
/// the first pixel of the first of these rows; `full` says how far its rows and planes are apart.
///
/// # Panics
/// If a slice is too short.
pub(super) fn unpool_rows(
    isa: Isa,
    d_full: &mut [f32],
    full: &Planes,
    (d_pooled, pooled, argmax): (&[f32], &Planes, &[u8]),
    first: usize,
    rows: usize,
) {
    for channel in 0..pooled.channels {
        let at = (channel * pooled.height + first) * pooled.width;
        let from = channel * pooled.plane() + pooled.origin() + first * pooled.row;
        let last = (rows - 1) * pooled.row + pooled.width;
        let d_full = &mut d_full[channel * full.plane()..];
        assert!(d_full.len() >= (2 * rows - 1) * full.row + 2 * pooled.width, "d_full: too short");
        let job = Unpool {
            d_full: d_full.as_mut_ptr(),
            full_row: full.row,
            d_pooled: d_pooled[from..from + last].as_ptr(),
            pooled_row: pooled.row,
            argmax: argmax[at..at + rows * pooled.width].as_ptr(),
            pooled: [rows, pooled.width],
        };
        // SAFETY: the slices hold all pixels of these rows.
        unsafe { dispatch(isa, job) };
    }
}
