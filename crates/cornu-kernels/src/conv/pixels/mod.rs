//! Convolutions on pixels: vectors hold neighboring output channels of a pixel, inputs are
//! broadcast.
//!
//! | name | meaning |
//! |---|---|
//! | `x`, `C` | input and its channels |
//! | `y`, `F` | output and its filters |
//! | `dy`, `dx` | gradients of the loss by `y` and `x` |
//!
//! [`winograd`] has the same for wide 3x3 kernels with a quarter of the products. Here: any stride,
//! dilation, padding and number of groups. Filter `f` belongs to group `f / (F / groups)` and reads that group's `C / groups` input channels. With as many groups as
//! input channels and filters (depthwise), vectors run along the channels of both sides; where groups
//! are small, a vector holds several of them.

mod forward;
mod grouped;
mod kernel_grad;
mod pack;
mod parts;
mod tile;
pub mod winograd;

pub use forward::{forward, forward_in_parts, input_grad, input_grad_halo};
pub use kernel_grad::{bias_grad, kernel_grad};
pub use pack::{pack, pack_transposed, packed_len};

use crate::layout::{Pixels, Window};

/// Channels whose weights are packed together.
const PANEL: usize = 32;
/// Weights of a panel are padded with zeros to a multiple of this, the longest vector.
const PAD: usize = 16;

/// How the channels of both sides are grouped.
#[derive(Clone, Copy)]
struct Groups {
    count: usize,
    inputs: usize,
    outputs: usize,
}

impl Groups {
    /// Panics unless both sides split into `count` groups.
    fn new(count: usize, in_channels: usize, filters: usize) -> Self {
        let fits = count > 0 && in_channels.is_multiple_of(count) && filters.is_multiple_of(count);
        assert!(
            fits,
            "{in_channels} channels and {filters} filters do not split in {count} groups"
        );
        Self { count, inputs: in_channels / count, outputs: filters / count }
    }

    /// Whether each channel is on its own, so that vectors may run along both sides' channels.
    fn is_depthwise(self) -> bool {
        self.count > 1 && self.inputs == 1 && self.outputs == 1
    }

    /// Whether groups are so small that a vector should hold the channels of several.
    fn is_interleaved(self) -> bool {
        self.count > 1 && !self.is_depthwise() && self.inputs.max(self.outputs) <= grouped::MOST
    }
}

/// Panics unless `x` can be read by `window` for every pixel of `output`.
fn assert_readable(xl: &Pixels, x: &[f32], output: [usize; 2], window: &Window) {
    assert!(x.len() >= xl.len(), "input: {} elements, layout needs {}", x.len(), xl.len());
    let needed = window.halo([xl.height, xl.width], output);
    assert!(xl.halo.covers(needed), "input: halo {:?}, window needs {needed:?}", xl.halo);
}
