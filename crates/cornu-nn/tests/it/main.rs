//! Everything against numbers that the real Keras computed, and against plain reference code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "tests")]

mod golden_tally;
mod losses;
mod metrics;
mod optimizers;
mod schedules;
