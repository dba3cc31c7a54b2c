use cornu_graph::ops::BinaryKind;
use cornu_graph::{Graph, GraphError, Node, Op, ValueId};

/// `(x - a) * scale + b` -> `x * scale + (b - a * scale)`, where all but `x` is the same for all
/// samples.
///
/// One multiply-add for each element instead of three operations: the forward pass of a batch
/// normalisation, as Keras computes it too (`tf.nn.batch_normalization`).
pub(super) fn shift_after_scaling(graph: &Graph) -> Result<Graph, GraphError> {
    graph.rewritten(|new, _, node| match parts(new, &node) {
        Some([x, a, scale, b]) => {
            let of_mean = new.mul(a, scale)?;
            let shift = new.sub(b, of_mean)?;
            let scaled = new.mul(x, scale)?;
            new.add(scaled, shift)
        }
        None => new.add_node(node.op, &node.inputs),
    })
}

/// `x`, `a`, `scale` and `b` of `(x - a) * scale + b`.
fn parts(graph: &Graph, node: &Node) -> Option<[ValueId; 4]> {
    let (product, b) = of_samples_and_shared(graph, &node.op, &node.inputs, BinaryKind::Add)?;
    let product = graph.node(product);
    let (difference, scale) =
        of_samples_and_shared(graph, &product.op, &product.inputs, BinaryKind::Mul)?;
    let difference = graph.node(difference);
    let (x, a) = of_samples_and_shared(graph, &difference.op, &difference.inputs, BinaryKind::Sub)?;
    (*graph.shape(x) == node.shape).then_some([x, a, scale, b])
}

/// The operands of an operation of that kind, that of the samples first.
fn of_samples_and_shared(
    graph: &Graph,
    op: &Op,
    inputs: &[ValueId],
    kind: BinaryKind,
) -> Option<(ValueId, ValueId)> {
    if !matches!(op, Op::Binary(op) if op.0 == kind) {
        return None;
    }
    let is_shared = |value: ValueId| !graph.shape(value).is_batched();
    match inputs[..] {
        [a, b] if !is_shared(a) && is_shared(b) => Some((a, b)),
        [a, b] if is_shared(a) && !is_shared(b) && kind != BinaryKind::Sub => Some((b, a)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use cornu_tensor::Shape;

    use crate::passes::simplify;
    use cornu_graph::Graph;

    #[test]
    fn two_operations_of_each_element_are_left() {
        for turned in [false, true] {
            let mut g = Graph::new();
            let x = g.input("x", Shape::batched([4, 3])).unwrap();
            let [a, scale, b] = ["a", "scale", "b"].map(|name| {
                let id = g.add_variable(name, [3]);
                g.variable(id).unwrap()
            });
            let centred = if turned { g.sub(a, x) } else { g.sub(x, a) }.unwrap();
            let scaled = g.mul(scale, centred).unwrap();
            let y = g.add(b, scaled).unwrap();
            g.set_output("y", y);
            let text = simplify(&g).unwrap().to_string();
            let of_samples = text.matches(": (N,4,3)").count();
            assert_eq!(of_samples, if turned { 4 } else { 3 }, "{text}");
        }
    }
}
