//! The ops against truths from outside: central differences, a known graph.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says so where it has nothing to run on"
)]

mod dump;
mod gradient_cases;
mod gradient_check;
