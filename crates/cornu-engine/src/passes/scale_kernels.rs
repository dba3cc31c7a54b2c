use cornu_graph::ops::BinaryKind;
use cornu_graph::{Graph, GraphError, Op, ValueId};
use cornu_tensor::Dim;

/// `(conv(x, kernel) + a - b) * scale + c` -> `conv(x, kernel * scale) + ((a - b) * scale + c)`, where
/// all but `conv` is one number per channel and the same for all samples.
///
/// A batch normalisation that predicts is of this kind: it costs nothing then, as the scaled kernel
/// is made once and the shift is the bias, which the convolution adds anyway.
pub(super) fn scale_kernels(graph: &Graph) -> Result<Graph, GraphError> {
    let chains = chains(graph);
    let mut made: Vec<ValueId> = Vec::with_capacity(graph.nodes().len());
    graph.rewritten(|new, value, node| {
        let result = match chains.iter().find(|chain| chain.last() == Some(&value)) {
            Some(chain) => scaled(new, graph, chain, &made)?,
            None => new.add_node(node.op, &node.inputs)?,
        };
        made.push(result);
        Ok(result)
    })
}

/// Each convolution with the operations behind it that can be taken into it, if one of them scales.
fn chains(graph: &Graph) -> Vec<Vec<ValueId>> {
    let users = graph.users();
    let is_result = |value: ValueId| graph.outputs().iter().any(|(_, output)| *output == value);
    let mut chains = Vec::new();
    for conv in graph.values() {
        let node = graph.node(conv);
        if !matches!(node.op, Op::Conv(_)) || graph.shape(node.inputs[1]).is_batched() {
            continue;
        }
        let mut chain = vec![conv];
        let mut last = conv;
        while let [user] = users[last.index()][..]
            && !is_result(last)
            && channel_operand(graph, user, last).is_some()
        {
            chain.push(user);
            last = user;
        }
        let scales = |value: &&ValueId| kind(graph, **value) == Some(BinaryKind::Mul);
        if chain.iter().any(|value| scales(&value)) {
            chains.push(chain);
        }
    }
    chains
}

fn kind(graph: &Graph, value: ValueId) -> Option<BinaryKind> {
    match &graph.node(value).op {
        Op::Binary(op) => Some(op.0),
        _ => None,
    }
}

/// The other operand of `user`, which adds it to `x`, subtracts it or multiplies with it, if it is one
/// number per channel, or one for all, and the same for all samples.
fn channel_operand(graph: &Graph, user: ValueId, x: ValueId) -> Option<ValueId> {
    let [a, b] = graph.node(user).inputs[..] else { return None };
    let commutes = match kind(graph, user)? {
        BinaryKind::Add | BinaryKind::Mul => true,
        BinaryKind::Sub => false,
        _ => return None,
    };
    let other = match (a == x, b == x) {
        (true, false) => b,
        (false, true) if commutes => a,
        _ => return None,
    };
    let channels = *graph.shape(x).dims().last()?;
    let fits = match graph.shape(other).dims() {
        [] => true,
        [dim] => *dim == channels || *dim == Dim::Fixed(1),
        _ => false,
    };
    (fits && graph.shape(user) == graph.shape(x)).then_some(other)
}

/// The convolution of a chain with all that follows in it.
fn scaled(
    new: &mut Graph,
    old: &Graph,
    chain: &[ValueId],
    made: &[ValueId],
) -> Result<ValueId, GraphError> {
    let conv = old.node(chain[0]);
    let (x, mut kernel) = (made[conv.inputs[0].index()], made[conv.inputs[1].index()]);
    let mut shift: Option<ValueId> = None;
    for pair in chain.windows(2) {
        let Some(operand) = channel_operand(old, pair[1], pair[0]) else { continue };
        let operand = made[operand.index()];
        match kind(old, pair[1]) {
            Some(BinaryKind::Mul) => {
                kernel = new.mul(kernel, operand)?;
                shift = shift.map(|shift| new.mul(shift, operand)).transpose()?;
            }
            Some(BinaryKind::Sub) => {
                shift = Some(match shift {
                    Some(shift) => new.sub(shift, operand)?,
                    None => new.neg(operand)?,
                });
            }
            _ => {
                shift = Some(match shift {
                    Some(shift) => new.add(shift, operand)?,
                    None => operand,
                });
            }
        }
    }
    let y = new.add_node(conv.op.clone(), &[x, kernel])?;
    shift.map_or(Ok(y), |shift| new.add(y, shift))
}

#[cfg(test)]
mod tests {
    use cornu_graph::ops::Conv;
    use cornu_tensor::Shape;

    use super::*;
    use crate::passes::simplify;

    /// A convolution behind which `follow` comes.
    fn simplified(follow: impl Fn(&mut Graph, ValueId, ValueId) -> ValueId) -> String {
        let mut g = Graph::new();
        let x = g.input("x", Shape::batched([4, 4, 2])).unwrap();
        let kernel = g.add_variable("kernel", [3, 3, 2, 5]);
        let kernel = g.variable(kernel).unwrap();
        let channel = g.add_variable("channel", [5]);
        let channel = g.variable(channel).unwrap();
        let conv = Conv {
            strides: vec![1; 2],
            dilations: vec![1; 2],
            padding: vec![(1, 1); 2],
            groups: 1,
        };
        let y = g.add_node(conv.into(), &[x, kernel]).unwrap();
        let y = follow(&mut g, y, channel);
        g.set_output("y", y);
        simplify(&g).unwrap().to_string()
    }

    #[test]
    fn a_normalisation_becomes_kernel_and_bias() {
        let text = simplified(|g, y, c| {
            let y = g.add(y, c).unwrap();
            let y = g.sub(y, c).unwrap();
            let y = g.mul(y, c).unwrap();
            let y = g.add(c, y).unwrap();
            g.relu(y).unwrap()
        });
        let lines: Vec<&str> = text.lines().collect();
        let of_samples: Vec<&&str> =
            lines.iter().filter(|line| line.contains("(N,4,4,5)")).collect();
        // Convolution, bias, ReLU.
        assert_eq!(of_samples.len(), 3, "{text}");
    }

    #[test]
    fn what_is_read_elsewhere_or_scales_nothing_stays() {
        let bias = simplified(|g, y, c| g.add(y, c).unwrap());
        assert!(!bias.contains("mul"), "{bias}");
        let read_twice = simplified(|g, y, c| {
            let scaled = g.mul(y, c).unwrap();
            g.add(scaled, y).unwrap()
        });
        assert!(read_twice.contains("mul(%"), "{read_twice}");
        assert_eq!(read_twice.matches("(N,4,4,5)").count(), 3, "{read_twice}");
        let other_way = simplified(|g, y, c| {
            let less = g.sub(c, y).unwrap();
            g.mul(less, c).unwrap()
        });
        assert_eq!(other_way.matches("(N,4,4,5)").count(), 3, "{other_way}");
    }
}
