use cornu_graph::GraphError;

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
    /// An option that cannot be met on this machine.
    #[error("`{option}`: {problem}")]
    Option {
        /// The option's or environment variable's name.
        option: &'static str,
        /// What is wrong with it and what would work.
        problem: String,
    },
}
