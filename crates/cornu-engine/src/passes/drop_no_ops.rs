use cornu_graph::ops::{BinaryKind, UnaryKind};
use cornu_graph::{Graph, GraphError, Node, Op, ValueId};

/// `x + 0`, `x - 0`, `x * 1`, `x / 1` -> `x`; `-(-x)` -> `x`; `reshape(reshape(x))` -> `reshape(x)`
pub(super) fn drop_no_ops(graph: &Graph) -> Result<Graph, GraphError> {
    graph.rewritten(|new, _, node| {
        if let Some(same) = stands_for(new, &node) {
            return Ok(same);
        }
        if let (Op::Reshape(_), Some(&x)) = (&node.op, node.inputs.first())
            && let Op::Reshape(_) = new.node(x).op
        {
            let inner = new.node(x).inputs[0];
            return new.reshape(inner, node.shape);
        }
        new.add_node(node.op, &node.inputs)
    })
}

/// The value that `node` merely repeats, if it does.
fn stands_for(graph: &Graph, node: &Node) -> Option<ValueId> {
    let same_shape = |value: ValueId| (*graph.shape(value) == node.shape).then_some(value);
    match &node.op {
        Op::Binary(op) => {
            let [a, b] = node.inputs[..] else { return None };
            let neutral = match op.0 {
                BinaryKind::Add | BinaryKind::Sub => 0.0,
                BinaryKind::Mul | BinaryKind::Div => 1.0,
                _ => return None,
            };
            let commutes = matches!(op.0, BinaryKind::Add | BinaryKind::Mul);
            if is_number(graph, b, neutral) {
                same_shape(a)
            } else if commutes && is_number(graph, a, neutral) {
                same_shape(b)
            } else {
                None
            }
        }
        Op::Unary(op) if op.0 == UnaryKind::Neg => match &graph.node(node.inputs[0]).op {
            Op::Unary(inner) if inner.0 == UnaryKind::Neg => {
                Some(graph.node(node.inputs[0]).inputs[0])
            }
            _ => None,
        },
        Op::Reshape(_) => same_shape(node.inputs[0]),
        _ => None,
    }
}

fn is_number(graph: &Graph, value: ValueId, number: f64) -> bool {
    matches!(&graph.node(value).op, Op::Constant(c) if c.value.data() == [number])
}
