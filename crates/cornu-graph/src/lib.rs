//! The graph of operations as data: building one runs nothing.
//!
//! A [`Graph`] is a list of nodes in the order they were added; each node is an [`Op`] applied to
//! earlier values and makes one value. Every op is defined in one file of [`ops`]: its shape rule,
//! its gradient rule as more graph, and its meaning as plain `f64` loops ([`OpDef::evaluate`]), which
//! the fast engine is checked against.
//!
//! ```
//! use cornu_graph::{Graph, gradient};
//! use cornu_tensor::Shape;
//!
//! let mut graph = Graph::new();
//! let x = graph.input("x", Shape::batched([3]))?;
//! let squared = graph.square(x)?;
//! let loss = graph.sum(squared, &[0, 1], false)?;
//! let d_x = gradient(&mut graph, loss, &[x])?[0];
//! assert!(d_x.is_some());
//! # Ok::<(), cornu_graph::GraphError>(())
//! ```

mod builder;
mod dump;
mod error;
mod evaluate;
mod gradient;
mod graph;
pub mod ops;
mod verify;

pub use error::GraphError;
pub use evaluate::{Feed, evaluate};
pub use gradient::{GradientCx, gradient, gradient_from};
pub use graph::{Graph, MAX_ELEMENTS, Node, Update, ValueId, VariableId, VariableInfo, check_size};
pub use ops::{EvalCx, Op, OpDef};
pub use verify::verify;
