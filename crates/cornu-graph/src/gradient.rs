//! Reverse-mode differentiation: the backward pass as more graph.

use crate::{Graph, GraphError, ValueId};

/// Gradients of the scalar `loss` with respect to each of `wrt`; `None` where the loss does not
/// depend on it.
///
/// # Errors
///
/// [`GraphError::NoGradient`] if an op on the way has no gradient rule; [`GraphError::Shapes`] if
/// `loss` is not a scalar.
pub fn gradient(
    graph: &mut Graph,
    loss: ValueId,
    wrt: &[ValueId],
) -> Result<Vec<Option<ValueId>>, GraphError> {
    if graph.shape(loss).rank() != 0 {
        return Err(GraphError::Shapes {
            op: "gradient",
            expected: "a scalar loss".to_owned(),
            got: vec![graph.shape(loss).clone()],
        });
    }
    let one = graph.scalar(1.0)?;
    gradient_from(graph, &[(loss, one)], wrt)
}

/// Gradients of `sum(output * d_output)` over all given pairs with respect to each of `wrt`.
///
/// # Errors
///
/// As for [`gradient`]; also if an output and its gradient differ in shape.
pub fn gradient_from(
    graph: &mut Graph,
    outputs: &[(ValueId, ValueId)],
    wrt: &[ValueId],
) -> Result<Vec<Option<ValueId>>, GraphError> {
    let n_forward = graph.nodes().len();
    let mut gradients: Vec<Option<ValueId>> = vec![None; n_forward];
    for &(output, d_output) in outputs {
        if graph.shape(output) != graph.shape(d_output) {
            return Err(GraphError::Shapes {
                op: "gradient",
                expected: "an output and its gradient of one shape".to_owned(),
                got: vec![graph.shape(output).clone(), graph.shape(d_output).clone()],
            });
        }
        add(graph, &mut gradients, output, d_output)?;
    }
    let needed = depends_on(graph, wrt);
    for index in (0..n_forward).rev() {
        let output = ValueId(index as u32);
        let Some(d_output) = gradients[index] else { continue };
        if !needed[index] || graph.node(output).inputs.is_empty() {
            continue;
        }
        let node = graph.node(output).clone();
        let scope = graph.set_scope(&node.scope);
        let mut cx = GradientCx {
            graph,
            inputs: &node.inputs,
            scope: &node.scope,
            output,
            d_output,
            needed: &needed,
            gradients: &mut gradients,
        };
        node.op.def().gradient(&mut cx)?;
        graph.set_scope(&scope);
    }
    Ok(wrt.iter().map(|value| gradients.get(value.index()).copied().flatten()).collect())
}

/// For each value, whether it depends on one of `wrt`.
fn depends_on(graph: &Graph, wrt: &[ValueId]) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes().len()];
    for value in graph.values() {
        needed[value.index()] = wrt.contains(&value)
            || graph.node(value).inputs.iter().any(|input| needed[input.index()]);
    }
    needed
}

fn add(
    graph: &mut Graph,
    gradients: &mut [Option<ValueId>],
    value: ValueId,
    gradient: ValueId,
) -> Result<(), GraphError> {
    let sum = match gradients[value.index()] {
        None => gradient,
        Some(before) => graph.add(before, gradient)?,
    };
    gradients[value.index()] = Some(sum);
    Ok(())
}

/// What a gradient rule works with: one node, the gradient of its output, and the graph to extend.
#[derive(Debug)]
pub struct GradientCx<'a> {
    /// The graph that the rule adds nodes to.
    pub graph: &'a mut Graph,
    inputs: &'a [ValueId],
    scope: &'a str,
    output: ValueId,
    d_output: ValueId,
    needed: &'a [bool],
    gradients: &'a mut [Option<ValueId>],
}

impl GradientCx<'_> {
    /// Operand `index` of the node.
    pub fn input(&self, index: usize) -> ValueId {
        self.inputs[index]
    }

    /// Number of operands.
    pub fn n_inputs(&self) -> usize {
        self.inputs.len()
    }

    /// The node's value.
    pub fn output(&self) -> ValueId {
        self.output
    }

    /// Gradient of the loss with respect to the node's value.
    pub fn d_output(&self) -> ValueId {
        self.d_output
    }

    /// Whether anybody asks for the gradient of operand `index`.
    pub fn needs(&self, index: usize) -> bool {
        self.needed[self.inputs[index].index()]
    }

    /// Adds `gradient` to what is known of operand `index`'s gradient.
    ///
    /// # Errors
    ///
    /// [`GraphError::Shapes`] if it has another shape than the operand.
    pub fn add_to_input(&mut self, index: usize, gradient: ValueId) -> Result<(), GraphError> {
        let input = self.inputs[index];
        if self.graph.shape(input) != self.graph.shape(gradient) {
            return Err(GraphError::Shapes {
                op: self.graph.node(self.output).op.def().name(),
                expected: format!("a gradient of shape {}", self.graph.shape(input)),
                got: vec![self.graph.shape(gradient).clone()],
            });
        }
        add(self.graph, self.gradients, input, gradient)
    }

    /// The error of an op without a gradient rule.
    pub fn no_gradient(&self) -> GraphError {
        GraphError::NoGradient {
            op: self.graph.node(self.output).op.def().name(),
            scope: self.scope.to_owned(),
        }
    }
}
