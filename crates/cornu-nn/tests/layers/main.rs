//! Every layer of the catalogue against the rules that all layers keep.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "tests")]

mod catalogue;
mod pictures;
mod renorm;
