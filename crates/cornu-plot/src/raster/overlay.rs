use super::picture::mixed;
use super::{Raster, Sampling, resize};
use crate::{ColourMap, PlotError};

/// The numbers at both ends of a colour map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValueRange {
    /// The number with the first colour.
    pub low: f32,
    /// The number with the last colour.
    pub high: f32,
}

impl ValueRange {
    /// From the least to the greatest finite number of `map`, or `0..=1` if there is none.
    ///
    /// For a diverging map of colours both ends are as far from 0 as the number farthest from it, so
    /// that the middle is 0; for others the range begins at 0 if no number is below.
    pub fn of(map: &[f32], colours: ColourMap) -> Self {
        let finite = || map.iter().copied().filter(|x| x.is_finite());
        let low = finite().fold(f32::INFINITY, f32::min);
        let high = finite().fold(f32::NEG_INFINITY, f32::max);
        if high < low {
            return Self { low: 0.0, high: 1.0 };
        }
        if colours.is_diverging() {
            let far = low.abs().max(high.abs());
            return Self { low: -far, high: far };
        }
        Self { low: low.min(0.0), high }
    }

    /// Where `x` lies between both ends: 0 to 1. The middle if both are equal and 0 is it, else 0.
    pub fn place(self, x: f32) -> f32 {
        let width = self.high - self.low;
        if width > 0.0 { ((x - self.low) / width).clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// How a map is laid over a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overlay {
    /// Colours of the map. Default: [`ColourMap::Ember`].
    pub colours: ColourMap,
    /// Opacity where the map is strongest. Where it is 0, nothing lies on the picture; between, the
    /// opacity grows with the square root of the strength, so that weak regions can still be seen.
    /// Default: 0.75.
    pub opacity: f32,
    /// How much of the picture's contrast is kept, 0 to 1; the rest is black, or white below a
    /// diverging map, so that single bright pixels can be seen. Default: 1.
    pub contrast: f32,
}

impl Default for Overlay {
    fn default() -> Self {
        Self { colours: ColourMap::default(), opacity: 0.75, contrast: 1.0 }
    }
}

impl Overlay {
    /// Opacity at `place` (0 to 1) of the range.
    pub fn opacity_at(&self, place: f32) -> f32 {
        let strength = if self.colours.is_diverging() { (2.0 * place - 1.0).abs() } else { place };
        self.opacity * strength.sqrt()
    }

    /// What a picture of this grey looks like where nothing lies on it.
    pub fn below(&self, grey: u8) -> [u8; 3] {
        let rest = if self.colours.is_diverging() { 255 } else { 0 };
        mixed([rest; 3], [grey; 3], self.contrast)
    }
}

/// `picture` in grey with `map` (`map_width` numbers a row) over it, stretched to its size by linear
/// interpolation between the centers of its numbers.
///
/// # Errors
///
/// [`PlotError::Size`] if the map is no rectangle.
pub fn overlay(
    picture: &Raster,
    map: &[f32],
    map_width: usize,
    range: ValueRange,
    style: Overlay,
) -> Result<Raster, PlotError> {
    if map.is_empty() || map_width == 0 || !map.len().is_multiple_of(map_width) {
        let expected = format!("rows of {map_width} numbers");
        return Err(PlotError::size("the map", expected, map.len().to_string()));
    }
    let columns = resize::weights(map_width, picture.width(), Sampling::Smooth);
    let rows = resize::weights(map.len() / map_width, picture.height(), Sampling::Smooth);
    let mut out = picture.clone();
    for (y, row_taps) in rows.iter().enumerate() {
        for (x, column_taps) in columns.iter().enumerate() {
            let mut value = 0.0;
            for &(row, share) in row_taps {
                for &(column, part) in column_taps {
                    value += share * part * map[row * map_width + column];
                }
            }
            let place = range.place(value);
            let below = style.below(grey(picture.get(x, y).unwrap_or_default()));
            out.set(x, y, mixed(below, style.colours.at(place), style.opacity_at(place)));
        }
    }
    Ok(out)
}

/// ITU-R 601 luma: colours of the picture must not be taken for those of the map.
fn grey([r, g, b]: [u8; 3]) -> u8 {
    let luma = 0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b);
    luma.round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_lies_where_the_map_is_zero() {
        let picture = Raster::from_bytes(4, 4, (0..16).map(|i| 10 * i).collect()).unwrap();
        let mut map = [0.0; 16];
        map[5] = 2.0;
        let range = ValueRange::of(&map, ColourMap::Ember);
        let style = Overlay { opacity: 1.0, ..Overlay::default() };
        let out = overlay(&picture, &map, 4, range, style).unwrap();
        assert_eq!(out.get(1, 1), Some(ColourMap::Ember.at(1.0)));
        for (i, pixel) in (0..16).map(|i| (i, (i % 4, i / 4))).filter(|(i, _)| *i != 5) {
            assert_eq!(out.get(pixel.0, pixel.1), picture.get(pixel.0, pixel.1), "{i}");
        }
        overlay(&picture, &map[1..], 4, range, style).unwrap_err();
        let half = Overlay { contrast: 0.5, ..style };
        assert_eq!(overlay(&picture, &map, 4, range, half).unwrap().get(2, 2), Some([50; 3]));
        let colours = ColourMap::BlueOrange;
        assert_eq!(Overlay { contrast: 0.5, colours, ..style }.below(55), [155; 3]);
    }

    #[test]
    fn ranges() {
        let of = |map: &[f32], colours| {
            let range = ValueRange::of(map, colours);
            (range.low, range.high)
        };
        assert_eq!(of(&[1.0, 3.0, f32::NAN], ColourMap::Ember), (0.0, 3.0));
        assert_eq!(of(&[-1.0, 3.0], ColourMap::Lagoon), (-1.0, 3.0));
        assert_eq!(of(&[-1.0, 3.0], ColourMap::BlueOrange), (-3.0, 3.0));
        assert_eq!(of(&[], ColourMap::Ember), (0.0, 1.0));
        let diverging = ValueRange::of(&[-1.0, 3.0], ColourMap::BlueOrange);
        assert_eq!(diverging.place(0.0), 0.5);
        assert_eq!(ValueRange::of(&[0.0], ColourMap::Ember).place(0.0), 0.0);
    }
}
