//! Diagrams as Mermaid text, which GitHub and many editors draw.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::flat::{Item, flat};
use super::words::lines;
use super::{Diagram, DiagramOptions, Node};
use crate::drawing::Ink;

impl Diagram {
    /// The network as a Mermaid flowchart.
    pub fn to_mermaid(&self, options: &DiagramOptions) -> String {
        let mut text = format!(
            "---\ntitle: {}\n---\nflowchart {:?}\n",
            yaml(&format!("{} ({})", self.name, self.subtitle())),
            options.rankdir
        );
        let (items, edges) = flat(self, options);
        let mut depth = 1;
        let mut classes: BTreeMap<String, (Ink, Vec<String>)> = BTreeMap::new();
        for item in items {
            let _ = match item {
                Item::Layer(node, id) => {
                    let hue = node.kind.hue();
                    let class = format!("{hue:?}").to_lowercase();
                    let nodes = classes.entry(class).or_insert((Ink::Hue(hue), Vec::new()));
                    nodes.1.push(id.clone());
                    writeln!(text, "{}{id}[\"{}\"]", "  ".repeat(depth), label(node, options))
                }
                Item::Begin(node, id) => {
                    depth += 1;
                    let indent = "  ".repeat(depth - 1);
                    writeln!(text, "{indent}subgraph {id}[\"{}\"]", label(node, options))
                }
                Item::End => {
                    depth -= 1;
                    writeln!(text, "{}end", "  ".repeat(depth))
                }
            };
        }
        for (from, to) in edges {
            let _ = writeln!(text, "  {from} --> {to}");
        }
        for (class, (ink, nodes)) in classes {
            // The line only: fill and text follow the reader's theme.
            let [r, g, b] = ink.rgb(false);
            let _ = writeln!(
                text,
                "  classDef {class} stroke:#{r:02x}{g:02x}{b:02x},stroke-width:2px\n  class {} {class}",
                nodes.join(",")
            );
        }
        text
    }
}

fn yaml(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Letters that mean something to Mermaid are written by their numbers.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '"' | '#' | '&' | '<' | '>' | ';' | '`' | '\\' => {
                let _ = write!(out, "#{};", u32::from(letter));
            }
            _ => out.push(letter),
        }
    }
    out
}

fn label(node: &Node, options: &DiagramOptions) -> String {
    let rows = lines(node, options).into_iter().enumerate().map(|(i, [left, right])| {
        let (left, right) = (escaped(&left), escaped(&right));
        let left = if i == 0 { format!("<b>{left}</b>") } else { left };
        let parts: Vec<String> =
            [left, right].into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(" · ")
    });
    rows.collect::<Vec<_>>().join("<br/>")
}

#[cfg(test)]
mod tests {
    use super::super::tests::nested;
    use super::*;

    #[test]
    fn a_flowchart_has_nodes_edges_and_subgraphs() {
        let mut diagram = nested();
        diagram.nodes[0].name = "a \"quoted\" #1".to_owned();
        let options = DiagramOptions { expand_nested: true, ..Default::default() };
        let text = diagram.to_mermaid(&options);
        assert!(text.starts_with(
            "---\ntitle: \"net (Functional, 3 layers, 23 parameters)\"\n---\nflowchart TB\n"
        ));
        assert!(
            text.contains("  n0[\"<b>a #34;quoted#34; #35;1</b> · InputLayer<br/>(None, 4)\"]\n"),
            "{text}"
        );
        assert!(text.contains("  subgraph n1[") && text.contains("  n1_3 --> n2\n"), "{text}");
        assert!(text.contains("  class n0,n1_0,n1_1,n1_2,n1_3,n2 green\n"), "{text}");
    }
}
