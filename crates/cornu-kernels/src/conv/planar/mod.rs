//! Convolutions on planes: vectors hold neighboring pixels of a row, weights are broadcast.
//!
//! | name | meaning |
//! |---|---|
//! | `x`, `C` | input and its channels |
//! | `y`, `F` | output and its filters |
//! | `dy`, `dx` | gradients of the loss by `y` and `x` |
//!
//! Stride 1 and one group only; any kernel size, dilation and padding. One vector per channel is
//! used however few channels there are, so this family is for layers of few channels; the input
//! gradient is again a [`forward`], see [`pack_transposed`] and [`input_grad_window`].
//!
//! [`winograd`] has the forward pass and the input gradient of 3x3 kernels with a quarter of the
//! products.
//!
//! Where a picture, or what is left of a row, is narrower than a vector, one vector holds pixels
//! of two or four rows.

mod bands;
mod forward;
mod kernel_grad;
mod kernel_grad_pooled;
mod pack;
mod pool;
pub mod winograd;

pub use forward::{forward, forward_in_bands};
pub use kernel_grad::{bias_grad, kernel_grad, kernel_grad_scratch_len};
pub use kernel_grad_pooled::{
    bias_grad_pooled, kernel_grad_pooled, kernel_grad_pooled_scratch_len,
};
pub use pack::{input_grad_window, pack, pack_transposed, packed_len};
pub use pool::{forward_pool, forward_pool_in_bands, unpool};

use super::simd::{ConvSimd, Limits};
use crate::layout::{Planes, Window};

/// Output channels whose weights are packed together.
const BLOCK: usize = 12;

/// Panics unless `x` can be read by `window` for every pixel of `output`.
fn assert_readable(xl: &Planes, x: &[f32], output: [usize; 2], window: &Window) {
    assert_eq!(window.stride, [1, 1], "planar convolutions have stride 1");
    assert!(x.len() >= xl.len(), "input: {} elements, layout needs {}", x.len(), xl.len());
    let needed = window.halo([xl.height, xl.width], output);
    assert!(xl.halo.covers(needed), "input: halo {:?}, window needs {needed:?}", xl.halo);
    let row = xl.halo.left + xl.width + xl.halo.right;
    assert!(xl.row >= row, "input: row of {} elements, picture needs {row}", xl.row);
}

/// Columns `from..to` of a picture, walked by vectors that hold `groups` rows each.
#[derive(Clone, Copy)]
struct Columns {
    from: usize,
    to: usize,
    groups: usize,
}

/// Splits the columns of a picture so that few lanes are wasted: whole vectors first, then what is
/// left of each row, several rows to a vector where that fits and there are enough rows.
fn split_columns(
    limits: Limits,
    width: usize,
    enough_rows: impl Fn(usize) -> bool,
) -> [Columns; 2] {
    let rest = width % limits.lanes;
    let groups = [4, 2]
        .into_iter()
        .find(|&n| n <= limits.groups && rest * n <= limits.lanes && enough_rows(n))
        .unwrap_or(1);
    // With one row to a vector, the last vector of a row is merely not full.
    let split = if groups == 1 { width } else { width - rest };
    [Columns { from: 0, to: split, groups: 1 }, Columns { from: split, to: width, groups }]
}

/// Masks that select the first `width` lanes of each of `G` groups.
#[inline(always)]
fn group_masks<S: ConvSimd, const G: usize>(s: S, width: usize) -> [S::Mask; G] {
    let lanes = S::LANES / G;
    let mut masks = [s.mask(0, 0); G];
    for g in 0..G {
        masks[g] = s.mask(g * lanes, g * lanes + width.min(lanes));
    }
    masks
}

/// A vector of `G` groups of pixels: group `g` comes from `from + g * step`. Lanes that no mask
/// selects hold anything.
///
/// # Safety
/// `S::LANES` elements at `from` and the selected lanes of the other groups are readable.
#[inline(always)]
unsafe fn load_groups<S: ConvSimd, const G: usize>(
    s: S,
    from: *const f32,
    step: usize,
    masks: &[S::Mask; G],
) -> S::V {
    // SAFETY: the caller's promise.
    unsafe {
        let mut v = s.load(from);
        for g in 1..G {
            let group = from.wrapping_add(g * step).wrapping_sub(g * (S::LANES / G));
            v = s.load_over(v, group, masks[g]);
        }
        v
    }
}
