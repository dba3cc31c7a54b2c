//! Every way of running gives what the reference gives.

mod networks;
mod runtimes;
