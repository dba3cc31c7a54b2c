//! Layers that make one tensor of several.

mod concatenate;
mod elementwise;

pub use concatenate::Concatenate;
pub use elementwise::{Add, Average, Maximum, Minimum, Multiply, Subtract};
