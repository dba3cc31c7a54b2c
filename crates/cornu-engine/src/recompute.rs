//! What is computed again instead of being kept.
//!
//! A value that a later phase reads has to be kept for all samples: written to main memory and read
//! again. Most such values of a network with batch normalisation are a few cheap operations away from
//! others that are kept anyway (`relu(x * scale + shift)`, masks, differences from the mean), and
//! computing them again in the cache costs less than the way to memory and back. So each phase
//! computes its elementwise values itself, from few *anchors*: results of convolutions, products,
//! poolings, and of chains that are too long.

use std::collections::BTreeSet;

use cornu_graph::ops::UnaryKind;
use cornu_graph::{Graph, GraphError, Op, ValueId};

use crate::groups::is_elementwise;
use crate::placement::{Placement, Role, reads_whole_batch};

/// Kept values that a value computed again may be made from.
const MAX_ANCHORS: usize = 2;
/// Cheap operations that it may take.
const MAX_COST: usize = 24;
/// Cheap operations that an exponential, a logarithm or the like is worth.
const COST_OF_FUNCTION: usize = 8;

/// `graph` with copies of cheap values in each phase that reads them, if less is kept then.
///
/// # Errors
///
/// Those of [`Graph::add_node`], for a graph that is not valid.
pub(crate) fn recompute(
    graph: Graph,
    placement: Placement,
) -> Result<(Graph, Placement), GraphError> {
    let (copied, its_placement) = Copying::new(&graph, &placement).run()?;
    if kept(&copied, &its_placement) < kept(&graph, &placement) {
        Ok((copied, its_placement))
    } else {
        Ok((graph, placement))
    }
}

/// Elements of one sample that are kept from one phase to another.
fn kept(graph: &Graph, placement: &Placement) -> usize {
    let users = graph.users();
    let crosses = |value: &ValueId| {
        let phase = placement.phases[value.index()];
        placement.roles[value.index()] == Role::Sample
            && users[value.index()].iter().any(|user| phase < placement.phases[user.index()])
    };
    graph.values().filter(crosses).map(|value| graph.shape(value).n_per_sample()).sum()
}

struct Copying<'a> {
    graph: &'a Graph,
    placement: &'a Placement,
    /// Whether each value stays in its phase, and is kept if a later one reads it.
    is_anchor: Vec<bool>,
    new: Graph,
    new_placement: Placement,
    /// The newest copy of each value, and the phase it was made in.
    copies: Vec<Option<(usize, ValueId)>>,
}

impl<'a> Copying<'a> {
    fn new(graph: &'a Graph, placement: &'a Placement) -> Self {
        let mut new = Graph::new();
        for variable in graph.variables() {
            new.add_variable(&variable.name, &variable.dims[..]);
        }
        let new_placement = Placement {
            roles: Vec::new(),
            phases: Vec::new(),
            order: Vec::new(),
            n_phases: placement.n_phases,
        };
        Self {
            graph,
            placement,
            is_anchor: anchors(graph, placement),
            new,
            new_placement,
            copies: vec![None; graph.nodes().len()],
        }
    }

    fn run(mut self) -> Result<(Graph, Placement), GraphError> {
        for value in self.graph.values() {
            if self.placement.roles[value.index()] == Role::Leaf {
                self.copy(value, 0)?;
            }
        }
        // The order has the phases one after the other, shared work first.
        for &value in &self.placement.order {
            if self.is_anchor[value.index()] {
                let copy = self.copy(value, self.placement.phases[value.index()])?;
                self.new_placement.order.push(copy);
            }
        }
        let new = |value: ValueId| match self.copies[value.index()] {
            Some((_, copy)) => copy,
            None => unreachable!("results are anchors"),
        };
        for (name, value) in self.graph.outputs() {
            self.new.set_output(name, new(*value));
        }
        for update in self.graph.updates() {
            self.new.set_update(update.variable, new(update.value))?;
        }
        self.new.set_scope("");
        Ok((self.new, self.new_placement))
    }

    /// The value as `phase` reads it.
    fn get(&mut self, value: ValueId, phase: usize) -> Result<ValueId, GraphError> {
        match self.copies[value.index()] {
            Some((made, copy)) if made == phase || self.is_anchor[value.index()] => Ok(copy),
            _ => {
                let copy = self.copy(value, phase)?;
                self.new_placement.order.push(copy);
                Ok(copy)
            }
        }
    }

    fn copy(&mut self, value: ValueId, phase: usize) -> Result<ValueId, GraphError> {
        let node = self.graph.node(value);
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for &input in &node.inputs {
            inputs.push(self.get(input, phase)?);
        }
        self.new.set_scope(&node.scope);
        let copy = self.new.add_node(node.op.clone(), &inputs)?;
        self.new_placement.roles.push(self.placement.roles[value.index()]);
        self.new_placement.phases.push(phase);
        self.copies[value.index()] = Some((phase, copy));
        Ok(copy)
    }
}

/// Which values stay in their phase: all but the elementwise values of samples that are cheap.
fn anchors(graph: &Graph, placement: &Placement) -> Vec<bool> {
    let users = graph.users();
    let results: BTreeSet<ValueId> = graph.outputs().iter().map(|(_, value)| *value).collect();
    let mut is_anchor = vec![true; graph.nodes().len()];
    // Of each value: the anchors it is made from, and what that costs.
    let mut made_from: Vec<(BTreeSet<ValueId>, usize)> = Vec::with_capacity(is_anchor.len());
    for value in graph.values() {
        let node = graph.node(value);
        let (mut from, mut cost) = (BTreeSet::new(), cost(&node.op));
        for input in &node.inputs {
            let (of_input, cost_of_input) = &made_from[input.index()];
            from.extend(of_input.iter().copied());
            cost += cost_of_input;
        }
        let is_cheap = placement.roles[value.index()] == Role::Sample
            && is_elementwise(&node.op)
            && !results.contains(&value)
            && !users[value.index()].iter().any(|&user| reads_whole_batch(&graph.node(user).op))
            && !ends_a_product(graph, &users, value)
            && from.len() <= MAX_ANCHORS
            && cost <= MAX_COST;
        is_anchor[value.index()] = !is_cheap;
        made_from.push(match (is_cheap, placement.roles[value.index()]) {
            (true, _) => (from, cost),
            (false, Role::Sample) => (BTreeSet::from([value]), 0),
            // Of the samples' input, variables and shared values there is always one copy.
            (false, _) if graph.shape(value).is_batched() => (BTreeSet::from([value]), 0),
            (false, _) => (BTreeSet::new(), 0),
        });
    }
    is_anchor
}

/// Whether `value` adds the bias to a convolution or matrix product or is the activation behind it,
/// and the only one to read that: both become part of one kernel.
fn ends_a_product(graph: &Graph, users: &[Vec<ValueId>], value: ValueId) -> bool {
    graph.node(value).inputs.iter().any(|&input| {
        users[input.index()] == [value]
            && match &graph.node(input).op {
                Op::Conv(_) | Op::MatMul(_) => true,
                Op::Binary(_) => graph.node(input).inputs.iter().any(|&of| {
                    users[of.index()] == [input]
                        && matches!(graph.node(of).op, Op::Conv(_) | Op::MatMul(_))
                }),
                _ => false,
            }
    })
}

fn cost(op: &Op) -> usize {
    match op {
        Op::Unary(op) => match op.0 {
            UnaryKind::Exp
            | UnaryKind::Expm1
            | UnaryKind::Log
            | UnaryKind::Log1p
            | UnaryKind::Tanh
            | UnaryKind::Sigmoid
            | UnaryKind::Softplus
            | UnaryKind::Erf
            | UnaryKind::Sin
            | UnaryKind::Cos => COST_OF_FUNCTION,
            _ => 1,
        },
        _ => 1,
    }
}
