//! Convolution and 2x2 max pooling in one pass, and the way back.

use super::forward::{Source, for_blocks, tile};
use super::{Columns, assert_readable, group_masks, split_columns};
use crate::Isa;
use crate::conv::blocks::with_constant;
use crate::conv::simd::{Kernel, Simd, dispatch, limits};
use crate::layout::{Planes, Window};

/// The position in `argmax` of a pooled pixel that ReLU has set to zero.
pub(super) const DEAD: u8 = 4;

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
    unsafe fn run<S: Simd>(self, s: S) {
        if const { N * 2 > S::ACCUMULATORS || G > S::GROUPS } {
            unreachable!("no tile is chosen beyond the limits");
        }
        let Self { source, y, y_row, y_plane, argmax, pooled, columns } = self;
        let lanes = S::LANES / G;
        let (zero, one) = (s.splat(0.0), s.splat(1.0));
        let twos = [2.0; 16];
        // SAFETY: `twos` is as long as the longest vector.
        let top_left = unsafe { s.load_over(zero, twos.as_ptr(), s.mask(S::LANES / 2, S::LANES)) };
        let top_right = s.add(top_left, one);
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
                    let sums: [[S::Vector; N]; 2] =
                        tile(s, &source, x, offsets, 2 * source.x_row, &masks);
                    for n in 0..N {
                        // The lower half of the lanes belongs to upper rows, the upper to lower.
                        let (left, right) = s.unzip(sums[0][n], sums[1][n]);
                        let wide = s.max(left, right);
                        let low = s.upper(wide);
                        let mut best = s.max(wide, low);
                        let (top, left_edge) = (first / 2, column / 2);
                        if let Some(argmax) = argmax {
                            let side = s.if_greater(right, left, top_right, top_left);
                            let mut position = s.if_greater(low, wide, s.upper(side), side);
                            if source.relu {
                                let dead = s.splat(f32::from(DEAD));
                                position = s.if_greater(best, zero, position, dead);
                            }
                            let to = argmax.add((n * pooled[0] + top) * pooled[1] + left_edge);
                            if G == 1 {
                                s.store_bytes(to, width / 2, position);
                            } else {
                                let mut bytes = [0u8; 16];
                                s.store_bytes(bytes.as_mut_ptr(), S::LANES / 2, position);
                                for g in 0..G {
                                    for i in 0..width / 2 {
                                        *to.add(g * pooled[1] + i) = bytes[g * lanes / 2 + i];
                                    }
                                }
                            }
                        }
                        if source.relu {
                            best = s.max(zero, best);
                        }
                        let to = y.add(n * y_plane + top * y_row + left_edge);
                        for g in 0..G {
                            let from = g * lanes / 2;
                            let to = to.wrapping_add(g * y_row).wrapping_sub(from);
                            s.store_masked(to, s.mask(from, from + width / 2), best);
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
    if yl.is_empty() {
        return;
    }
    let pooled = [yl.height, yl.width];
    assert_readable(xl, x, [2 * pooled[0], 2 * pooled[1]], window);
    assert!(y.len() >= yl.len(), "output: {} elements, layout needs {}", y.len(), yl.len());
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
            let y = y[first * yl.plane() + yl.origin()..].as_mut_ptr();
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
    unsafe fn run<S: Simd>(self, s: S) {
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
                    let position = s.load_bytes(argmax.add(row * pooled[1] + column), n);
                    for y in 0..2 {
                        let left = s.if_equal(position, s.splat((2 * y) as f32), gradient);
                        let right = s.if_equal(position, s.splat((2 * y + 1) as f32), gradient);
                        let (first, second) = s.zip(left, right);
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
