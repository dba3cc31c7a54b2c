//! Host arrays and shapes: what every floor above speaks in.
//!
//! - [`Array`] is a dense, row-major array that owns its elements; [`Tensor`] is one of `f32`.
//! - [`Shape`] is the shape of a value in a graph, where the number of samples is not known yet.
//!
//! Nothing here computes; arithmetic lives in `cornu-kernels` (fast) and in the ops of
//! `cornu-graph` (by definition).

mod array;
mod shape;

pub use array::{Array, ShapeMismatch, Tensor, row_major_strides};
pub use shape::{Dim, Shape};
