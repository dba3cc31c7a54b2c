//! The program as users run it.

mod bad_input;
mod cornu;
mod help;
mod models;
mod runs;
