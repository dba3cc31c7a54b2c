//! CPU kernels on slices: slices in, slices out.
//!
//! A kernel never allocates, never reads the environment, and knows neither tensors nor graphs.
//! Each takes an [`Isa`], the proof of the instruction set it may use, asserts the lengths of its
//! slices at entry, and is checked against a plain loop beside it, for every instruction set that
//! the machine has.
#![allow(unsafe_code, reason = "the one crate where SIMD and threads are written by hand")]

pub mod arg_max;
mod buffer;
pub mod conv;
pub mod copy;
pub mod elementwise;
pub mod gather;
pub mod helpers;
pub mod image;
mod isa;
pub mod layout;
pub mod math;
pub mod matmul;
pub mod moments;
pub mod peak;
pub mod pooling;
pub mod random;
pub mod reduce;
mod simd;
pub mod softmax;
pub mod threads;

pub use buffer::{AlignedBuf, OutOfMemory, as_bytes, as_bytes_mut};
pub use isa::Isa;
