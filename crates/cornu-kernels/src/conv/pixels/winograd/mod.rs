//! Convolutions of 3x3 kernels with a quarter of the multiplications: minimal filtering of 4x4
//! output pixels at a time (Winograd 1980; Lavin and Gray 2015).
//!
//! A tile of 6x6 input pixels, seen as a polynomial in both axes, is evaluated at 6x6 points; so is
//! the kernel. Then the product of both is one multiplication per point and channel, and the 4x4
//! output pixels are read off the 36 sums over the channels.
//!
//! | name | meaning |
//! |---|---|
//! | point | one of the 36 pairs of places where the polynomials are evaluated |
//! | tile | 4x4 output pixels and the 6x6 input pixels that they read |
//! | strip | tiles that go through all three steps together, so that they stay in the cache |
//! | `V` | input at the points, `(point, tile, C)` |
//! | `U` | kernel at the points, packed as `(panel, point, C, filter in the panel)` |
//! | `M` | sums over the channels, `(point, tile, filter in the panel)` |
//!
//! The places are 0, ±√½, ±√2 and infinity. With the usual 0, ±1, ±2 and infinity rounding errors
//! are three to five times larger; with these the largest is 0.7e-6 of the output's largest value
//! for 16 channels, 1.2e-6 for 64 and 3.6e-6 for 512, against 0.5e-6, 0.9e-6 and 1.9e-6 of the plain
//! sum (normal inputs, Glorot's weights).
//!
//! A NaN or an infinity in the input may spread to all pixels of the tiles that read it, and an
//! infinity becomes NaN.

mod forward;
mod kernel_grad;
pub(in crate::conv) mod pack;
pub(in crate::conv) mod transforms;

pub use forward::{forward, forward_in_parts, scratch_len};
pub use kernel_grad::{kernel_grad, kernel_grad_scratch_len};
pub use pack::{pack, pack_part, pack_transposed, packed_len, packed_parts};

use super::PANEL;
use crate::layout::{Pixels, Window};

/// Output pixels of a tile, along each axis.
pub(in crate::conv) const OUT: usize = 4;
/// Taps of the kernel, along each axis.
pub(in crate::conv) const TAPS: usize = 3;
/// Input pixels of a tile, along each axis: also the places where polynomials are evaluated.
pub(in crate::conv) const IN: usize = OUT + TAPS - 1;
/// Pairs of places.
pub(in crate::conv) const POINTS: usize = IN * IN;

/// Tiles in a call from which on the kernel's gradient gains, as measured.
pub const KERNEL_GRAD_TILES: usize = 4;

/// Whether these kernels can do this convolution.
pub fn supports(window: &Window, groups: usize) -> bool {
    let Window { size, stride, dilation, before } = *window;
    size == [TAPS; 2]
        && stride == [1, 1]
        && dilation == [1, 1]
        && groups == 1
        && before.iter().all(|&before| before < TAPS)
}

/// The walk of the flipped kernel over the output's gradient that gives the input's gradient.
pub fn input_grad_window(window: &Window) -> Window {
    let before = window.before.map(|before| TAPS - 1 - before);
    Window { before, ..*window }
}

/// Tiles of an output picture. All kernels get faster with their number, the kernel's gradient most:
/// with fewer than [`KERNEL_GRAD_TILES`] in a call it is slower than the [plain
/// one](super::kernel_grad()).
pub fn n_tiles(output: &Pixels) -> usize {
    Tiles::new(output, 1).len()
}

/// The tiles of some samples, in order: row by row, sample by sample.
#[derive(Clone, Copy)]
struct Tiles {
    samples: usize,
    rows: usize,
    columns: usize,
}

impl Tiles {
    fn new(output: &Pixels, samples: usize) -> Self {
        let (rows, columns) = (output.height.div_ceil(OUT), output.width.div_ceil(OUT));
        Self { samples, rows, columns }
    }

    fn len(&self) -> usize {
        self.samples * self.rows * self.columns
    }

    /// Sample, row and column of a tile.
    #[inline(always)]
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (row, column) = (tile / self.columns, tile % self.columns);
        (row / self.rows, row % self.rows, column)
    }

    /// Tiles of the longest strip.
    fn strip(&self, channels: usize) -> usize {
        self.len().min((STRIP_ELEMENTS / (POINTS * channels.max(1))).clamp(MIN_STRIP, MAX_STRIP))
    }
}

/// Elements of a strip's `V` if it shall leave room in the second-level cache.
const STRIP_ELEMENTS: usize = 32 * 1024;
/// Fewest tiles of a full strip: each value of `U` that is read serves so many products.
const MIN_STRIP: usize = 12;
/// Most tiles of a strip.
const MAX_STRIP: usize = 48;

/// Elements from one point to the next, for `len` elements per point. Never a multiple of the
/// distance at which addresses fall into the same lines of the first-level cache.
fn point_step(len: usize) -> usize {
    len.next_multiple_of(16) + 16
}
