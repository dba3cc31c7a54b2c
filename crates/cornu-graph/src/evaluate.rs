//! The reference runtime: every node by its definition, in `f64`, nothing fused or reordered.

use std::collections::BTreeMap;

use cornu_tensor::Array;

use crate::{EvalCx, Graph, GraphError, Op, ValueId, VariableId};

/// What a graph needs from outside for one run.
#[derive(Debug, Clone, Default)]
pub struct Feed {
    /// Input values by name.
    pub inputs: BTreeMap<String, Array<f64>>,
    /// Values of the variables, by number.
    pub variables: Vec<Array<f64>>,
    /// Number of samples.
    pub samples: usize,
    /// Key of all random numbers.
    pub seed: u64,
    /// Which run this is: random numbers differ from step to step.
    pub step: u64,
}

/// Computes all outputs (by name) and stores the updates into `feed.variables`.
///
/// # Errors
///
/// [`GraphError::Missing`] if an input is not fed or has another shape than the graph says.
pub fn evaluate(
    graph: &Graph,
    feed: &mut Feed,
) -> Result<BTreeMap<String, Array<f64>>, GraphError> {
    let mut values: Vec<Option<Array<f64>>> = vec![None; graph.nodes().len()];
    let mut readers: Vec<usize> = graph.users().iter().map(Vec::len).collect();
    for (_, value) in graph.outputs() {
        readers[value.index()] += 1;
    }
    for update in graph.updates() {
        readers[update.value.index()] += 1;
    }
    for value in graph.values() {
        let node = graph.node(value);
        let dims = node.shape.sizes(feed.samples);
        let result = match &node.op {
            Op::Input(input) => fed_input(feed, &input.name, &dims)?,
            Op::Variable(variable) => fed_variable(graph, feed, variable.id)?,
            op => {
                let inputs: Vec<&Array<f64>> =
                    node.inputs.iter().filter_map(|input| values[input.index()].as_ref()).collect();
                let cx = EvalCx {
                    dims: &dims,
                    samples: feed.samples,
                    batch: feed.samples,
                    first_sample: 0,
                    seed: feed.seed,
                    step: feed.step,
                };
                op.def().evaluate(&inputs, &cx)
            }
        };
        debug_assert_eq!(result.dims(), dims, "{value} {}", node.op.def().name());
        values[value.index()] = Some(result);
        release_operands(graph, value, &mut readers, &mut values);
    }
    let take = |value: ValueId| {
        values[value.index()].clone().ok_or_else(|| GraphError::Missing(value.to_string()))
    };
    let outputs =
        graph.outputs().iter().map(|(name, value)| Ok((name.clone(), take(*value)?))).collect();
    for update in graph.updates() {
        feed.variables[update.variable.index()] = take(update.value)?;
    }
    outputs
}

fn fed_input(feed: &Feed, name: &str, dims: &[usize]) -> Result<Array<f64>, GraphError> {
    let missing = |what: String| GraphError::Missing(format!("input `{name}`{what}"));
    let input = feed.inputs.get(name).ok_or_else(|| missing(String::new()))?;
    if input.dims() != dims {
        return Err(missing(format!(": expected shape {dims:?}, got {:?}", input.dims())));
    }
    Ok(input.clone())
}

fn fed_variable(graph: &Graph, feed: &Feed, id: VariableId) -> Result<Array<f64>, GraphError> {
    let info = &graph.variables()[id.index()];
    match feed.variables.get(id.index()) {
        Some(value) if value.dims() == info.dims => Ok(value.clone()),
        _ => Err(GraphError::Missing(format!("variable `{}` of shape {:?}", info.name, info.dims))),
    }
}

/// Frees the operands of `value` that nobody reads any more: large models fit in memory.
fn release_operands(
    graph: &Graph,
    value: ValueId,
    readers: &mut [usize],
    values: &mut [Option<Array<f64>>],
) {
    let mut operands = graph.node(value).inputs.clone();
    operands.sort_unstable();
    operands.dedup();
    for operand in operands {
        readers[operand.index()] -= 1;
        if readers[operand.index()] == 0 {
            values[operand.index()] = None;
        }
    }
}
