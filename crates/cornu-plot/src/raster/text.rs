use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use super::Raster;

/// Height of a line of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextSize {
    /// 16 pixels.
    Small,
    /// 20 pixels.
    Medium,
    /// 24 pixels, bold: headings.
    Heading,
}

impl TextSize {
    /// Pixels from line to line.
    pub fn height(self) -> usize {
        self.font().1.val()
    }

    fn font(self) -> (FontWeight, RasterHeight) {
        match self {
            Self::Small => (FontWeight::Regular, RasterHeight::Size16),
            Self::Medium => (FontWeight::Regular, RasterHeight::Size20),
            Self::Heading => (FontWeight::Bold, RasterHeight::Size24),
        }
    }
}

/// Pixels that `text` is wide: all letters of a size are as wide as each other.
pub fn text_width(text: &str, size: TextSize) -> usize {
    let (weight, height) = size.font();
    text.chars().count() * get_raster_width(weight, height)
}

/// `text`, or as much of its beginning and end as `width` pixels have room for, around an ellipsis.
pub fn fitted(text: &str, size: TextSize, width: usize) -> String {
    let room = width / text_width("x", size);
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= room {
        return text.to_owned();
    }
    if room < 5 {
        return letters[..room].iter().collect();
    }
    // Names of files differ at the end more often than in the beginning.
    let begin = (room - 2) / 2;
    let end = letters.len() - (room - 2 - begin);
    letters[..begin].iter().chain(&['.', '.']).chain(&letters[end..]).collect()
}

impl Raster {
    /// Writes a line of text with its upper left corner at `x`, `y`. Letters beyond the Latin ones
    /// (Latin-1 and Latin Extended-A) are written as a question mark in a box.
    pub fn text(&mut self, x: usize, y: usize, text: &str, size: TextSize, colour: [u8; 3]) {
        let (weight, height) = size.font();
        let mut left = x;
        for letter in text.chars() {
            let glyph = get_raster(letter, weight, height)
                .or_else(|| get_raster(char::REPLACEMENT_CHARACTER, weight, height));
            for (row, values) in glyph.iter().flat_map(|glyph| glyph.raster().iter().enumerate()) {
                for (column, &opacity) in values.iter().enumerate().filter(|value| *value.1 != 0) {
                    self.blend(left + column, y + row, colour, f32::from(opacity) / 255.0);
                }
            }
            left += get_raster_width(weight, height);
        }
    }

    /// The same, with its middle at `center`.
    pub fn text_centered(
        &mut self,
        center: usize,
        y: usize,
        text: &str,
        size: TextSize,
        colour: [u8; 3],
    ) {
        let left = center.saturating_sub(text_width(text, size) / 2);
        self.text(left, y, text, size, colour);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_drawn_and_cut_off() {
        for size in [TextSize::Small, TextSize::Medium, TextSize::Heading] {
            let width = text_width("Aé漢", size);
            let mut picture = Raster::new(width, size.height(), [255; 3]);
            picture.text(0, 0, "Aé漢", size, [0; 3]);
            let third = width / 3;
            for letter in 0..3 {
                let columns = letter * third..(letter + 1) * third;
                let is_dark = |x: usize| {
                    (0..size.height()).any(|y| picture.get(x, y).is_some_and(|c| c[0] < 128))
                };
                assert!(columns.clone().any(is_dark), "letter {letter} at {size:?}");
            }
            picture.text(width - 1, size.height() - 1, "beyond", size, [0; 3]);
        }
    }

    #[test]
    fn long_names_keep_both_ends() {
        let width = text_width("0123456789", TextSize::Small);
        assert_eq!(fitted("short", TextSize::Small, width), "short");
        assert_eq!(fitted("picture-of-a-chest-17.png", TextSize::Small, width), "pict...png");
        assert_eq!(fitted("abcdef", TextSize::Small, 2 * width / 10), "ab");
    }
}
