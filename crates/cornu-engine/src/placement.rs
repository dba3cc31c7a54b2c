//! When each value is computed.
//!
//! A value either belongs to the samples (axis 0 counts them) or is shared by all of them. Work on
//! samples is independent from sample to sample, until something is summed over the batch: such a
//! reduction ends a *phase*, and so does what an op reads of other samples. Within a phase every
//! sample walks alone through all of its ops (depth first); what is shared is computed once, before
//! the samples of its phase.
//!
//! A whole training step of a network without BatchNormalization is two phases: forward, backward
//! and weight gradients of each sample; then the optimizer's update.

use cornu_graph::{Graph, Op, ValueId};

/// How a node takes part in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Inputs, variables, constants: nothing to compute.
    Leaf,
    /// From shared values to a shared value: once.
    Shared,
    /// To a value of each sample: sample by sample.
    Sample,
    /// From values of samples to a shared value: accumulated over the samples.
    Reduction,
}

/// When each value of a graph is computed.
#[derive(Debug, Clone)]
pub(crate) struct Placement {
    /// Role of each node.
    pub(crate) roles: Vec<Role>,
    /// Phase in which each node is computed.
    pub(crate) phases: Vec<usize>,
    /// All nodes but the leaves, by phase, shared before samples, else as in the graph.
    pub(crate) order: Vec<ValueId>,
    /// Number of phases.
    pub(crate) n_phases: usize,
}

/// Whether each sample of the result is made from other samples: all of the operands are made in an
/// earlier phase, or fed.
pub(crate) fn reads_whole_batch(op: &Op) -> bool {
    matches!(
        op,
        Op::Shuffle(_) | Op::CircleSums(_) | Op::CircleRemainder(_) | Op::CircleSumsGrad(_)
    )
}

/// Finds role, phase and order of every node.
pub(crate) fn place(graph: &Graph) -> Placement {
    let n = graph.nodes().len();
    let mut roles = Vec::with_capacity(n);
    let mut phases: Vec<usize> = Vec::with_capacity(n);
    // The first phase in which a value can be read.
    let mut ready: Vec<usize> = Vec::with_capacity(n);
    for node in graph.nodes() {
        let waits = |input: &ValueId| {
            let is_of_samples = roles[input.index()] == Role::Sample;
            ready[input.index()] + usize::from(is_of_samples && reads_whole_batch(&node.op))
        };
        let phase = node.inputs.iter().map(waits).max().unwrap_or(0);
        let reads_samples = node.inputs.iter().any(|&input| graph.shape(input).is_batched());
        let role = match &node.op {
            Op::Input(_) | Op::Variable(_) | Op::Constant(_) | Op::BatchSize(_) => Role::Leaf,
            _ if node.shape.is_batched() => Role::Sample,
            _ if reads_samples => Role::Reduction,
            _ => Role::Shared,
        };
        roles.push(role);
        phases.push(phase);
        ready.push(if role == Role::Reduction { phase + 1 } else { phase });
    }
    let mut order: Vec<ValueId> =
        graph.values().filter(|value| roles[value.index()] != Role::Leaf).collect();
    order.sort_by_key(|value| {
        let shared = roles[value.index()] == Role::Shared;
        (phases[value.index()], !shared, *value)
    });
    let n_phases = order.last().map_or(1, |value| phases[value.index()] + 1);
    let n_phases = n_phases.max(ready.iter().max().map_or(1, |phase| phase + 1));
    Placement { roles, phases, order, n_phases }
}

#[cfg(test)]
mod tests {
    use cornu_graph::gradient;
    use cornu_tensor::Shape;

    use super::*;

    #[test]
    fn a_training_step_has_two_phases() {
        let mut graph = Graph::new();
        let x = graph.input("x", Shape::batched([3])).unwrap();
        let id = graph.add_variable("kernel", [3, 1]);
        let w = graph.variable(id).unwrap();
        let y = graph.matmul(x, w, false, false).unwrap();
        let squared = graph.square(y).unwrap();
        let loss = graph.mean(squared, &[0, 1], false).unwrap();
        let d_w = gradient(&mut graph, loss, &[w]).unwrap()[0].unwrap();
        let new_w = graph.sub(w, d_w).unwrap();
        graph.set_update(id, new_w).unwrap();
        let placement = place(&graph);
        assert_eq!(placement.n_phases, 2);
        assert_eq!(placement.roles[d_w.index()], Role::Reduction);
        assert_eq!(placement.phases[d_w.index()], 0);
        assert_eq!(placement.phases[new_w.index()], 1);
    }
}
