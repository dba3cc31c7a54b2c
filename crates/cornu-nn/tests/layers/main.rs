//! Layers, activations, initializers, regularizers and constraints against numbers that the real
//! Keras computed, and every entry of the catalogue against the rules that all layers keep.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "tests")]

mod augment;
mod catalogue;
mod functions;
mod initializers;
mod layers;
mod pictures;
mod random;
mod renorm;
mod runtimes;
mod tally;
