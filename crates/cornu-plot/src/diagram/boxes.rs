//! Sizes of boxes, and of networks inside of them.

use super::layout::{Boxes, Layout, Line, layout};
use super::words::lines;
use super::{Diagram, DiagramOptions, Direction, Node};
use crate::drawing::text_width;

/// Height of the first line's letters.
pub(super) const NAME_SIZE: f64 = 13.0;
/// Height of letters of the other lines.
pub(super) const SIZE: f64 = 11.5;
/// From line to line.
pub(super) const LEADING: f64 = 17.0;
/// Between a box's edge and what is in it.
pub(super) const PADDING: f64 = 12.0;
/// Between what stands left and right in a line.
const GAP: f64 = 22.0;
/// A box is at least so wide.
const NARROWEST: f64 = 120.0;

/// A network laid out.
pub(super) struct Placed<'a> {
    pub(super) diagram: &'a Diagram,
    /// Layers that are networks and shown as such.
    pub(super) inner: Vec<Option<Placed<'a>>>,
    pub(super) layout: Layout,
    pub(super) sizes: Vec<[f64; 2]>,
    pub(super) size: [f64; 2],
}

/// Lays out `diagram`, from inside out.
pub(super) fn placed<'a>(
    diagram: &'a Diagram,
    options: &DiagramOptions,
    columns: usize,
) -> Placed<'a> {
    let inner: Vec<Option<Placed<'a>>> = diagram
        .nodes
        .iter()
        .map(|node| {
            let inner = node.inner.as_deref().filter(|_| options.expand_nested);
            inner.map(|inner| placed(inner, options, 1))
        })
        .collect();
    let width = diagram
        .nodes
        .iter()
        .zip(&inner)
        .filter(|(_, inner)| inner.is_none())
        .map(|(node, _)| box_width(node, options))
        .fold(NARROWEST, f64::max);
    let sizes: Vec<[f64; 2]> = diagram
        .nodes
        .iter()
        .zip(&inner)
        .map(|(node, inner)| match inner {
            Some(placed) => [
                (placed.size[0] + 2.0 * PADDING).max(box_width(node, options)),
                placed.size[1] + box_height(node, options) + PADDING,
            ],
            None => [width, box_height(node, options)],
        })
        .collect();
    let turned = options.rankdir.is_sideways();
    let flow = |[x, y]: [f64; 2]| if turned { [y, x] } else { [x, y] };
    let ports = sizes.iter().zip(&inner).map(|(size, inner)| match inner {
        Some(placed) => placed.ports(size, options.rankdir),
        None => [Vec::new(), Vec::new()],
    });
    let edges = diagram.edges.iter().map(|edge| Line {
        from: edge.from,
        output: edge.output,
        to: edge.to,
        input: edge.input,
    });
    let boxes = Boxes {
        sizes: sizes.iter().map(|&size| flow(size)).collect(),
        ports: ports.collect(),
        edges: edges.collect(),
    };
    let layout = layout(&boxes, columns);
    let size = flow(layout.size);
    Placed { diagram, inner, layout, sizes, size }
}

impl Placed<'_> {
    /// How far from the middle of a box of `size` around it the network takes its inputs and gives its
    /// outputs.
    fn ports(&self, size: &[f64; 2], direction: Direction) -> [Vec<f64>; 2] {
        let across = usize::from(direction.is_sideways());
        // As `draw` places it: in the middle of the width, below the words.
        let margin = if across == 0 {
            (size[0] - self.size[0]) / 2.0
        } else {
            size[1] - PADDING - self.size[1]
        };
        let offset = |&node: &usize| {
            let own = self.sizes[node][across];
            margin + self.layout.corners[node][0] + own / 2.0 - size[across] / 2.0
        };
        [&self.diagram.inputs, &self.diagram.outputs]
            .map(|nodes| nodes.iter().map(offset).collect())
    }
}

impl Direction {
    pub(super) fn is_sideways(self) -> bool {
        matches!(self, Self::LR | Self::RL)
    }
}

fn box_width(node: &Node, options: &DiagramOptions) -> f64 {
    let lines = lines(node, options);
    let widths = lines.iter().enumerate().map(|(i, [left, right])| {
        let (size, bold) = if i == 0 { (NAME_SIZE, true) } else { (SIZE, false) };
        let gap = if left.is_empty() || right.is_empty() { 0.0 } else { GAP };
        // The class is a label of its own, with space around its letters.
        let label = if i == 0 && !right.is_empty() { 10.0 } else { 0.0 };
        text_width(left, size, bold) + gap + text_width(right, SIZE, false) + label
    });
    widths.fold(0.0, f64::max) + 2.0 * PADDING + 4.0
}

fn box_height(node: &Node, options: &DiagramOptions) -> f64 {
    lines(node, options).len() as f64 * LEADING + 14.0
}
