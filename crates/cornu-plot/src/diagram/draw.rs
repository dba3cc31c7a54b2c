//! Diagrams as drawings.

use super::boxes::{LEADING, NAME_SIZE, PADDING, Placed, SIZE, placed};
use super::layout::HEAD;
use super::words::lines;
use super::{Diagram, DiagramOptions, Direction, Node};
use crate::drawing::{Anchor, Drawing, Ink, Path, Segment, Stroke, Text, text_width};

/// Around the whole.
const MARGIN: f64 = 24.0;
/// Of the title and what stands below it.
const HEADER: f64 = 58.0;

impl Diagram {
    /// The network as boxes and arrows, with a title.
    pub fn draw(&self, options: &DiagramOptions) -> Drawing {
        let placed = placed(self, options, options.columns);
        let subtitle = self.subtitle();
        let title_width =
            text_width(&self.name, 18.0, true).max(text_width(&subtitle, 12.5, false));
        let width = placed.size[0].max(title_width) + 2.0 * MARGIN;
        let height = placed.size[1] + HEADER + 2.0 * MARGIN;
        let title = format!("Network diagram of {}", self.name);
        let mut drawing = Drawing::new(width, height, title, self.description());
        drawing.rect([0.0, 0.0, width, height], 0.0, Ink::Paper);
        let text = Text::new(MARGIN, MARGIN + 16.0, 18.0, &self.name);
        drawing.text(text.bold());
        let text = Text::new(MARGIN, MARGIN + 36.0, 12.5, subtitle);
        drawing.text(text.ink(Ink::Muted));
        let left = (width - placed.size[0]) / 2.0;
        network(&mut drawing, &placed, [left, MARGIN + HEADER], options);
        drawing
    }
}

/// Draws a network whose upper left corner lies at `corner`.
fn network(drawing: &mut Drawing, placed: &Placed<'_>, corner: [f64; 2], options: &DiagramOptions) {
    let turn = |[u, v]: [f64; 2]| {
        let [width, height] = placed.size;
        let [x, y] = match options.rankdir {
            Direction::TB => [u, v],
            Direction::BT => [u, height - v],
            Direction::LR => [v, u],
            Direction::RL => [width - v, u],
        };
        [corner[0] + x, corner[1] + y]
    };
    for path in &placed.layout.paths {
        let segments = path.segments.iter().map(|segment| match *segment {
            Segment::Move(to) => Segment::Move(turn(to)),
            Segment::Line(to) => Segment::Line(turn(to)),
            Segment::Curve(a, b, to) => Segment::Curve(turn(a), turn(b), turn(to)),
            Segment::Close => Segment::Close,
        });
        drawing.line(Path { segments: segments.collect() }, Stroke::new(Ink::Edge, 1.5));
    }
    for &[u, v] in &placed.layout.tips {
        let side = HEAD * 0.6;
        let head = [[u, v], [u - side, v - HEAD - 1.0], [u + side, v - HEAD - 1.0]];
        drawing.area(Path::polygon(head.map(turn)), Ink::Edge);
    }
    for (index, node) in placed.diagram.nodes.iter().enumerate() {
        let [width, height] = placed.sizes[index];
        let [u, v] = placed.layout.corners[index];
        let [x, y] = turn([u, v]);
        // The corner that comes first along the flow is another one if that is turned round.
        let at = match options.rankdir {
            Direction::TB | Direction::LR => [x, y],
            Direction::BT => [x, y - height],
            Direction::RL => [x - width, y],
        };
        match &placed.inner[index] {
            Some(inner) => group(drawing, node, inner, [at[0], at[1], width, height], options),
            None => leaf(drawing, node, [at[0], at[1], width, height], options),
        }
    }
}

/// A box for a layer.
fn leaf(drawing: &mut Drawing, node: &Node, frame: [f64; 4], options: &DiagramOptions) {
    let hue = node.kind.hue();
    let [x, y, _, height] = frame;
    drawing.framed(frame, 7.0, Some(Ink::Panel), Stroke::new(Ink::Rule, 1.2));
    drawing.rect([x + 5.0, y + 7.0, 3.5, height - 14.0], 1.75, Ink::Hue(hue));
    words(drawing, node, frame, options);
}

/// A frame with a network in it.
fn group(
    drawing: &mut Drawing,
    node: &Node,
    inner: &Placed<'_>,
    frame: [f64; 4],
    options: &DiagramOptions,
) {
    let [x, y, width, height] = frame;
    let line = Stroke::new(Ink::Edge, 1.2).dashed(5.0, 4.0);
    drawing.framed(frame, 10.0, Some(Ink::Group), line);
    words(drawing, node, frame, options);
    let corner = [x + (width - inner.size[0]) / 2.0, y + height - PADDING - inner.size[1]];
    network(drawing, inner, corner, options);
}

fn words(drawing: &mut Drawing, node: &Node, frame: [f64; 4], options: &DiagramOptions) {
    let hue = node.kind.hue();
    let [x, y, width, _] = frame;
    let (left, right) = (x + PADDING + 4.0, x + width - PADDING);
    for (i, [start, end]) in lines(node, options).into_iter().enumerate() {
        let baseline = y + 20.0 + i as f64 * LEADING;
        if i == 0 {
            drawing.text(Text::new(left, baseline, NAME_SIZE, start).bold());
            if !end.is_empty() {
                let label = text_width(&end, SIZE, false) + 10.0;
                let frame = [right - label, baseline - 12.5, label, 17.0];
                drawing.rect(frame, 4.0, Ink::Soft(hue));
                let text = Text::new(right - 5.0, baseline - 0.5, SIZE, end);
                drawing.text(text.anchor(Anchor::End));
            }
            continue;
        }
        let is_shape = start.starts_with('(');
        let ink = if is_shape { Ink::Text } else { Ink::Muted };
        if !start.is_empty() {
            drawing.text(Text::new(left, baseline, SIZE, start).ink(ink));
        }
        if !end.is_empty() {
            let text = Text::new(right, baseline, SIZE, end);
            drawing.text(text.anchor(Anchor::End).ink(Ink::Muted));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{nested, residual};
    use super::*;
    use crate::drawing::Theme;

    #[test]
    fn every_layer_and_edge_is_drawn_in_every_direction() {
        for rankdir in [Direction::TB, Direction::LR, Direction::BT, Direction::RL] {
            let options = DiagramOptions { rankdir, expand_nested: true, ..Default::default() };
            let svg = nested().draw(&options).to_svg(Theme::Auto);
            for name in ["x", "block", "y", "a", "b", "c", "d"] {
                assert!(svg.contains(&format!(">{name}</text>")), "{rankdir:?} {name}");
            }
            assert_eq!(svg.matches("Z\" class=\"f-edge\"").count(), 6, "{rankdir:?}");
        }
    }

    #[test]
    fn what_is_drawn_lies_on_the_paper() {
        for rankdir in [Direction::TB, Direction::LR, Direction::BT, Direction::RL] {
            let options = DiagramOptions { rankdir, columns: 2, ..Default::default() };
            let drawing = residual().draw(&options);
            for shape in &drawing.shapes {
                if let crate::drawing::Shape::Rect { x, y, width, height, .. } = shape {
                    assert!(0.0 <= *x && x + width <= drawing.width + 1e-6, "{rankdir:?}");
                    assert!(0.0 <= *y && y + height <= drawing.height + 1e-6, "{rankdir:?}");
                }
            }
        }
    }
}
