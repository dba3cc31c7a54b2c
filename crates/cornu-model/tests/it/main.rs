//! Models: structure, training, saving, and what must be refused.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod calls;
mod checks;
mod masks;
mod mixing;
mod named;
mod open_sizes;
mod reverse;
mod saving;
mod structure;
mod tensorboard;
mod training;
mod versions;
