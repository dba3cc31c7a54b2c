use cornu_graph::GraphError;

use crate::SymbolicShape;

/// What is wrong with a layer (or a loss, an optimizer, ...), its configuration or its inputs.
///
/// The text does not name the layer: whoever knows its name puts it in front.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LayerError {
    /// A key of the configuration has a value that is not taken.
    #[error("`{key}`: expected {expected}, got {got}")]
    Config {
        /// The key.
        key: String,
        /// What the key takes.
        expected: String,
        /// What it was given, as JSON.
        got: String,
    },
    /// The configuration lacks a key that has no default.
    #[error("`{0}` is missing")]
    MissingKey(String),
    /// Keys that nobody reads: misspelt, or not supported.
    #[error("{} not supported: {}", if .0.len() == 1 { "this key is" } else { "these keys are" }, .0.join(", "))]
    UnknownKeys(Vec<String>),
    /// There is no such class; the text says why, if [`crate::refusals`] knows.
    #[error("{kind} `{name}` is not supported{}", crate::refusals::because(kind, name))]
    UnknownClass {
        /// `layer`, `loss`, ...
        kind: &'static str,
        /// The class name.
        name: String,
    },
    /// A setting that Keras has and Cornu has not.
    #[error("`{setting}` is not supported: {hint}")]
    Unsupported {
        /// The key and its value.
        setting: String,
        /// What to do instead.
        hint: String,
    },
    /// An input has the wrong shape.
    #[error("input: expected {expected}, got shape {}", shapes(got))]
    InputShape {
        /// What the layer takes.
        expected: String,
        /// Shapes of all its inputs.
        got: Vec<SymbolicShape>,
    },
    /// The graph could not be built: shapes that do not fit.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl LayerError {
    /// An input of the wrong shape.
    pub fn input_shape(expected: impl Into<String>, got: &[SymbolicShape]) -> Self {
        Self::InputShape { expected: expected.into(), got: got.to_vec() }
    }

    /// Whether it says that something is not supported, rather than wrong.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::UnknownKeys(_) | Self::UnknownClass { .. } | Self::Unsupported { .. })
    }

    /// A key with a value that is not taken.
    pub fn config(key: &str, expected: impl Into<String>, got: impl ToString) -> Self {
        Self::Config { key: key.to_owned(), expected: expected.into(), got: got.to_string() }
    }
}

fn shapes(shapes: &[SymbolicShape]) -> String {
    shapes.iter().map(SymbolicShape::to_string).collect::<Vec<_>>().join(" and ")
}
