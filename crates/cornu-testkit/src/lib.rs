//! What the tests of all crates share; a development dependency only, never part of a build.
//!
//! - [`golden`]: numbers that the real Keras computed, and the rule by which to compare with them.
//! - [`compare`]: "these arrays are close", with a message that shows the worst element.
//! - [`random`]: a small generator whose numbers are the same on every machine.
//! - [`gradient`]: derivatives by central differences, the slow truth for backward passes.

pub mod compare;
pub mod golden;
pub mod gradient;
pub mod random;

pub use compare::assert_close;
pub use golden::{Case, Cases};
pub use gradient::finite_difference;
pub use random::Random;
