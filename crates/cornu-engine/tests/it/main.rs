//! Every way of running gives what the reference gives.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod denormals;
mod memory;
mod networks;
mod non_finite;
mod random_graphs;
mod ranks;
mod runtimes;
mod shuffle;
