use cornu_tensor::{Dim, Shape};

use crate::{Graph, GraphError, Op};

/// Checks what holds of every valid graph. Runs after each pass, so that a bad pass is named.
///
/// - operands come before the node that reads them;
/// - each node's shape is the one its op's shape rule gives;
/// - only axis 0 counts samples;
/// - inputs and variables have the shapes they were declared with, and input names are unique.
///
/// # Errors
///
/// [`GraphError::Invalid`], naming `stage` and the first value that breaks a rule.
pub fn verify(stage: &str, graph: &Graph) -> Result<(), GraphError> {
    let mut input_names = std::collections::BTreeSet::new();
    for value in graph.values() {
        let node = graph.node(value);
        let invalid = |problem: String| GraphError::Invalid {
            stage: stage.to_owned(),
            value: value.index(),
            problem: format!("{} in `{}`: {problem}", node.op.def().name(), node.scope),
        };
        if let Some(input) = node.inputs.iter().find(|input| value <= **input) {
            return Err(invalid(format!("reads {input}, which comes later")));
        }
        let shapes: Vec<&Shape> = node.inputs.iter().map(|&input| graph.shape(input)).collect();
        let shape =
            node.op.def().output_shape(&shapes).map_err(|error| invalid(error.to_string()))?;
        if shape != node.shape {
            return Err(invalid(format!("has shape {}, its op gives {shape}", node.shape)));
        }
        if shape.dims().iter().skip(1).any(|dim| matches!(dim, Dim::Batch(_))) {
            return Err(invalid(format!("samples on an axis other than 0: {shape}")));
        }
        match &node.op {
            Op::Input(input) if !input_names.insert(input.name.clone()) => {
                return Err(invalid(format!("a second input called `{}`", input.name)));
            }
            Op::Variable(variable)
                if graph.variables().get(variable.id.index()).map(|info| &info.dims)
                    != Some(&variable.dims) =>
            {
                return Err(invalid("is not the variable the graph declares".to_owned()));
            }
            _ => {}
        }
    }
    let n = graph.nodes().len();
    let results = graph.outputs().iter().map(|(_, value)| *value);
    for value in results.chain(graph.updates().iter().map(|update| update.value)) {
        if n <= value.index() {
            return Err(GraphError::Invalid {
                stage: stage.to_owned(),
                value: value.index(),
                problem: "is a result but does not exist".to_owned(),
            });
        }
    }
    Ok(())
}
