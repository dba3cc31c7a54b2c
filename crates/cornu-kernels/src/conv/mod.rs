//! Convolutions of one sample on one thread: forward, gradient of the input, gradient of the
//! kernel and of the bias.
//!
//! | module | layout | vectors run along | for |
//! |---|---|---|---|
//! | [`planar`] | [`Planes`](crate::layout::Planes) | a row of pixels | few channels, stride 1 |
//! | [`pixels`] | [`Pixels`](crate::layout::Pixels) | output channels | many channels; any stride, groups |
//! | [`pixels::winograd`] | [`Pixels`](crate::layout::Pixels) | channels | 3x3 with many channels: a quarter of the products |
//! | [`planar::winograd`] | [`Planes`](crate::layout::Planes) | a row of 4x4 tiles | 3x3 with some channels: a quarter of the products |
//! | [`volumes`] | plain `(D, H, W, C)` | channels | volumes, slice by slice on pixels |
//! | [`mod@reference`] | plain `(H, W, C)` | nothing: plain loops in `f64` | the definition, for tests |
//!
//! Kernels have Keras's order `(kh, kw, in_channels / groups, filters)`. Padding is the halo of the
//! picture that is read: its border must be zero and at least as wide as the kernel reaches, which
//! every function asserts. Every `kernel_grad` and `bias_grad` adds to what is there; all others
//! overwrite the pixels of their output and leave its halo as it is.

mod blocks;
pub mod pixels;
pub mod planar;
pub mod reference;
mod simd;
pub mod volumes;

#[cfg(test)]
mod testing;
