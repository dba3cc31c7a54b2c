use cornu_engine::EngineError;
use cornu_graph::GraphError;
use cornu_model::ModelError;

/// Why there is no map.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The model cannot be lowered, or its weights do not fit.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A gradient cannot be built.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A program cannot be compiled or run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The model does not take one picture, or does not give one score per class.
    #[error("model `{model}`: {problem}")]
    Structure {
        /// The model's name.
        model: String,
        /// What was expected and what was got.
        problem: String,
    },
    /// A layer that there is not, or that has no map.
    #[error("layer `{layer}`: {problem}")]
    Layer {
        /// The name as it was given.
        layer: String,
        /// What is wrong, and which layers there are.
        problem: String,
    },
    /// A class that the model does not have.
    #[error("class {got}: the model has the classes 0 to {last}")]
    Class {
        /// The class as it was given.
        got: usize,
        /// The model's last class.
        last: usize,
    },
    /// A picture of another shape than the model's input, or one with numbers that are not finite.
    #[error("picture: expected {expected}, got {got}")]
    Picture {
        /// What the model takes.
        expected: String,
        /// What was given.
        got: String,
    },
    /// A setting of a method.
    #[error("`{setting}`: expected {expected}, got {got}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// What it takes.
        expected: String,
        /// What was given.
        got: String,
    },
}

impl ExplainError {
    pub(crate) fn setting(
        setting: &'static str,
        expected: impl Into<String>,
        got: impl ToString,
    ) -> Self {
        Self::Setting { setting, expected: expected.into(), got: got.to_string() }
    }
}
