//! Softmax and its logarithm along an axis.

mod columns;
mod rows;

pub use columns::{log_softmax_columns, softmax_columns};
pub use rows::{log_softmax_rows, log_softmax_rows_grad, softmax_rows, softmax_rows_grad};
