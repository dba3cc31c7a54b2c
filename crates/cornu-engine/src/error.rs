use cornu_graph::GraphError;

use crate::memory_limit::in_units;

/// Why a graph could not be compiled or run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EngineError {
    /// The graph is not valid, or a pass broke it.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// An input has the wrong number of elements, or is missing.
    #[error("input `{name}`: expected {expected}, got {got}")]
    Input {
        /// The input's name.
        name: String,
        /// What the graph asks for.
        expected: String,
        /// What was fed.
        got: String,
    },
    /// A variable does not have the shape that the graph declares.
    #[error("variable `{name}`: expected shape {expected:?}, got {got:?}")]
    Variable {
        /// The variable's name in the graph.
        name: String,
        /// Declared sizes.
        expected: Vec<usize>,
        /// Sizes of the value it is bound to.
        got: Vec<usize>,
    },
    /// More memory than there is. Nothing has been computed.
    #[error(
        "{what} would take {} of memory, but {}; use a smaller batch, smaller pictures or a smaller \
         model",
        in_units(*bytes),
        available(*limit)
    )]
    Memory {
        /// What it is wanted for: a batch of so many samples, ...
        what: String,
        /// Bytes in all.
        bytes: f64,
        /// Bytes that the program may use ([`Options::memory`](crate::Options)); `None` if the
        /// system refused them.
        limit: Option<u64>,
    },
    /// An option that cannot be met on this machine.
    #[error("`{option}`: {problem}")]
    Option {
        /// The option's or environment variable's name.
        option: &'static str,
        /// What is wrong with it and what would work.
        problem: String,
    },
}

fn available(limit: Option<u64>) -> String {
    match limit {
        Some(limit) => format!("there are {}", in_units(limit as f64)),
        None => "the system does not give that much".to_owned(),
    }
}
