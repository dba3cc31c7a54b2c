//! Drawings as pixels, with smooth edges.

use super::font::{outlines, text_width};
use super::{Anchor, Drawing, Ink, Path, Segment, Shape, Stroke, Text, Theme};
use crate::raster::{Raster, Sampling};

/// The drawing on paper.
pub(super) fn pixels(drawing: &Drawing, theme: Theme, scale: f64) -> Raster {
    let size = |length: f64| ((length * scale).round() as usize).max(1);
    let is_dark = theme == Theme::Dark;
    let mut canvas = Canvas::new(size(drawing.width), size(drawing.height), scale, is_dark);
    for shape in &drawing.shapes {
        canvas.draw(shape);
    }
    canvas.picture
}

struct Canvas {
    picture: Raster,
    scale: f64,
    is_dark: bool,
}

/// How much of each pixel of a part of the canvas a shape covers.
struct Mask {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    coverage: Vec<f32>,
}

impl Mask {
    /// For what lies between the corners, a pixel more on each side, within the canvas.
    fn around([x0, y0, x1, y1]: [f64; 4], picture: &Raster) -> Self {
        let clamp = |x: f64, most: usize| x.clamp(0.0, most as f64) as usize;
        let (left, top) = (clamp(x0 - 1.0, picture.width()), clamp(y0 - 1.0, picture.height()));
        let right = clamp(x1.ceil() + 1.0, picture.width());
        let bottom = clamp(y1.ceil() + 1.0, picture.height());
        // Nothing at all, such as a text of spaces, has its corners the wrong way round.
        let (width, height) = (right.saturating_sub(left), bottom.saturating_sub(top));
        Self { left, top, width, height, coverage: vec![0.0; width * height] }
    }
}

/// The corners of what points span.
fn bounds(points: impl Iterator<Item = [f64; 2]>) -> [f64; 4] {
    let nothing = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    points.fold(nothing, |[x0, y0, x1, y1], [x, y]| [x0.min(x), y0.min(y), x1.max(x), y1.max(y)])
}

impl Canvas {
    fn new(width: usize, height: usize, scale: f64, is_dark: bool) -> Self {
        let paper = Ink::Paper.rgb(is_dark);
        Self { picture: Raster::new(width, height, paper), scale, is_dark }
    }

    fn draw(&mut self, shape: &Shape) {
        match shape {
            Shape::Rect { x, y, width, height, radius, fill, stroke } => {
                let path = rounded([*x, *y, *width, *height], *radius);
                self.path(&path, *fill, *stroke);
            }
            Shape::Path { path, fill, stroke } => self.path(path, *fill, *stroke),
            Shape::Text(text) => self.text(text),
            Shape::Image { x, y, width, height, picture, sampling } => {
                let place = [*x, *y, *width, *height].map(|v| v * self.scale);
                self.image(place, picture, *sampling);
            }
        }
    }

    fn path(&mut self, path: &Path, fill: Option<Ink>, stroke: Option<Stroke>) {
        let mut lines = path.flattened();
        for point in lines.iter_mut().flatten() {
            *point = point.map(|v| v * self.scale);
        }
        if let Some(ink) = fill {
            self.fill(&lines, ink);
        }
        if let Some(stroke) = stroke {
            let lines = match stroke.dash {
                Some((dash, gap)) => dashed(&lines, dash * self.scale, gap * self.scale),
                None => lines,
            };
            self.stroke(&lines, stroke.width * self.scale, stroke.ink);
        }
    }

    fn text(&mut self, text: &Text) {
        let width = text_width(&text.text, text.size, text.bold);
        let back = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => width / 2.0,
            Anchor::End => width,
        };
        let mut path = outlines(&text.text, [text.x - back, text.y], text.size, text.bold);
        if text.upwards {
            let turn = |[x, y]: [f64; 2]| [text.x + (y - text.y), text.y - (x - text.x)];
            for segment in &mut path.segments {
                *segment = match *segment {
                    Segment::Move(to) => Segment::Move(turn(to)),
                    Segment::Line(to) => Segment::Line(turn(to)),
                    Segment::Curve(a, b, to) => Segment::Curve(turn(a), turn(b), turn(to)),
                    Segment::Close => Segment::Close,
                };
            }
        }
        self.path(&path, Some(text.ink), None);
    }

    /// Fills what closed lines enclose; holes run the other way round.
    fn fill(&mut self, lines: &[Vec<[f64; 2]>], ink: Ink) {
        let mut mask = Mask::around(bounds(lines.iter().flatten().copied()), &self.picture);
        if mask.coverage.is_empty() {
            return;
        }
        // Signed areas to the right of each edge, pixel by pixel; sums along the rows give coverage.
        let mut area = vec![0.0f32; (mask.width + 2) * mask.height];
        for line in lines {
            let last = line.last().copied();
            for (from, to) in last.into_iter().chain(line.iter().copied()).zip(line) {
                edge(&mut area, &mask, from, *to);
            }
        }
        for (row, area) in
            mask.coverage.chunks_exact_mut(mask.width).zip(area.chunks_exact(mask.width + 2))
        {
            let mut sum = 0.0;
            for (coverage, area) in row.iter_mut().zip(area) {
                sum += area;
                *coverage = sum.abs().min(1.0);
            }
        }
        self.blend(&mask, ink);
    }

    /// Draws lines with round ends.
    fn stroke(&mut self, lines: &[Vec<[f64; 2]>], width: f64, ink: Ink) {
        // A line thinner than a pixel covers less of it.
        let (radius, most) = (width.max(1.0) / 2.0, width.min(1.0) as f32);
        let [x0, y0, x1, y1] = bounds(lines.iter().flatten().copied());
        let mut mask =
            Mask::around([x0 - radius, y0 - radius, x1 + radius, y1 + radius], &self.picture);
        for line in lines {
            for (from, to) in line.iter().zip(line.iter().skip(1)) {
                line_coverage(&mut mask, *from, *to, radius, most);
            }
        }
        self.blend(&mask, ink);
    }

    fn image(&mut self, [x, y, width, height]: [f64; 4], picture: &Raster, sampling: Sampling) {
        let round = |v: f64| v.round().max(0.0) as usize;
        let (left, top) = (round(x), round(y));
        let (right, bottom) = (
            round(x + width).min(self.picture.width()),
            round(y + height).min(self.picture.height()),
        );
        if left < right && top < bottom && !picture.is_empty() {
            let fitted = picture.resized(right - left, bottom - top, sampling);
            self.picture.paste(&fitted, left, top);
        }
    }

    fn blend(&mut self, mask: &Mask, ink: Ink) {
        let color = ink.rgb(self.is_dark);
        for (y, row) in mask.coverage.chunks_exact(mask.width.max(1)).enumerate() {
            let start = (mask.top + y) * self.picture.width() + mask.left;
            let range = 3 * start..3 * (start + mask.width);
            let pixels = self.picture.pixels_mut()[range].chunks_exact_mut(3);
            for (pixel, &coverage) in pixels.zip(row) {
                if 0.0 < coverage {
                    for (channel, &ink) in pixel.iter_mut().zip(&color) {
                        let (old, new) = (f32::from(*channel), f32::from(ink));
                        *channel = (old + (new - old) * coverage).round() as u8;
                    }
                }
            }
        }
    }
}

/// Adds what the edge does to the coverage of the pixels right of it: for each row it crosses, the
/// height within the row, shared by the columns that it passes.
fn edge(area: &mut [f32], mask: &Mask, from: [f64; 2], to: [f64; 2]) {
    if from[1] == to[1] {
        return;
    }
    let (direction, top, bottom) = if from[1] < to[1] { (1.0, from, to) } else { (-1.0, to, from) };
    let slope = (bottom[0] - top[0]) / (bottom[1] - top[1]);
    let (first, height) = (mask.top as f64, mask.height as f64);
    let (y0, y1) = ((top[1] - first).clamp(0.0, height), (bottom[1] - first).clamp(0.0, height));
    let x_at = |y: f64| {
        (top[0] + (y + first - top[1]) * slope - mask.left as f64).clamp(0.0, mask.width as f64)
    };
    let stride = mask.width + 2;
    for row in y0 as usize..(y1.ceil() as usize).min(mask.height) {
        let (above, below) = (y0.max(row as f64), y1.min(row as f64 + 1.0));
        if below <= above {
            continue;
        }
        let height = (below - above) * direction;
        let (a, b) = (x_at(above), x_at(below));
        let (left, right) = if a < b { (a, b) } else { (b, a) };
        let cells = &mut area[row * stride..(row + 1) * stride];
        let (first, last) = (left as usize, right as usize);
        if first == last {
            let inside = first as f64 + 1.0 - (left + right) / 2.0;
            cells[first] += (height * inside) as f32;
            cells[first + 1] += (height * (1.0 - inside)) as f32;
            continue;
        }
        // The part of the height that has crossed before each column ends, integrated over columns.
        let per_column = 1.0 / (right - left);
        let integral = |x: f64| {
            let x = (x - left).max(0.0);
            let w = right - left;
            if x < w { x * x / 2.0 * per_column } else { w / 2.0 + (x - w) }
        };
        let mut before = 0.0;
        for column in first..=last + 1 {
            let covered = integral(column as f64 + 1.0) - integral(column as f64);
            cells[column.min(stride - 1)] += (height * (covered - before)) as f32;
            before = covered;
        }
    }
}

/// Keeps the larger of what covers a pixel and what a thick piece of line covers of it.
fn line_coverage(mask: &mut Mask, from: [f64; 2], to: [f64; 2], radius: f64, most: f32) {
    let [x0, y0, x1, y1] = bounds([from, to].into_iter());
    let reach = radius + 1.0;
    let clamp = |v: f64, first: usize, n: usize| (v - first as f64).clamp(0.0, n as f64) as usize;
    let rows =
        clamp(y0 - reach, mask.top, mask.height)..clamp(y1 + reach + 1.0, mask.top, mask.height);
    let columns =
        clamp(x0 - reach, mask.left, mask.width)..clamp(x1 + reach + 1.0, mask.left, mask.width);
    let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
    let length = dx * dx + dy * dy;
    for row in rows {
        let y = (row + mask.top) as f64 + 0.5 - from[1];
        for column in columns.clone() {
            let x = (column + mask.left) as f64 + 0.5 - from[0];
            let t = if length == 0.0 { 0.0 } else { ((x * dx + y * dy) / length).clamp(0.0, 1.0) };
            let distance = (x - t * dx).hypot(y - t * dy);
            let coverage = (radius + 0.5 - distance).clamp(0.0, 1.0) as f32 * most;
            let cell = &mut mask.coverage[row * mask.width + column];
            *cell = cell.max(coverage);
        }
    }
}

/// A rectangle with round corners, clockwise.
fn rounded([x, y, width, height]: [f64; 4], radius: f64) -> Path {
    let r = radius.min(width / 2.0).min(height / 2.0);
    let (right, bottom) = (x + width, y + height);
    if r <= 0.0 {
        return Path::polygon([[x, y], [right, y], [right, bottom], [x, bottom]]);
    }
    // As for a circle: control points at so much of the radius from the corner.
    let k = r * (1.0 - 0.552_284_75);
    let segments = vec![
        Segment::Move([x + r, y]),
        Segment::Line([right - r, y]),
        Segment::Curve([right - k, y], [right, y + k], [right, y + r]),
        Segment::Line([right, bottom - r]),
        Segment::Curve([right, bottom - k], [right - k, bottom], [right - r, bottom]),
        Segment::Line([x + r, bottom]),
        Segment::Curve([x + k, bottom], [x, bottom - k], [x, bottom - r]),
        Segment::Line([x, y + r]),
        Segment::Curve([x, y + k], [x + k, y], [x + r, y]),
        Segment::Close,
    ];
    Path { segments }
}

/// The pieces of lines that are drawn.
fn dashed(lines: &[Vec<[f64; 2]>], dash: f64, gap: f64) -> Vec<Vec<[f64; 2]>> {
    let mut pieces = Vec::new();
    for line in lines {
        let mut left = dash;
        let mut is_drawn = true;
        let mut piece = line.first().map(|&point| vec![point]).unwrap_or_default();
        for (&from, &to) in line.iter().zip(line.iter().skip(1)) {
            let length = (to[0] - from[0]).hypot(to[1] - from[1]);
            let at = |t: f64| [from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t];
            let mut done = 0.0;
            while left < length - done {
                done += left;
                let here = at(done / length);
                if is_drawn {
                    piece.push(here);
                    pieces.push(std::mem::take(&mut piece));
                } else {
                    piece = vec![here];
                }
                is_drawn = !is_drawn;
                left = (if is_drawn { dash } else { gap }).max(1e-3);
            }
            left -= length - done;
            if is_drawn {
                piece.push(to);
            }
        }
        if is_drawn && 1 < piece.len() {
            pieces.push(piece);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLACK: Ink = Ink::Rgb([0; 3]);

    fn grey(drawing: &Drawing) -> Vec<Vec<u8>> {
        let pixels = drawing.to_pixels(Theme::Light, 1.0);
        pixels
            .pixels()
            .chunks(3 * pixels.width())
            .map(|row| row.iter().copied().step_by(3).collect())
            .collect()
    }

    #[test]
    fn pixels_are_covered_in_part() {
        let mut drawing = Drawing::new(4.0, 2.0, "", "");
        drawing.rect([0.5, 0.0, 2.0, 1.5], 0.0, BLACK);
        assert_eq!(grey(&drawing), [[128, 0, 128, 255], [191, 128, 191, 255]]);
    }

    #[test]
    fn sloping_edges_cover_what_lies_inside() {
        // A triangle over half of a square of 8 x 8.
        let mut drawing = Drawing::new(10.0, 10.0, "", "");
        drawing.area(Path::polygon([[1.0, 1.0], [9.0, 1.0], [1.0, 9.0]]), BLACK);
        let dark: f64 = grey(&drawing).iter().flatten().map(|&v| 1.0 - f64::from(v) / 255.0).sum();
        assert!((dark - 32.0).abs() < 0.2, "{dark}");
        // And one whose edge is nearly level, which passes several columns in a row.
        let mut drawing = Drawing::new(12.0, 4.0, "", "");
        drawing.area(Path::polygon([[1.0, 1.0], [11.0, 1.5], [11.0, 3.0], [1.0, 3.0]]), BLACK);
        let dark: f64 = grey(&drawing).iter().flatten().map(|&v| 1.0 - f64::from(v) / 255.0).sum();
        assert!((dark - 17.5).abs() < 0.2, "{dark}");
    }

    #[test]
    fn what_lies_outside_is_cut_off() {
        let mut drawing = Drawing::new(3.0, 3.0, "", "");
        drawing.rect([-5.0, -5.0, 20.0, 20.0], 2.0, BLACK);
        drawing.line(Path::lines([[-9.0, -9.0], [30.0, 1.0]]), Stroke::new(BLACK, 2.0));
        drawing.text(Text::new(-100.0, 50.0, 12.0, "far away"));
        drawing.text(Text::new(1.0, 1.0, 12.0, " "));
        drawing.line(Path::default(), Stroke::new(BLACK, 2.0));
        assert_eq!(grey(&drawing), [[0; 3]; 3]);
    }

    #[test]
    fn letters_are_dark_inside_and_have_holes() {
        let mut drawing = Drawing::new(40.0, 40.0, "", "");
        drawing.text(Text::new(4.0, 36.0, 40.0, "O").bold().ink(BLACK));
        let rows = grey(&drawing);
        assert_eq!((rows[22][19], rows[22][8], rows[2][1]), (255, 0, 255));
    }

    #[test]
    fn dashes_leave_gaps() {
        let mut drawing = Drawing::new(20.0, 3.0, "", "");
        let line = Path::lines([[0.0, 1.5], [20.0, 1.5]]);
        drawing.line(line, Stroke::new(BLACK, 1.0).dashed(4.0, 6.0));
        let row = grey(&drawing)[1].clone();
        assert_eq!((row[1], row[7], row[12], row[17]), (0, 255, 0, 255));
    }
}
