//! The font of pictures: a part of Liberation Sans, which is as wide as Arial and Helvetica, so that
//! its widths hold for SVG, too. See `assets/README.md`.

use std::sync::OnceLock;

use ttf_parser::{Face, GlyphId, OutlineBuilder};

use super::path::{Path, Segment};

static REGULAR: &[u8] = include_bytes!("../../assets/sans.ttf");
static BOLD: &[u8] = include_bytes!("../../assets/sans-bold.ttf");

/// A weight of the font.
pub(super) fn face(bold: bool) -> Option<&'static Face<'static>> {
    static FACES: OnceLock<[Option<Face<'static>>; 2]> = OnceLock::new();
    let parse = |data| Face::parse(data, 0).ok();
    FACES.get_or_init(|| [parse(REGULAR), parse(BOLD)])[usize::from(bold)].as_ref()
}

fn glyph(face: &Face<'_>, letter: char) -> GlyphId {
    face.glyph_index(letter).or_else(|| face.glyph_index('?')).unwrap_or_default()
}

/// Width of a line of text in a font of height `size`.
pub fn text_width(text: &str, size: f64, bold: bool) -> f64 {
    let Some(face) = face(bold) else { return 0.0 };
    let advance = |letter| face.glyph_hor_advance(glyph(face, letter)).unwrap_or(0);
    let units: f64 = text.chars().map(|letter| f64::from(advance(letter))).sum();
    units * size / f64::from(face.units_per_em())
}

/// `text` in lines that are no wider than `width`, broken between words.
pub fn wrapped(text: &str, size: f64, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        if let Some(line) = lines.last_mut() {
            let longer = format!("{line} {word}");
            if text_width(&longer, size, false) <= width {
                *line = longer;
                continue;
            }
        }
        lines.push(word.to_owned());
    }
    lines
}

/// `text`, or as much of its beginning and end as has room in `width`, around an ellipsis: names of
/// files differ at the end more often than in the beginning.
pub fn fitted(text: &str, size: f64, bold: bool, width: f64) -> String {
    if text_width(text, size, bold) <= width {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    let shortened = |kept: usize| -> String {
        let begin = kept / 2;
        let end = letters.len() - (kept - begin);
        letters[..begin].iter().chain(&['…']).chain(&letters[end..]).collect()
    };
    let fits = |kept: &usize| text_width(&shortened(*kept), size, bold) <= width;
    shortened((1..letters.len()).rev().find(fits).unwrap_or(0))
}

/// The outlines of a line of text that begins at `x` on the baseline `y`.
pub(super) fn outlines(text: &str, [x, y]: [f64; 2], size: f64, bold: bool) -> Path {
    let Some(face) = face(bold) else { return Path::default() };
    let scale = size / f64::from(face.units_per_em());
    let mut outline = Outline { path: Path::default(), x, y, scale, here: [x, y] };
    for letter in text.chars() {
        let glyph = glyph(face, letter);
        face.outline_glyph(glyph, &mut outline);
        outline.x += f64::from(face.glyph_hor_advance(glyph).unwrap_or(0)) * scale;
    }
    outline.path
}

struct Outline {
    path: Path,
    x: f64,
    y: f64,
    scale: f64,
    here: [f64; 2],
}

impl Outline {
    fn point(&self, x: f32, y: f32) -> [f64; 2] {
        [self.x + f64::from(x) * self.scale, self.y - f64::from(y) * self.scale]
    }

    fn push(&mut self, segment: Segment, to: [f64; 2]) {
        self.path.segments.push(segment);
        self.here = to;
    }
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        let to = self.point(x, y);
        self.push(Segment::Move(to), to);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let to = self.point(x, y);
        self.push(Segment::Line(to), to);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (from, control, to) = (self.here, self.point(x1, y1), self.point(x, y));
        let toward = |end: [f64; 2]| {
            [end[0] + (control[0] - end[0]) * 2.0 / 3.0, end[1] + (control[1] - end[1]) * 2.0 / 3.0]
        };
        self.push(Segment::Curve(toward(from), toward(to), to), to);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let to = self.point(x, y);
        self.push(Segment::Curve(self.point(x1, y1), self.point(x2, y2), to), to);
    }

    fn close(&mut self) {
        self.path.segments.push(Segment::Close);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_arial() {
        // Advances of Arial in 2048 units: C 1479, o 1139, r 682, n 1139, u 1139.
        let expected = (1479 + 1139 + 682 + 1139 + 1139) as f64 / 2048.0;
        assert!((text_width("Cornu", 1.0, false) - expected).abs() < 1e-9);
        assert!(text_width("Cornu", 1.0, false) < text_width("Cornu", 1.0, true));
        assert_eq!(text_width("", 12.0, false), 0.0);
    }

    #[test]
    fn long_names_keep_both_ends() {
        let width = text_width("0123456789", 12.0, false);
        assert_eq!(fitted("short", 12.0, false, width), "short");
        let fitted_name = fitted("picture-of-a-chest-17.png", 12.0, false, width);
        assert!(fitted_name.starts_with("pict") && fitted_name.ends_with(".png"), "{fitted_name}");
        assert!(text_width(&fitted_name, 12.0, false) <= width);
        assert_eq!(fitted("abcdef", 12.0, false, 0.0), "…");
    }

    #[test]
    fn lines_are_broken_between_words_only() {
        let lines = wrapped("one two unbreakablywidetext three", 10.0, 45.0);
        assert_eq!(lines, ["one two", "unbreakablywidetext", "three"]);
    }
}
