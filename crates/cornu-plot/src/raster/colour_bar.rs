use super::picture::mixed;
use super::{Overlay, Raster, TextSize, ValueRange, text_width};

/// Pixels that the strip of colours is wide.
const STRIP: usize = 18;

/// Pixels between strip and numbers.
const GAP: usize = 6;

/// A strip of the colours of an overlay as they look on a picture of middle grey, the high end on top,
/// with the numbers of both ends (and of the middle, where it is 0) to its right.
///
/// It is `height` high (at least 48) and as wide as its numbers need.
pub fn colour_bar(
    height: usize,
    range: ValueRange,
    style: Overlay,
    paper: [u8; 3],
    ink: [u8; 3],
) -> Raster {
    let size = TextSize::Small;
    let height = height.max(3 * size.height());
    let (high, low) = (number(range.high), number(range.low));
    let room = text_width(&high, size).max(text_width(&low, size));
    let mut out = Raster::new(STRIP + GAP + room, height, paper);
    for y in 0..height {
        let place = 1.0 - y as f32 / (height - 1) as f32;
        let colour = mixed([128; 3], style.colours.at(place), style.opacity_at(place));
        out.fill(0, y, STRIP, 1, colour);
    }
    out.outline(0, 0, STRIP, height, ink);
    let left = STRIP + GAP;
    out.text(left, 0, &high, size, ink);
    out.text(left, height - size.height(), &low, size, ink);
    if style.colours.is_diverging() {
        out.text(left, (height - size.height()) / 2, "0", size, ink);
    }
    out
}

/// `x` with three digits, short.
fn number(x: f32) -> String {
    match x.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-3..1e4).contains(&size) => format!("{x:.1e}"),
        size if size < 1.0 => trimmed(format!("{x:.3}")),
        size if size < 10.0 => trimmed(format!("{x:.2}")),
        size if size < 100.0 => trimmed(format!("{x:.1}")),
        _ => format!("{x:.0}"),
    }
}

fn trimmed(text: String) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strong_end_is_on_top() {
        let style = Overlay { opacity: 1.0, ..Overlay::default() };
        let range = ValueRange { low: 0.0, high: 1.0 };
        let bar = colour_bar(100, range, style, [255; 3], [0; 3]);
        assert_eq!(bar.height(), 100);
        assert_eq!(
            bar.get(5, 98),
            Some(mixed([128; 3], style.colours.at(1.0 / 99.0), (1.0f32 / 99.0).sqrt()))
        );
        let top = bar.get(5, 1).unwrap();
        assert!(u32::from(top[0]) + u32::from(top[1]) > 450, "{top:?}");
    }

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, 1.0, 0.25, 12.3456, 1234.5, 1e-5, 123_456.0, -0.5].map(number);
        assert_eq!(texts, ["0", "1", "0.25", "12.3", "1234", "1.0e-5", "1.2e5", "-0.5"]);
    }
}
