//! Networks as boxes and arrows.
//!
//! A [`Diagram`] says what there is; [`Diagram::draw`] lays it out in layers, without crossings where it
//! can, and [`Diagram::to_dot`] and [`Diagram::to_mermaid`] leave that to other programs.

mod boxes;
mod dot;
mod draw;
mod flat;
mod layout;
mod mermaid;
mod order;
mod words;

use crate::drawing::Hue;

/// A network.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Diagram {
    /// What it is called.
    pub name: String,
    /// Keras's class, such as `Functional`.
    pub class_name: String,
    /// Its layers, each behind all those whose outputs it takes.
    pub nodes: Vec<Node>,
    /// How tensors flow between them.
    pub edges: Vec<Edge>,
    /// Nodes that are inputs, in the order of the network's inputs.
    pub inputs: Vec<usize>,
    /// Nodes that give the network's outputs, in their order.
    pub outputs: Vec<usize>,
    /// Number of weight values.
    pub params: usize,
    /// How many of them training changes.
    pub trainable_params: usize,
}

/// A layer, or a call of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The layer's name.
    pub name: String,
    /// Keras's class, such as `Conv2D`.
    pub class_name: String,
    /// What kind of layer it is, which is its colour.
    pub kind: Kind,
    /// Its most telling settings, such as `8 filters, 3×3, same`; may be empty.
    pub details: String,
    /// The activation function, if it has one other than `linear`.
    pub activation: Option<String>,
    /// Shapes of its outputs, such as `(None, 256, 256, 8)`.
    pub shapes: Vec<String>,
    /// Number of weight values; `None` for a further call of a layer, which has the same ones.
    pub params: Option<usize>,
    /// Whether training changes them; `None` without weights.
    pub trainable: Option<bool>,
    /// What is inside, if it is a network.
    pub inner: Option<Box<Diagram>>,
}

/// A tensor on its way from a node to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The node that makes it, ...
    pub from: usize,
    /// ... and which of its outputs it is.
    pub output: usize,
    /// The node that takes it, ...
    pub to: usize,
    /// ... and which of its inputs it is.
    pub input: usize,
}

/// What kind of layer a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An input of the network.
    Input,
    /// Brings data into shape, or changes it at random.
    Preprocessing,
    /// A convolution.
    Convolution,
    /// Makes pictures smaller or larger.
    Pooling,
    /// Brings values to one scale.
    Normalization,
    /// Activation, or noise in training.
    Activation,
    /// Dense layers and embeddings.
    Core,
    /// Recurrent layers and attention.
    Sequence,
    /// Puts tensors together or into another shape.
    Merging,
    /// A network.
    Network,
    /// An operation on tensors, or a layer that is not Keras's.
    Other,
}

impl Kind {
    /// Its colour.
    pub fn hue(self) -> Hue {
        match self {
            Self::Input | Self::Merging | Self::Network | Self::Other => Hue::Grey,
            Self::Preprocessing => Hue::Yellow,
            Self::Convolution => Hue::Blue,
            Self::Pooling => Hue::Sky,
            Self::Normalization => Hue::Purple,
            Self::Activation => Hue::Orange,
            Self::Core => Hue::Green,
            Self::Sequence => Hue::Red,
        }
    }
}

/// Which way tensors flow: Keras's and Graphviz's `rankdir`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// From top to bottom.
    #[default]
    TB,
    /// From left to right.
    LR,
    /// From bottom to top.
    BT,
    /// From right to left.
    RL,
}

/// What a diagram shows. Names are those of Keras's `plot_model`, but more is shown by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiagramOptions {
    /// Shapes of the outputs. Default: true.
    pub show_shapes: bool,
    /// Numbers of parameters. Default: true.
    pub show_params: bool,
    /// Types of the numbers, all `float32`. Default: false.
    pub show_dtype: bool,
    /// Names of the layers. Default: true.
    pub show_layer_names: bool,
    /// Filters, kernel sizes and the like. Default: true.
    pub show_details: bool,
    /// Activation functions. Default: true.
    pub show_layer_activations: bool,
    /// Whether training changes a layer. Default: false.
    pub show_trainable: bool,
    /// Shows the layers of networks inside of the network. Default: false.
    pub expand_nested: bool,
    /// Which way tensors flow. Default: from top to bottom.
    pub rankdir: Direction,
    /// Columns (or rows, if tensors flow sideways) into which a long network is broken where only one
    /// tensor passes; not for DOT and Mermaid. Default: 1.
    pub columns: usize,
}

impl Default for DiagramOptions {
    fn default() -> Self {
        Self {
            show_shapes: true,
            show_params: true,
            show_dtype: false,
            show_layer_names: true,
            show_details: true,
            show_layer_activations: true,
            show_trainable: false,
            expand_nested: false,
            rankdir: Direction::TB,
            columns: 1,
        }
    }
}

/// `1234567` as `1,234,567`.
pub fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if 0 < i && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 layer`, `2 layers`.
pub(crate) fn counted(n: usize, what: &str) -> String {
    format!("{} {what}{}", thousands(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn thousands_have_commas() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (1234567, "1,234,567")];
        for (n, text) in cases {
            assert_eq!(thousands(n), text);
        }
    }

    /// A layer of a class, with parameters if it has any.
    pub(crate) fn node(name: &str, class_name: &str, params: usize) -> Node {
        Node {
            name: name.to_owned(),
            class_name: class_name.to_owned(),
            kind: Kind::Core,
            details: String::new(),
            activation: None,
            shapes: vec!["(None, 4)".to_owned()],
            params: Some(params),
            trainable: (0 < params).then_some(true),
            inner: None,
        }
    }

    /// A network of nodes with edges between them, all from output 0 to input 0.
    pub(crate) fn diagram(nodes: Vec<Node>, edges: &[(usize, usize)]) -> Diagram {
        let edges = edges.iter().map(|&(from, to)| Edge { from, output: 0, to, input: 0 });
        let (inputs, outputs) = (vec![0], vec![nodes.len() - 1]);
        let params = nodes.iter().filter_map(|node| node.params).sum();
        Diagram {
            name: "net".to_owned(),
            class_name: "Functional".to_owned(),
            nodes,
            edges: edges.collect(),
            inputs,
            outputs,
            params,
            trainable_params: params,
        }
    }

    /// a -> b -> c -> d with a way around b and c.
    pub(crate) fn residual() -> Diagram {
        let names = ["a", "b", "c", "d"];
        let nodes = names.iter().map(|name| node(name, "Dense", 5)).collect();
        diagram(nodes, &[(0, 1), (1, 2), (2, 3), (0, 3)])
    }

    /// a -> residual -> b.
    pub(crate) fn nested() -> Diagram {
        let mut block = node("block", "Functional", 20);
        (block.kind, block.inner) = (Kind::Network, Some(Box::new(residual())));
        diagram(vec![node("x", "InputLayer", 0), block, node("y", "Dense", 3)], &[(0, 1), (1, 2)])
    }
}
