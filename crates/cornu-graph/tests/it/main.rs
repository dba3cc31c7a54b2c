//! The ops against truths from outside: central differences, Keras's numbers, a known graph.

mod dump;
mod golden;
mod gradient_cases;
mod gradient_check;
