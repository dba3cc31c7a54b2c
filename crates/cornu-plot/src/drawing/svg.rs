//! Drawings as SVG.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{Anchor, Drawing, Ink, Path, Segment, Shape, Stroke, Theme};
use crate::raster::Sampling;
use crate::xml::{Number, escaped};

/// Fonts of one width, whichever the reader has.
const FONTS: &str = "Arial,Helvetica,'Liberation Sans',Arimo,sans-serif";

/// The whole document.
pub(super) fn document(drawing: &Drawing, theme: Theme) -> String {
    let mut body = String::new();
    let mut inks = BTreeSet::new();
    for shape in &drawing.shapes {
        draw(&mut body, shape, &mut inks);
    }
    let (width, height) = (Number(drawing.width), Number(drawing.height));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width}\" \
         height=\"{height}\" viewBox=\"0 0 {width} {height}\" class=\"cornu\">\n\
         <title>{}</title>\n<desc>{}</desc>\n<style>{}</style>\n{body}</svg>\n",
        escaped(&drawing.title),
        escaped(&drawing.description),
        style(&inks, theme)
    )
}

/// Classes for the colours that are used: `f-…` fills, `s-…` strokes.
fn style(inks: &BTreeSet<Ink>, theme: Theme) -> String {
    let rules = |is_dark: bool, inks: &mut dyn Iterator<Item = &Ink>| {
        let rules = inks.map(|ink| {
            let ([r, g, b], class) = (ink.rgb(is_dark), ink.class());
            let color = format!("#{r:02x}{g:02x}{b:02x}");
            format!(".cornu .f-{class}{{fill:{color}}}.cornu .s-{class}{{stroke:{color}}}")
        });
        rules.collect::<String>()
    };
    let mut style = format!(
        ".cornu text{{font-family:{FONTS};white-space:pre}}.cornu path,.cornu rect{{stroke-linecap:round;\
         stroke-linejoin:round}}.cornu .n{{fill:none}}.cornu .sharp{{image-rendering:pixelated}}"
    );
    style += &rules(theme == Theme::Dark, &mut inks.iter());
    if theme == Theme::Auto {
        let mut changing = inks.iter().filter(|ink| ink.rgb(false) != ink.rgb(true));
        let _ =
            write!(style, "@media (prefers-color-scheme:dark){{{}}}", rules(true, &mut changing));
    }
    style
}

fn draw(out: &mut String, shape: &Shape, inks: &mut BTreeSet<Ink>) {
    let _ = match shape {
        Shape::Rect { x, y, width, height, radius, fill, stroke } => {
            let paint = paint(*fill, *stroke, inks);
            let radius =
                if *radius == 0.0 { String::new() } else { format!(" rx=\"{}\"", Number(*radius)) };
            let [x, y, width, height] = [*x, *y, *width, *height].map(Number);
            writeln!(
                out,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"{radius}{paint}/>"
            )
        }
        Shape::Path { path, fill, stroke } => {
            let paint = paint(*fill, *stroke, inks);
            writeln!(out, "<path d=\"{}\"{paint}/>", commands(path))
        }
        Shape::Text(text) => {
            inks.insert(text.ink);
            let anchor = match text.anchor {
                Anchor::Start => "",
                Anchor::Middle => " text-anchor=\"middle\"",
                Anchor::End => " text-anchor=\"end\"",
            };
            let bold = if text.bold { " font-weight=\"700\"" } else { "" };
            let [x, y, size] = [text.x, text.y, text.size].map(Number);
            let turn = if text.upwards {
                format!(" transform=\"rotate(-90 {x} {y})\"")
            } else {
                String::new()
            };
            writeln!(
                out,
                "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{anchor}{bold}{turn} \
                 class=\"f-{}\">{}</text>",
                text.ink.class(),
                escaped(&text.text)
            )
        }
        Shape::Image { x, y, width, height, picture, sampling } => {
            let [x, y, width, height] = [*x, *y, *width, *height].map(Number);
            let class = if *sampling == Sampling::Nearest { " class=\"sharp\"" } else { "" };
            writeln!(
                out,
                "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"{class} \
                 preserveAspectRatio=\"none\" href=\"{}\"/>",
                picture.to_data_uri()
            )
        }
    };
}

/// The attributes of fill and line.
fn paint(fill: Option<Ink>, stroke: Option<Stroke>, inks: &mut BTreeSet<Ink>) -> String {
    inks.extend(fill);
    let mut classes = fill.map_or("n".to_owned(), |ink| format!("f-{}", ink.class()));
    let mut text = String::new();
    if let Some(stroke) = stroke {
        inks.insert(stroke.ink);
        classes += &format!(" s-{}", stroke.ink.class());
        let _ = write!(text, " stroke-width=\"{}\"", Number(stroke.width));
        if let Some((dash, gap)) = stroke.dash {
            let _ = write!(text, " stroke-dasharray=\"{} {}\"", Number(dash), Number(gap));
        }
    }
    format!(" class=\"{classes}\"{text}")
}

fn commands(path: &Path) -> String {
    let point = |[x, y]: [f64; 2]| format!("{} {}", Number(x), Number(y));
    let segments = path.segments.iter().map(|segment| match *segment {
        Segment::Move(to) => format!("M{}", point(to)),
        Segment::Line(to) => format!("L{}", point(to)),
        Segment::Curve(a, b, to) => format!("C{} {} {}", point(a), point(b), point(to)),
        Segment::Close => "Z".to_owned(),
    });
    segments.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::{Hue, Text};

    #[test]
    fn a_document_has_a_text_alternative_and_both_themes() {
        let mut drawing = Drawing::new(10.0, 5.0, "A & B", "one < two");
        drawing.rect([0.0, 0.0, 10.0, 5.0], 0.0, Ink::Paper);
        drawing.text(Text::new(1.0, 2.004, 3.0, "\"x\"\u{1}").ink(Ink::Hue(Hue::Blue)));
        let svg = drawing.to_svg(Theme::Auto);
        assert!(
            svg.contains("<title>A &amp; B</title>") && svg.contains("<desc>one &lt; two</desc>")
        );
        assert!(svg.contains(
            "x=\"1\" y=\"2\" font-size=\"3\" class=\"f-blue\">&quot;x&quot;\u{fffd}</text>"
        ));
        assert!(svg.contains("prefers-color-scheme:dark"));
        assert!(!drawing.to_svg(Theme::Dark).contains("prefers"));
        assert!(!svg.contains("undefined") && !svg.contains("NaN"));
    }
}
