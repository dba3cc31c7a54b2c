use cornu_graph::ops::Constant;
use cornu_graph::{EvalCx, Graph, GraphError, Op};
use cornu_tensor::Array;

/// Constants above this many elements are computed at run time instead of being stored in the plan.
const MAX_ELEMENTS: usize = 4096;

/// `op(constant, ...)` -> `constant`
///
/// Leaves alone what depends on the run: inputs, variables, random numbers, the batch size.
pub(super) fn fold_constants(graph: &Graph) -> Result<Graph, GraphError> {
    graph.rewritten(|new, _, node| {
        let foldable = !node.inputs.is_empty()
            && !node.shape.is_batched()
            && node.shape.n_elements(0) <= MAX_ELEMENTS
            && node.inputs.iter().all(|&input| matches!(new.node(input).op, Op::Constant(_)));
        if !foldable {
            return new.add_node(node.op, &node.inputs);
        }
        let dims = node.shape.sizes(0);
        let inputs: Vec<&Array<f64>> = node
            .inputs
            .iter()
            .filter_map(|&input| match &new.node(input).op {
                Op::Constant(constant) => Some(&constant.value),
                _ => None,
            })
            .collect();
        let cx = EvalCx { dims: &dims, samples: 0, batch: 0, first_sample: 0, seed: 0, step: 0 };
        let value = node.op.def().evaluate(&inputs, &cx);
        new.add_node(Constant { value }.into(), &[])
    })
}
