//! Turns a graph into a plan and runs it.
//!
//! [`Program::compile`] decides everything that can be decided before the first run; a run then
//! feeds inputs, computes, and stores the updates into the [`Variables`].
//!
//! Four [`Runtime`]s give the same results up to rounding, and a test that fails in only one of
//! them names the floor at fault: the reference (the ops' definitions, in `f64`), the engine without
//! fusion, the fused engine, and the fused engine on several threads (bit-equal to one thread).

mod program;

// The road from a graph to a plan, in order.
mod bind;
mod combine;
mod groups;
mod layouts;
mod lower;
mod memory;
mod passes;
mod placement;
mod plan;
mod plan_text;
mod recompute;
mod regions;

// The road of a batch through a plan.
mod profile;
mod run;
mod schedule;

mod error;
mod memory_limit;
mod options;
mod variables;

pub use error::EngineError;
pub use options::{Options, Runtime};
pub use profile::{Profile, StepProfile};
pub use program::{Program, Run};
pub use variables::Variables;
