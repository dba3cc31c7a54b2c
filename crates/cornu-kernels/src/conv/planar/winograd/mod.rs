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
//! The more lanes of the strips hold tiles the better: see [`filled`]. As in
//! [`pixels::winograd`](crate::conv::pixels::winograd), a NaN or an infinity in the input may spread
//! to all pixels of the tiles that read it.

mod forward;
mod input;
mod output;
mod pack;
mod products;
mod strips;

pub use crate::conv::pixels::winograd::supports;
pub use forward::{forward, forward_pool, scratch_len};
pub use pack::{pack, pack_transposed, packed_len};

use crate::conv::pixels::winograd::{IN, OUT, POINTS, TAPS};
use strips::Strips;

/// Rows of tiles in one strip, at most.
const GROUPS: usize = 2;

/// The share of lanes that hold tiles, if vectors of `lanes` walk over `output` pixels, height and
/// width.
pub fn filled(lanes: usize, output: [usize; 2]) -> f64 {
    let strips = Strips::new(lanes, output);
    let tiles = output[0].div_ceil(OUT) * output[1].div_ceil(OUT);
    tiles as f64 / (strips.len() * lanes).max(1) as f64
}
