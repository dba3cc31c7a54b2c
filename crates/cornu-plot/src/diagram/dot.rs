//! Diagrams as text for Graphviz.

use std::fmt::Write;

use super::flat::{Item, flat};
use super::words::lines;
use super::{Diagram, DiagramOptions, Node};
use crate::drawing::Ink;

impl Diagram {
    /// The network as a DOT document: `dot -Tsvg`.
    pub fn to_dot(&self, options: &DiagramOptions) -> String {
        let mut text = format!(
            "digraph {} {{\n  graph [rankdir={:?}, label={}, labelloc=t, fontname=\"Arial\"];\n  \
             node [shape=plain, fontname=\"Arial\", fontsize=11];\n  \
             edge [color=\"{}\", arrowsize=0.7];\n",
            quoted(&self.name),
            options.rankdir,
            quoted(&format!("{}\n{}", self.name, self.subtitle())),
            hex(Ink::Edge)
        );
        let (items, edges) = flat(self, options);
        let mut depth = 1;
        for item in items {
            let _ = match item {
                Item::Layer(node, id) => {
                    writeln!(text, "{}{id} [label=<{}>];", "  ".repeat(depth), table(node, options))
                }
                Item::Begin(node, id) => {
                    depth += 1;
                    writeln!(
                        text,
                        "{0}subgraph cluster_{id} {{\n{0}  label={1}; style=\"dashed,rounded\"; \
                         color=\"{2}\"; bgcolor=\"{3}\";",
                        "  ".repeat(depth - 1),
                        quoted(&cells(node, options).join("\n")),
                        hex(Ink::Edge),
                        hex(Ink::Group)
                    )
                }
                Item::End => {
                    depth -= 1;
                    writeln!(text, "{}}}", "  ".repeat(depth))
                }
            };
        }
        for (from, to) in edges {
            let _ = writeln!(text, "  {from} -> {to};");
        }
        text + "}\n"
    }
}

fn hex(ink: Ink) -> String {
    let [r, g, b] = ink.rgb(false);
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn cells(node: &Node, options: &DiagramOptions) -> Vec<String> {
    let join = |[left, right]: [String; 2]| match (left.is_empty(), right.is_empty()) {
        (false, false) => format!("{left}  |  {right}"),
        _ => left + &right,
    };
    lines(node, options).into_iter().map(join).collect()
}

/// The label of a layer: a table whose first row has the layer's colour.
fn table(node: &Node, options: &DiagramOptions) -> String {
    let escape = crate::xml::escaped;
    let rows = lines(node, options).into_iter().enumerate().map(|(i, [left, right])| {
        let (left, right) = (escape(&left), escape(&right));
        if i == 0 {
            let soft = hex(Ink::Soft(node.kind.hue()));
            return format!(
                "<tr><td align=\"left\" bgcolor=\"{soft}\"><b>{left}</b></td><td align=\"right\" \
                 bgcolor=\"{soft}\">{right}</td></tr>"
            );
        }
        if right.is_empty() {
            return format!("<tr><td align=\"left\" colspan=\"2\">{left}</td></tr>");
        }
        format!("<tr><td align=\"left\">{left}</td><td align=\"right\">{right}</td></tr>")
    });
    format!(
        "<table border=\"1\" cellborder=\"0\" cellspacing=\"0\" cellpadding=\"5\" color=\"{}\" \
         style=\"rounded\">{}</table>",
        hex(Ink::Hue(node.kind.hue())),
        rows.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{nested, residual};
    use super::*;

    #[test]
    fn edges_lead_into_networks_that_are_shown() {
        let folded = nested().to_dot(&DiagramOptions::default());
        assert!(folded.contains("  n0 -> n1;\n  n1 -> n2;\n}"), "{folded}");
        let options = DiagramOptions { expand_nested: true, ..Default::default() };
        let shown = nested().to_dot(&options);
        assert!(shown.contains("  n0 -> n1_0;\n  n1_3 -> n2;\n}"), "{shown}");
        assert!(shown.contains("subgraph cluster_n1 {"));
        assert_eq!(shown.matches('{').count(), shown.matches('}').count());
    }

    #[test]
    fn names_are_quoted() {
        let mut diagram = residual();
        diagram.name = "a \"b\" \\".to_owned();
        diagram.nodes[0].name = "<x & y>".to_owned();
        let text = diagram.to_dot(&DiagramOptions::default());
        assert!(text.starts_with("digraph \"a \\\"b\\\" \\\\\" {"), "{text}");
        assert!(text.contains("<b>&lt;x &amp; y&gt;</b>"), "{text}");
    }
}
