use std::collections::BTreeMap;

use cornu_graph::{Graph, GraphError, Op, ValueId};

/// Two nodes with the same op and operands -> one.
///
/// An op is compared by the text of its attributes; constants of more than a few elements, whose
/// text would be long, are left alone.
pub(super) fn share_equal_nodes(graph: &Graph) -> Result<Graph, GraphError> {
    let mut seen: BTreeMap<(String, Vec<ValueId>), ValueId> = BTreeMap::new();
    graph.rewritten(|new, _, node| {
        if matches!(&node.op, Op::Constant(c) if 8 < c.value.len()) {
            return new.add_node(node.op, &node.inputs);
        }
        let key = (format!("{:?}", node.op), node.inputs.clone());
        if let Some(&same) = seen.get(&key) {
            return Ok(same);
        }
        let value = new.add_node(node.op, &node.inputs)?;
        seen.insert(key, value);
        Ok(value)
    })
}

#[cfg(test)]
mod tests {
    use cornu_tensor::Shape;

    use super::super::simplify;
    use super::*;

    #[test]
    fn what_is_written_twice_is_computed_once() {
        let mut graph = Graph::new();
        let x = graph.input("x", Shape::batched([3])).unwrap();
        let a = graph.exp(x).unwrap();
        let b = graph.exp(x).unwrap();
        let one = graph.scalar(1.0).unwrap();
        let a = graph.mul(a, one).unwrap();
        let y = graph.add(a, b).unwrap();
        graph.set_output("y", y);
        let graph = simplify(&graph).unwrap();
        assert_eq!(
            graph.to_string(),
            "%0 = input() {name=x} : (N,3)\n%1 = exp(%0) : (N,3)\n\
             %2 = add(%1, %1) : (N,3)\noutput y %2\n"
        );
    }
}
