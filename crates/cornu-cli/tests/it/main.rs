//! The program as users run it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail anywhere")]

mod bad_input;
mod convert;
mod cornu;
mod explain;
mod help;
mod models;
mod plot;
mod runs;
