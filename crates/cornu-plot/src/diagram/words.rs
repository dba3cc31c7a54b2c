//! What boxes say, and the diagram in sentences.

use super::{Diagram, DiagramOptions, Node, counted, thousands};

/// Most layers that the sentences name.
const MOST_NAMED: usize = 60;

/// The lines of a box: what stands on the left and on the right.
pub(super) fn lines(node: &Node, options: &DiagramOptions) -> Vec<[String; 2]> {
    let mut lines = vec![if options.show_layer_names {
        [node.name.clone(), node.class_name.clone()]
    } else {
        [node.class_name.clone(), String::new()]
    }];
    let details = details(node, options);
    if !details.is_empty() {
        lines.push([details, String::new()]);
    }
    let mut shapes = if options.show_shapes { node.shapes.clone() } else { Vec::new() };
    if options.show_dtype {
        match shapes.is_empty() {
            true => shapes.push("float32".to_owned()),
            false => shapes.iter_mut().for_each(|shape| *shape = format!("{shape} float32")),
        }
    }
    let mut right = match node.params {
        Some(n) if options.show_params && 0 < n => vec![counted(n, "param")],
        None if options.show_params => vec!["shared".to_owned()],
        _ => Vec::new(),
    };
    if options.show_trainable
        && let Some(is_trainable) = node.trainable
    {
        right.push(if is_trainable { "trainable" } else { "frozen" }.to_owned());
    }
    let right = right.join(", ");
    if shapes.is_empty() && !right.is_empty() {
        lines.push([String::new(), right]);
    } else {
        let first = shapes.len();
        for (i, shape) in shapes.into_iter().enumerate() {
            let is_last = i + 1 == first;
            lines.push([shape, if is_last { right.clone() } else { String::new() }]);
        }
    }
    lines
}

fn details(node: &Node, options: &DiagramOptions) -> String {
    let details = options.show_details.then_some(&node.details).filter(|text| !text.is_empty());
    let activation = node.activation.as_ref().filter(|_| options.show_layer_activations);
    let parts: Vec<&str> = details.into_iter().chain(activation).map(String::as_str).collect();
    parts.join(", ")
}

impl Diagram {
    /// The network in a line: its class, and how many layers and parameters it has.
    pub fn subtitle(&self) -> String {
        let mut text = format!(
            "{}, {}, {}",
            self.class_name,
            counted(self.nodes.len(), "layer"),
            counted(self.params, "parameter")
        );
        if self.trainable_params != self.params {
            text += &format!(" ({} trainable)", thousands(self.trainable_params));
        }
        text
    }

    /// The network in sentences, for those who do not see the diagram.
    pub fn description(&self) -> String {
        let mut text = format!("{}.", self.subtitle());
        for (index, node) in self.nodes.iter().enumerate().take(MOST_NAMED) {
            text += &format!(" {} ({})", node.name, node.class_name);
            let sources = self.edges.iter().filter(|edge| edge.to == index);
            let sources: Vec<&str> =
                sources.map(|edge| self.nodes[edge.from].name.as_str()).collect();
            if !sources.is_empty() {
                text += &format!(" takes {} and", sources.join(", "));
            }
            text += &format!(" gives {}", node.shapes.join(" and "));
            if let Some(params) = node.params.filter(|&n| 0 < n) {
                text += &format!(", with {}", counted(params, "parameter"));
            }
            text.push('.');
        }
        if let Some(n) = self.nodes.len().checked_sub(MOST_NAMED).filter(|&n| 0 < n) {
            text += &format!(" {} more.", counted(n, "layer"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{node, residual};
    use super::*;

    #[test]
    fn a_box_says_what_is_asked_for() {
        let mut conv = node("conv", "Conv2D", 1234);
        conv.details = "8 filters, 3×3".to_owned();
        conv.activation = Some("relu".to_owned());
        conv.trainable = Some(false);
        let all = DiagramOptions { show_dtype: true, show_trainable: true, ..Default::default() };
        assert_eq!(
            lines(&conv, &all),
            [
                ["conv", "Conv2D"],
                ["8 filters, 3×3, relu", ""],
                ["(None, 4) float32", "1,234 params, frozen"]
            ]
        );
        let none = DiagramOptions {
            show_shapes: false,
            show_params: false,
            show_layer_names: false,
            show_details: false,
            show_layer_activations: false,
            ..Default::default()
        };
        assert_eq!(lines(&conv, &none), [["Conv2D", ""]]);
        conv.params = None;
        assert_eq!(lines(&conv, &DiagramOptions::default())[2], ["(None, 4)", "shared"]);
    }

    #[test]
    fn sentences_name_each_layer_and_what_it_takes() {
        let text = residual().description();
        assert!(
            text.starts_with("Functional, 4 layers, 20 parameters. a (Dense) gives (None, 4),")
        );
        assert!(text.contains("d (Dense) takes c, a and gives (None, 4), with 5 parameters."));
    }
}
