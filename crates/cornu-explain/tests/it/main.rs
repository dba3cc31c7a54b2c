//! Maps as a whole.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail anywhere")]

mod explainer;
mod keras_maps;
mod sanity;
