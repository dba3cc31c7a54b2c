//! Moving the pixels of a picture `(H, W, C)`: affine maps, resizing and flips.

mod affine;
mod affine_grad;
mod flip;
mod resize;
mod resize_grad;

pub use affine::{FillMode, Interpolation, affine_transform};
pub use affine_grad::affine_transform_grad;
pub use flip::{flip_horizontal, flip_vertical};
pub use resize::resize;
pub use resize_grad::{resize_grad, resize_grad_scratch_len};

/// Height and width in pixels, and channels, of a picture `(H, W, C)` without a halo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Size {
    /// `H`.
    pub height: usize,
    /// `W`.
    pub width: usize,
    /// `C`.
    pub channels: usize,
}

impl Size {
    /// Elements of the picture.
    pub fn len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
