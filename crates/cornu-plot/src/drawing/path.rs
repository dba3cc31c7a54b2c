//! Lines and curves.

/// A part of a path, from where the part before it ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Segment {
    /// Begins anew at a point.
    Move([f64; 2]),
    /// A straight line to a point.
    Line([f64; 2]),
    /// A cubic Bézier curve: two control points and the end.
    Curve([f64; 2], [f64; 2], [f64; 2]),
    /// Back to where the last `Move` was.
    Close,
}

/// Segments in a row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Path {
    /// The segments, a `Move` first.
    pub segments: Vec<Segment>,
}

/// Straight pieces for a curve: enough for the eye at any size that is drawn.
const PIECES: usize = 24;

impl Path {
    /// Straight lines through points.
    pub fn lines(points: impl IntoIterator<Item = [f64; 2]>) -> Self {
        let mut segments: Vec<Segment> = points.into_iter().map(Segment::Line).collect();
        if let Some(Segment::Line(first)) = segments.first().copied() {
            segments[0] = Segment::Move(first);
        }
        Self { segments }
    }

    /// A closed polygon.
    pub fn polygon(points: impl IntoIterator<Item = [f64; 2]>) -> Self {
        let mut path = Self::lines(points);
        path.segments.push(Segment::Close);
        path
    }

    /// A circle.
    pub fn circle([x, y]: [f64; 2], radius: f64) -> Self {
        // How far the control points of a quarter lie from its ends, as a part of the radius.
        let k = 0.552_284_75 * radius;
        let r = radius;
        let segments = vec![
            Segment::Move([x + r, y]),
            Segment::Curve([x + r, y + k], [x + k, y + r], [x, y + r]),
            Segment::Curve([x - k, y + r], [x - r, y + k], [x - r, y]),
            Segment::Curve([x - r, y - k], [x - k, y - r], [x, y - r]),
            Segment::Curve([x + k, y - r], [x + r, y - k], [x + r, y]),
            Segment::Close,
        ];
        Self { segments }
    }

    /// Straight lines that follow the path, one list for each `Move`; closed ones end where they begin.
    pub(super) fn flattened(&self) -> Vec<Vec<[f64; 2]>> {
        let mut lines: Vec<Vec<[f64; 2]>> = Vec::new();
        for segment in &self.segments {
            let here = lines.last().and_then(|line| line.last()).copied().unwrap_or_default();
            if let Segment::Move(to) = segment {
                lines.push(vec![*to]);
                continue;
            }
            if lines.is_empty() {
                lines.push(vec![here]);
            }
            let Some(line) = lines.last_mut() else { continue };
            match *segment {
                Segment::Move(_) => {}
                Segment::Line(to) => line.push(to),
                Segment::Curve(a, b, to) => {
                    for i in 1..=PIECES {
                        let t = i as f64 / PIECES as f64;
                        let s = 1.0 - t;
                        let at = |axis: usize| {
                            s * s * s * here[axis]
                                + 3.0 * s * s * t * a[axis]
                                + 3.0 * s * t * t * b[axis]
                                + t * t * t * to[axis]
                        };
                        line.push([at(0), at(1)]);
                    }
                }
                Segment::Close => line.push(line[0]),
            }
        }
        lines
    }
}
