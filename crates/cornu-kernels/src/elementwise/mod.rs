//! Fused elementwise programs: many small operations in one pass over memory.
//!
//! A [`Program`] is a list of steps over values: its inputs come first, then one value per step.
//! It runs block by block: all steps on the first few hundred elements, then on the next, so that
//! intermediate values stay in the nearest cache. Inputs of another size than the output say by
//! their [`Access`] how they are spread over it.
//!
//! ```text
//! inputs: x (full), bias (cycle 8)          values 0, 1
//! steps:  add 0 1; max 2 0.0                values 2, 3 (constant), 4
//! outputs: 4
//! ```

mod access;
mod op;
mod pairs;
mod program;
mod run;

pub use access::Access;
pub use op::{Binary, Ternary, Unary};
pub use program::{Program, ProgramError, Step};
pub use run::{run, run_in_place};

/// Elements of a block: a register is 2 KiB, so a program with ten stays in the nearest cache.
pub const BLOCK: usize = 512;
