use std::fmt;
use std::sync::Arc;

use cornu_tensor::Shape;

use crate::{GraphError, Op};

/// Most elements of one sample of a value. No machine has the memory for more, and sums and small
/// products of such numbers can be counted with.
pub const MAX_ELEMENTS: usize = 1 << 40;

/// Refuses the result of `op` if one sample of it has more than [`MAX_ELEMENTS`].
///
/// # Errors
///
/// [`GraphError::TooLarge`].
pub fn check_size(op: &'static str, shape: &Shape) -> Result<(), GraphError> {
    // Axes without elements count as one: the products of some of the axes must be bounded, too.
    let sizes = shape.dims().iter().map(|dim| dim.size(1).max(1));
    if MAX_ELEMENTS < sizes.fold(1, usize::saturating_mul) {
        return Err(GraphError::TooLarge { op, shape: shape.clone() });
    }
    Ok(())
}

/// A value of a graph: the output of the node with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub u32);

impl ValueId {
    /// Position of the node in [`Graph::nodes`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for ValueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

/// A variable of a graph: state that outlives a run, such as a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariableId(pub u32);

impl VariableId {
    /// Position in [`Graph::variables`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a graph knows of a variable; its value is kept by whoever runs the graph.
#[derive(Debug, Clone, PartialEq)]
pub struct VariableInfo {
    /// Unique name, such as `conv2d/kernel`.
    pub name: String,
    /// Sizes of its axes.
    pub dims: Vec<usize>,
}

/// One op applied to values that were there before.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What is computed.
    pub op: Op,
    /// The op's operands.
    pub inputs: Vec<ValueId>,
    /// Shape of the result.
    pub shape: Shape,
    /// The layer (or other part) that asked for it, for messages, dumps and profiles.
    pub scope: Arc<str>,
}

/// A new value for a variable, stored at the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update {
    /// The variable.
    pub variable: VariableId,
    /// Its next value, of the same shape.
    pub value: ValueId,
}

/// A graph of operations: data, not code. Nodes are append-only, so their order is a valid order
/// of execution.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    nodes: Vec<Node>,
    variables: Vec<VariableInfo>,
    outputs: Vec<(String, ValueId)>,
    updates: Vec<Update>,
    scope: Arc<str>,
}

impl Default for Graph {
    fn default() -> Self {
        Self::new()
    }
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self {
            nodes: Vec::new(),
            variables: Vec::new(),
            outputs: Vec::new(),
            updates: Vec::new(),
            scope: "".into(),
        }
    }

    /// Adds `op` applied to `inputs`.
    ///
    /// # Errors
    ///
    /// What the op's shape rule says; [`GraphError::TooLarge`].
    pub fn add_node(&mut self, op: Op, inputs: &[ValueId]) -> Result<ValueId, GraphError> {
        let shapes: Vec<&Shape> = inputs.iter().map(|&value| self.shape(value)).collect();
        let shape = op.def().output_shape(&shapes)?;
        check_size(op.def().name(), &shape)?;
        let id = ValueId(self.nodes.len() as u32);
        self.nodes.push(Node { op, inputs: inputs.to_vec(), shape, scope: self.scope.clone() });
        Ok(id)
    }

    /// Adds a variable and gives its number; [`Graph::variable`] reads it.
    pub fn add_variable(
        &mut self,
        name: impl Into<String>,
        dims: impl Into<Vec<usize>>,
    ) -> VariableId {
        let id = VariableId(self.variables.len() as u32);
        self.variables.push(VariableInfo { name: name.into(), dims: dims.into() });
        id
    }

    /// Makes `value` a result of the graph under `name`.
    pub fn set_output(&mut self, name: impl Into<String>, value: ValueId) {
        self.outputs.push((name.into(), value));
    }

    /// Stores `value` into `variable` at the end of each run.
    ///
    /// # Errors
    ///
    /// If the shapes differ.
    pub fn set_update(&mut self, variable: VariableId, value: ValueId) -> Result<(), GraphError> {
        let expected = Shape::fixed(&self.variables[variable.index()].dims);
        if *self.shape(value) != expected {
            return Err(GraphError::Shapes {
                op: "update",
                expected: format!("{expected} for `{}`", self.variables[variable.index()].name),
                got: vec![self.shape(value).clone()],
            });
        }
        self.updates.push(Update { variable, value });
        Ok(())
    }

    /// Names the part of the model that the next nodes come from; gives back the one before.
    pub fn set_scope(&mut self, scope: &str) -> Arc<str> {
        std::mem::replace(&mut self.scope, scope.into())
    }

    /// All nodes, in an order in which they can be computed.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node that makes `value`.
    pub fn node(&self, value: ValueId) -> &Node {
        &self.nodes[value.index()]
    }

    /// Shape of `value`.
    pub fn shape(&self, value: ValueId) -> &Shape {
        &self.nodes[value.index()].shape
    }

    /// All variables.
    pub fn variables(&self) -> &[VariableInfo] {
        &self.variables
    }

    /// Named results.
    pub fn outputs(&self) -> &[(String, ValueId)] {
        &self.outputs
    }

    /// What is stored at the end of a run.
    pub fn updates(&self) -> &[Update] {
        &self.updates
    }

    /// Numbers of all values, in order.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = ValueId> + use<> {
        (0..self.nodes.len() as u32).map(ValueId)
    }

    /// For each value, the nodes that read it, in order.
    pub fn users(&self) -> Vec<Vec<ValueId>> {
        let mut users = vec![Vec::new(); self.nodes.len()];
        for value in self.values() {
            for input in &self.node(value).inputs {
                if users[input.index()].last() != Some(&value) {
                    users[input.index()].push(value);
                }
            }
        }
        users
    }

    /// Rebuilds the graph node by node. `rewrite` gets the new graph, the old node with its inputs
    /// already replaced, and answers the value that stands for it.
    ///
    /// # Errors
    ///
    /// What `rewrite` answers.
    pub fn rewritten(
        &self,
        mut rewrite: impl FnMut(&mut Graph, ValueId, Node) -> Result<ValueId, GraphError>,
    ) -> Result<Graph, GraphError> {
        let mut new = Graph { variables: self.variables.clone(), ..Graph::new() };
        let mut map: Vec<ValueId> = Vec::with_capacity(self.nodes.len());
        for value in self.values() {
            let mut node = self.node(value).clone();
            for input in &mut node.inputs {
                *input = map[input.index()];
            }
            new.scope = node.scope.clone();
            map.push(rewrite(&mut new, value, node)?);
        }
        new.outputs = self.outputs.iter().map(|(name, v)| (name.clone(), map[v.index()])).collect();
        new.updates = self
            .updates
            .iter()
            .map(|u| Update { variable: u.variable, value: map[u.value.index()] })
            .collect();
        Ok(new)
    }

    /// The graph without the nodes that no output and no update depends on, except the inputs.
    pub fn without_dead_nodes(&self) -> Graph {
        let mut live = vec![false; self.nodes.len()];
        for (_, value) in &self.outputs {
            live[value.index()] = true;
        }
        for update in &self.updates {
            live[update.value.index()] = true;
        }
        for value in self.values().rev() {
            let node = self.node(value);
            live[value.index()] |= matches!(node.op, Op::Input(_));
            if live[value.index()] {
                for input in &node.inputs {
                    live[input.index()] = true;
                }
            }
        }
        let mut new = Graph { variables: self.variables.clone(), ..Graph::new() };
        let mut map = vec![ValueId(u32::MAX); self.nodes.len()];
        for value in self.values().filter(|value| live[value.index()]) {
            let mut node = self.node(value).clone();
            for input in &mut node.inputs {
                *input = map[input.index()];
            }
            map[value.index()] = ValueId(new.nodes.len() as u32);
            new.nodes.push(node);
        }
        new.outputs = self.outputs.iter().map(|(name, v)| (name.clone(), map[v.index()])).collect();
        new.updates = self
            .updates
            .iter()
            .map(|u| Update { variable: u.variable, value: map[u.value.index()] })
            .collect();
        new
    }
}
