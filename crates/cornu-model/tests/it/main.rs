//! Models against what the real Keras computed and wrote, and what must hold without it.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod checks;
mod golden;
mod golden_callback;
mod golden_files;
mod golden_model;
mod golden_train;
mod masks;
mod mixing;
mod reverse;
mod saving;
mod structure;
mod training;
mod versions;
