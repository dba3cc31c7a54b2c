use super::ValueRange;
use crate::{ColourMap, PlotError};

/// A picture of red, green and blue, 8 bits each; rows from the top, pixels from the left.
///
/// Whatever is drawn beyond its edges is cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Raster {
    /// A picture of one colour.
    pub fn new(width: usize, height: usize, colour: [u8; 3]) -> Self {
        Self { width, height, pixels: colour.repeat(width * height) }
    }

    /// A picture whose pixel in column `x` and row `y` is `colour(x, y)`.
    pub fn from_fn(
        width: usize,
        height: usize,
        mut colour: impl FnMut(usize, usize) -> [u8; 3],
    ) -> Self {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Self { width, height, pixels: places.flat_map(|(x, y)| colour(x, y)).collect() }
    }

    /// A picture of `3 * width * height` numbers, or as many as pixels if it is grey.
    ///
    /// # Errors
    ///
    /// [`PlotError::Size`] if it has another length.
    pub fn from_bytes(width: usize, height: usize, pixels: Vec<u8>) -> Result<Self, PlotError> {
        let n = width * height;
        let pixels = match pixels.len() {
            len if len == 3 * n => pixels,
            len if len == n => pixels.into_iter().flat_map(|x| [x; 3]).collect(),
            len => {
                let expected = format!("{n} or {} numbers ({width} x {height})", 3 * n);
                return Err(PlotError::size("the picture", expected, len.to_string()));
            }
        };
        Ok(Self { width, height, pixels })
    }

    /// The same of numbers from 0 (black) to 255 (white).
    ///
    /// # Errors
    ///
    /// As for [`Raster::from_bytes`].
    pub fn from_numbers(width: usize, height: usize, pixels: &[f32]) -> Result<Self, PlotError> {
        let to_byte = |&x: &f32| x.round().clamp(0.0, 255.0) as u8;
        Self::from_bytes(width, height, pixels.iter().map(to_byte).collect())
    }

    /// A map of numbers as colours, a pixel for each number.
    ///
    /// # Errors
    ///
    /// [`PlotError::Size`] if the map is not `width * height` long.
    pub fn from_map(
        width: usize,
        height: usize,
        map: &[f32],
        range: ValueRange,
        colours: ColourMap,
    ) -> Result<Self, PlotError> {
        let pixels = map.iter().flat_map(|&x| colours.at(range.place(x))).collect();
        if map.len() != width * height {
            let expected = format!("{width} x {height} numbers");
            return Err(PlotError::size("the map", expected, map.len().to_string()));
        }
        Self::from_bytes(width, height, pixels)
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Whether it has no pixels.
    pub fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// Red, green and blue of all pixels.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    pub(crate) fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }

    /// The colour at column `x` and row `y`, if it lies inside.
    pub fn get(&self, x: usize, y: usize) -> Option<[u8; 3]> {
        let at = self.place(x, y)?;
        Some([self.pixels[at], self.pixels[at + 1], self.pixels[at + 2]])
    }

    /// Changes the colour at column `x` and row `y`.
    pub fn set(&mut self, x: usize, y: usize, colour: [u8; 3]) {
        if let Some(at) = self.place(x, y) {
            self.pixels[at..at + 3].copy_from_slice(&colour);
        }
    }

    /// A filled rectangle.
    pub fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, colour: [u8; 3]) {
        for row in y..(y + height).min(self.height) {
            for column in x..(x + width).min(self.width) {
                self.set(column, row, colour);
            }
        }
    }

    /// Copies `other` to where its upper left corner is at `x`, `y`.
    pub fn paste(&mut self, other: &Self, x: usize, y: usize) {
        let columns = other.width.min(self.width.saturating_sub(x));
        let rows = other.height.min(self.height.saturating_sub(y));
        for row in 0..rows {
            let from = 3 * row * other.width;
            let to = 3 * ((y + row) * self.width + x);
            self.pixels[to..to + 3 * columns]
                .copy_from_slice(&other.pixels[from..from + 3 * columns]);
        }
    }

    fn place(&self, x: usize, y: usize) -> Option<usize> {
        (x < self.width && y < self.height).then(|| 3 * (y * self.width + x))
    }
}

/// `a` with `share` (0 to 1) of `b` in it.
pub(crate) fn mixed(a: [u8; 3], b: [u8; 3], share: f32) -> [u8; 3] {
    let mix = |k: usize| f32::from(a[k]) + share * (f32::from(b[k]) - f32::from(a[k]));
    [0, 1, 2].map(|k| mix(k).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside_is_cut_off() {
        let mut picture = Raster::new(3, 2, [0; 3]);
        picture.fill(2, 1, 9, 9, [7; 3]);
        picture.set(3, 0, [9; 3]);
        picture.paste(&Raster::new(2, 2, [5; 3]), 2, 0);
        picture.paste(&Raster::new(2, 2, [5; 3]), 8, 8);
        let expected = [0, 0, 5, 0, 0, 5].into_iter().flat_map(|x| [x; 3]).collect::<Vec<u8>>();
        assert_eq!(picture.pixels(), expected);
        assert_eq!(picture.get(3, 0), None);
    }

    #[test]
    fn arrays_must_fit() {
        assert_eq!(Raster::from_bytes(2, 1, vec![1, 2]).unwrap().pixels(), [1, 1, 1, 2, 2, 2]);
        assert_eq!(Raster::from_numbers(1, 1, &[300.0]).unwrap().pixels(), [255; 3]);
        let error = Raster::from_bytes(2, 1, vec![1; 5]).unwrap_err().to_string();
        assert_eq!(error, "the picture: expected 2 or 6 numbers (2 x 1), got 5");
        let range = ValueRange { low: 0.0, high: 1.0 };
        Raster::from_map(2, 2, &[0.0; 3], range, ColourMap::Ember).unwrap_err();
    }
}
