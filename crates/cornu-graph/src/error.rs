use cornu_tensor::Shape;

/// Why a graph could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GraphError {
    /// The inputs of an op do not fit together.
    #[error("{op}: {expected}, got {}", shapes(got))]
    Shapes {
        /// The op's name.
        op: &'static str,
        /// What the op needs.
        expected: String,
        /// Shapes of its inputs.
        got: Vec<Shape>,
    },
    /// A value with more elements than can be counted with.
    #[error(
        "{op}: a value of shape {shape} is too large: one sample may have {} elements at most",
        crate::MAX_ELEMENTS
    )]
    TooLarge {
        /// The op's name.
        op: &'static str,
        /// Shape of its result.
        shape: Shape,
    },
    /// An attribute of an op has a value that the op does not take.
    #[error("{op}: `{attribute}`: {problem}")]
    Attribute {
        /// The op's name.
        op: &'static str,
        /// The attribute's name.
        attribute: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The op has no gradient rule.
    #[error(
        "{op} in `{scope}` has no gradient; put a layer with `trainable=false` weights after it only"
    )]
    NoGradient {
        /// The op's name.
        op: &'static str,
        /// The layer it came from.
        scope: String,
    },
    /// The graph breaks a rule that every graph keeps: a bug in whatever made it.
    #[error("after {stage}: value %{value}: {problem}")]
    Invalid {
        /// The pass that ran last.
        stage: String,
        /// The value's number.
        value: usize,
        /// The rule that is broken.
        problem: String,
    },
    /// A value that the graph needs was not fed.
    #[error("no value was given for {0}")]
    Missing(String),
}

fn shapes(shapes: &[Shape]) -> String {
    shapes.iter().map(Shape::to_string).collect::<Vec<_>>().join(" and ")
}
