//! Figures that show what a network has learnt and what it computes: kernels, feature maps, activation
//! functions, and a convolution at work. Each takes numbers and gives a drawing.

mod activations;
mod animation;
mod contact_sheet;
mod convolution;
mod features;
mod filters;

pub use activations::{ActivationCurve, activations};
pub use animation::{Animation, Frame};
pub use contact_sheet::{Cell, ColourKey, ContactSheet, SheetRow};
pub use convolution::{SlidingKernel, convolution};
pub use features::{FeatureMaps, features};
pub use filters::{Kernels, filters};

use crate::ColourMap;
use crate::drawing::{Anchor, Drawing, Ink, Stroke, Text, wrapped};
use crate::raster::Raster;

/// Around a figure.
const MARGIN: f64 = 28.0;
/// Breadth of a strip of colours.
const COLOUR_BAR: f64 = 16.0;

/// `x` with three digits, short.
pub(crate) fn number(x: f64) -> String {
    let trimmed = |text: String| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    let text = match x.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-3..1e4).contains(&size) => format!("{x:.1e}"),
        size if size < 1.0 => trimmed(format!("{x:.3}")),
        size if size < 10.0 => trimmed(format!("{x:.2}")),
        size if size < 100.0 => trimmed(format!("{x:.1}")),
        _ => format!("{x:.0}"),
    };
    text.replace('-', "−")
}

/// The smallest and the largest finite value; 0 and 0 if there is none.
fn range(values: &[f32]) -> (f32, f32) {
    let finite = values.iter().copied().filter(|value| value.is_finite());
    let (min, max) = finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), value| {
        (min.min(value), max.max(value))
    });
    if min <= max { (min, max) } else { (0.0, 0.0) }
}

/// Values as colours: `low` to `high` over the map.
fn coloured(width: usize, values: &[f32], low: f32, high: f32, colours: ColourMap) -> Raster {
    let span = if low < high { high - low } else { 1.0 };
    let height = values.len() / width.max(1);
    Raster::from_fn(width, height, |x, y| colours.at((values[y * width + x] - low) / span))
}

/// Writes a title and sentences below it; answers where they end.
fn heading(drawing: &mut Drawing, title: &str, sentences: &[&str]) -> f64 {
    drawing.text(Text::new(MARGIN, MARGIN + 16.0, 19.0, title).bold());
    let mut y = MARGIN + 40.0;
    for sentence in sentences {
        for line in wrapped(sentence, 12.5, drawing.width - 2.0 * MARGIN) {
            drawing.text(Text::new(MARGIN, y, 12.5, line).ink(Ink::Muted));
            y += 18.0;
        }
    }
    y
}

/// Makes the paper, the first shape, as large as the drawing.
fn fit_paper(drawing: &mut Drawing) {
    let (full_width, full_height) = (drawing.width, drawing.height);
    if let Some(crate::drawing::Shape::Rect { width, height, .. }) = drawing.shapes.first_mut() {
        (*width, *height) = (full_width, full_height);
    }
}

/// A strip of colours, the high end on top, with numbers to its right and words above and below.
fn colour_bar(
    drawing: &mut Drawing,
    [x, y, height]: [f64; 3],
    (low, high): (f64, f64),
    colours: ColourMap,
    [above, below]: [&str; 2],
) {
    let width = COLOUR_BAR;
    let strip = Raster::from_fn(1, 128, |_, row| colours.at(1.0 - row as f32 / 127.0));
    drawing.image([x, y, width, height], strip);
    drawing.framed([x, y, width, height], 0.0, None, Stroke::new(Ink::Rule, 1.0));
    let mut label = |at: f64, text: String| {
        drawing.text(Text::new(x + width + 7.0, at + 4.0, 11.5, text));
    };
    label(y + 4.0, number(high));
    label(y + height - 4.0, number(low));
    if colours.is_diverging() {
        label(y + height / 2.0, "0".to_owned());
    }
    let middle = x + width / 2.0;
    for (at, text) in [(y - 10.0, above), (y + height + 18.0, below)] {
        drawing.text(Text::new(middle, at, 11.0, text).anchor(Anchor::Middle).ink(Ink::Muted));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (x, text) in
            [(0.0, "0"), (0.12345, "0.123"), (-2.5, "−2.5"), (12.34, "12.3"), (1e6, "1.0e6")]
        {
            assert_eq!(number(x), text);
        }
        assert_eq!(range(&[f32::NAN, 2.0, -1.0]), (-1.0, 2.0));
        assert_eq!(range(&[]), (0.0, 0.0));
    }
}
