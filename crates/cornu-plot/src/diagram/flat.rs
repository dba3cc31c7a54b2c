//! Layers and tensors with networks taken apart, for programs that lay them out themselves.

use super::{Diagram, DiagramOptions, Node};

/// A part of a flat diagram, in the order in which it is written.
pub(super) enum Item<'a> {
    /// A layer and its identifier.
    Layer(&'a Node, String),
    /// A network begins.
    Begin(&'a Node, String),
    /// It ends.
    End,
}

/// The items, and the edges between layers.
pub(super) fn flat<'a>(
    diagram: &'a Diagram,
    options: &DiagramOptions,
) -> (Vec<Item<'a>>, Vec<(String, String)>) {
    let (mut items, mut edges) = (Vec::new(), Vec::new());
    add(diagram, "n", options, &mut items, &mut edges);
    (items, edges)
}

fn add<'a>(
    diagram: &'a Diagram,
    prefix: &str,
    options: &DiagramOptions,
    items: &mut Vec<Item<'a>>,
    edges: &mut Vec<(String, String)>,
) {
    for (index, node) in diagram.nodes.iter().enumerate() {
        let id = format!("{prefix}{index}");
        match node.inner.as_deref().filter(|_| options.expand_nested) {
            Some(inner) => {
                items.push(Item::Begin(node, id.clone()));
                add(inner, &format!("{id}_"), options, items, edges);
                items.push(Item::End);
            }
            None => items.push(Item::Layer(node, id)),
        }
    }
    for edge in &diagram.edges {
        let from = end(diagram, edge.from, edge.output, prefix, options, |inner| &inner.outputs);
        let to = end(diagram, edge.to, edge.input, prefix, options, |inner| &inner.inputs);
        edges.push((from, to));
    }
}

/// The layer at an end of an edge: of a network that is taken apart the one inside.
fn end(
    diagram: &Diagram,
    node: usize,
    port: usize,
    prefix: &str,
    options: &DiagramOptions,
    ends: fn(&Diagram) -> &Vec<usize>,
) -> String {
    let id = format!("{prefix}{node}");
    let inner = diagram.nodes[node].inner.as_deref().filter(|_| options.expand_nested);
    match inner.and_then(|inner| Some((inner, *ends(inner).get(port)?))) {
        Some((inner, node)) => end(inner, node, port, &format!("{id}_"), options, ends),
        None => id,
    }
}
