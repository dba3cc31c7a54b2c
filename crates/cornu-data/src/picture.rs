use crate::{DataError, Resize, SampleShape};

/// A decoded picture: rows from the top, pixels from the left, channels innermost.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// `height * width * channels` numbers.
    pub pixels: Pixels,
}

/// Numbers of a picture, 0 (black) to 255 (white), always finite.
#[derive(Debug, Clone, PartialEq)]
pub enum Pixels {
    /// Whole numbers: what an 8-bit file says, a quarter of the memory.
    U8(Vec<u8>),
    /// Anything else: from 16-bit files, or resized.
    F32(Vec<f32>),
}

impl Pixels {
    /// Number of numbers.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(pixels) => pixels.len(),
            Self::F32(pixels) => pixels.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory that the numbers take.
    pub fn n_bytes(&self) -> usize {
        match self {
            Self::U8(pixels) => pixels.len(),
            Self::F32(pixels) => 4 * pixels.len(),
        }
    }

    /// Writes the numbers to `out`.
    ///
    /// # Panics
    ///
    /// If `out` is not as long.
    pub fn copy_to(&self, out: &mut [f32]) {
        assert_eq!(out.len(), self.len(), "as many places as pixels");
        match self {
            Self::U8(pixels) => {
                for (out, &pixel) in out.iter_mut().zip(pixels) {
                    *out = f32::from(pixel);
                }
            }
            Self::F32(pixels) => out.copy_from_slice(pixels),
        }
    }

    /// The numbers as `f32`.
    pub fn to_f32(&self) -> Vec<f32> {
        let mut out = vec![0.0; self.len()];
        self.copy_to(&mut out);
        out
    }
}

impl Picture {
    /// The picture with `channels` channels.
    ///
    /// Grey from colour is ITU-R 601 luma, `0.299 R + 0.587 G + 0.114 B`; of whole numbers it is
    /// rounded to a whole number exactly as PIL does in `convert("L")`, so that equal channels
    /// keep their value. Colour from grey repeats it.
    ///
    /// # Errors
    ///
    /// [`DataError::Channels`] for anything but 1 and 3.
    pub fn with_channels(self, channels: usize) -> Result<Self, DataError> {
        let Self { height, width, channels: given, pixels } = self;
        let pixels = match (given, channels) {
            (1, 1) | (3, 3) => pixels,
            (3, 1) => match pixels {
                Pixels::U8(rgb) => Pixels::U8(per_pixel(&rgb, luma_u8)),
                Pixels::F32(rgb) => Pixels::F32(per_pixel(&rgb, luma_f32)),
            },
            (1, 3) => match pixels {
                Pixels::U8(grey) => Pixels::U8(grey.into_iter().flat_map(|x| [x; 3]).collect()),
                Pixels::F32(grey) => Pixels::F32(grey.into_iter().flat_map(|x| [x; 3]).collect()),
            },
            _ => return Err(DataError::Channels { got: channels }),
        };
        Ok(Self { height, width, channels, pixels })
    }

    /// The picture in another size; itself if it has that size.
    pub fn resized(self, height: usize, width: usize, resize: Resize) -> Self {
        if (height, width) == (self.height, self.width) {
            return self;
        }
        let from = (self.height, self.width);
        let pixels = resize.apply(&self.pixels, from, self.channels, (height, width));
        Self { height, width, channels: self.channels, pixels }
    }

    /// Its shape as a sample.
    pub fn shape(&self) -> SampleShape {
        SampleShape { height: self.height, width: self.width, channels: self.channels }
    }
}

fn per_pixel<T: Copy>(rgb: &[T], luma: impl Fn([T; 3]) -> T) -> Vec<T> {
    let (pixels, _) = rgb.as_chunks::<3>();
    pixels.iter().map(|&pixel| luma(pixel)).collect()
}

/// PIL's `L24`: the weights in 65,536ths, which sum to 65,536, rounded to nearest.
fn luma_u8([r, g, b]: [u8; 3]) -> u8 {
    ((u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + 0x8000) >> 16) as u8
}

fn luma_f32([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(channels: usize, pixels: Pixels) -> Picture {
        Picture { height: 1, width: pixels.len() / channels, channels, pixels }
    }

    #[test]
    fn grey_from_colour_is_rounded_luma() {
        let rgb = Pixels::U8(vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 77, 77, 77]);
        // PIL: Image.fromarray(...).convert("L")
        let grey = picture(3, rgb).with_channels(1).unwrap();
        assert_eq!(grey.pixels, Pixels::U8(vec![76, 150, 29, 18, 77]));
        assert_eq!((grey.width, grey.channels), (5, 1));
    }

    #[test]
    fn equal_channels_keep_their_value() {
        for x in 0..=255 {
            assert_eq!(luma_u8([x; 3]), x);
        }
        assert!((luma_f32([100.25; 3]) - 100.25).abs() < 1e-4);
    }

    #[test]
    fn colour_from_grey_repeats() {
        let rgb = picture(1, Pixels::F32(vec![1.5, 2.0])).with_channels(3).unwrap();
        assert_eq!(rgb.pixels, Pixels::F32(vec![1.5, 1.5, 1.5, 2.0, 2.0, 2.0]));
    }

    #[test]
    fn other_channels_are_an_error() {
        for channels in [0, 2, 4] {
            picture(1, Pixels::U8(vec![0])).with_channels(channels).unwrap_err();
        }
    }
}
