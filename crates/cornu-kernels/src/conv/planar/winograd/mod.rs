//! 3x3 convolutions on planes with a quarter of the multiplications: the minimal filtering of
//! [`pixels::winograd`](crate::conv::pixels::winograd), with its places and its rounding errors,
//! for few channels.
//!
//! Vectors hold the same pixel of neighboring tiles.
//!
//! | name | meaning |
//! |---|---|
//! | point, tile | as in [`pixels::winograd`](crate::conv::pixels::winograd) |
//! | strip | a vector of tiles: of one row of tiles or, in narrow pictures, of two |
//! | `V` | input of a strip at the points, `(point, C, tile)` |
//! | `U` | kernel at the points, packed as `(block of filters, point, C, filter in the block)` |
//! | `M` | sums over the channels, `(point, filter in the block, tile)` |
//!
//! As in [`pixels::winograd`](crate::conv::pixels::winograd), a NaN or an infinity in the input may spread
//! to all pixels of the tiles that read it.

mod forward;
mod input;
mod output;
mod pack;
mod products;
mod strips;

pub use crate::conv::pixels::winograd::supports;
pub use forward::{forward, forward_in_bands, forward_pool, forward_pool_in_bands, scratch_len};
pub use pack::{pack, pack_transposed, packed_len};

use crate::conv::pixels::winograd::{IN, OUT, POINTS, TAPS};
use strips::Strips;

/// Rows of tiles in one strip, at most.
const GROUPS: usize = 2;

/// Strips of an output picture, height and width, with vectors of `lanes`: each takes the same time,
/// however many of its lanes hold tiles.
pub fn n_strips(lanes: usize, output: [usize; 2]) -> usize {
    Strips::new(lanes, output).len()
}
