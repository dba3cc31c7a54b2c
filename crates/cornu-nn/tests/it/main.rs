//! Losses, metrics, optimizers and schedules against plain reference code and the rules they keep.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod losses;
mod metrics;
mod optimizers;
mod schedules;
