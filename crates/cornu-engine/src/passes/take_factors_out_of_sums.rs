use cornu_graph::ops::{BinaryKind, Reduce, ReduceKind, UnaryKind};
use cornu_graph::{Graph, GraphError, Node, Op, ValueId};
use cornu_tensor::{Dim, Shape};

/// `sum(x * c)` -> `sum(x) * c` and `sum(-x)` -> `-sum(x)`, for sums over the samples and factors that
/// do not change along the summed axes.
///
/// The gradient of a normalisation is full of these: without factors most of its sums are equal, and
/// one walk over the samples is enough.
pub(super) fn take_factors_out_of_sums(graph: &Graph) -> Result<Graph, GraphError> {
    graph.rewritten(|new, _, node| match &node.op {
        Op::Reduce(op) if op.kind == ReduceKind::Sum && !node.shape.is_batched() => {
            sum(new, op, &node)
        }
        _ => new.add_node(node.op, &node.inputs),
    })
}

fn sum(g: &mut Graph, op: &Reduce, node: &Node) -> Result<ValueId, GraphError> {
    let x = node.inputs[0];
    if g.shape(x).is_batched() {
        let inner = g.node(x).clone();
        match &inner.op {
            Op::Unary(unary) if unary.0 == UnaryKind::Neg => {
                let sum = sum(g, op, &Node { inputs: inner.inputs, ..node.clone() })?;
                return g.neg(sum);
            }
            Op::Binary(binary) if binary.0 == BinaryKind::Mul => {
                let [a, b] = [inner.inputs[0], inner.inputs[1]];
                for (rest, factor) in [(a, b), (b, a)] {
                    if *g.shape(rest) == inner.shape
                        && let Some(shape) = shape_beside_sum(g.shape(factor), &inner.shape, op)
                    {
                        let sum = sum(g, op, &Node { inputs: vec![rest], ..node.clone() })?;
                        let factor = g.reshape(factor, shape)?;
                        return g.mul(sum, factor);
                    }
                }
            }
            _ => {}
        }
    }
    g.add_node(op.clone().into(), &[x])
}

/// The shape in which a factor of `x` multiplies the sum of `x`; nothing if it changes along a summed
/// axis or belongs to the samples.
fn shape_beside_sum(factor: &Shape, x: &Shape, op: &Reduce) -> Option<Shape> {
    if factor.is_batched() {
        return None;
    }
    let missing = x.rank() - factor.rank();
    let mut dims = Vec::new();
    for axis in missing..x.rank() {
        let dim = factor.dims()[axis - missing];
        let is_summed = op.axes.contains(&axis);
        if is_summed && dim != Dim::Fixed(1) {
            return None;
        }
        if !is_summed || op.keep_dims {
            dims.push(dim);
        }
    }
    Some(Shape::new(dims))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::simplify;

    /// The sum over `axes` of `-(x * factor)`, simplified.
    fn simplified(factor: Shape, axes: &[usize], keep_dims: bool) -> String {
        let mut graph = Graph::new();
        let x = graph.input("x", Shape::batched([4, 3])).unwrap();
        let id = graph.add_variable("c", factor.sizes(0));
        let c = graph.variable(id).unwrap();
        let product = graph.mul(x, c).unwrap();
        let negative = graph.neg(product).unwrap();
        let y = graph.sum(negative, axes, keep_dims).unwrap();
        let rest = graph.sum(x, axes, keep_dims).unwrap();
        graph.set_output("y", y);
        graph.set_output("rest", rest);
        simplify(&graph).unwrap().to_string()
    }

    #[test]
    fn equal_sums_are_left() {
        for (factor, axes) in
            [(vec![3], &[0, 1][..]), (vec![1, 3], &[0, 1]), (vec![4, 1], &[0, 2]), (vec![], &[0])]
        {
            let text = simplified(Shape::fixed(factor), axes, false);
            assert_eq!(text.matches("reduce_sum").count(), 1, "{text}");
        }
        let text = simplified(Shape::fixed([3]), &[0, 1, 2], false);
        assert_eq!(text.matches("reduce_sum").count(), 2, "{text}");
    }
}
