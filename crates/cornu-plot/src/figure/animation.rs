//! Drawings one after the other, as GIF files.

use std::collections::BTreeMap;

use gif::{
    AnyExtension, DisposalMethod, Encoder, EncodingError, Extension, Frame as GifFrame, Repeat,
};

use crate::drawing::{Drawing, Theme};
use crate::raster::Raster;

/// A drawing and how long it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// What is shown.
    pub drawing: Drawing,
    /// For so many hundredths of a second.
    pub hundredths: u16,
}

/// Frames of one size.
#[derive(Debug, Clone, PartialEq)]
pub struct Animation {
    /// The frames, in their order.
    pub frames: Vec<Frame>,
}

/// Colours of a GIF file but for the transparent one.
const COLOURS: usize = 255;

impl Animation {
    /// The bytes of a GIF file that begins anew for ever. All frames share one table of colours, those
    /// that occur most, and hold only what differs from the frame before. Title and description of the
    /// first frame are a comment in the file.
    ///
    /// # Errors
    ///
    /// [`EncodingError`] if there is no frame, or frames are larger than 65,535 pixels a side.
    pub fn to_gif(&self, theme: Theme, scale: f64) -> Result<Vec<u8>, EncodingError> {
        let frames: Vec<Raster> =
            self.frames.iter().map(|frame| frame.drawing.to_pixels(theme, scale)).collect();
        let Some(first) = frames.first() else {
            return Err(std::io::Error::other("there are no frames").into());
        };
        let too_large = |_| EncodingError::from(std::io::Error::other("the frames are too large"));
        let width = u16::try_from(first.width()).map_err(too_large)?;
        let height = u16::try_from(first.height()).map_err(too_large)?;
        let mut palette = Palette::of(&frames);
        let colours: Vec<u8> = palette.colours.concat();
        let transparent = palette.colours.len() as u8;
        let table = [&colours[..], &[0; 3]].concat();
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, width, height, &table)?;
        encoder.set_repeat(Repeat::Infinite)?;
        let words: Vec<String> =
            self.frames.iter().take(1).map(|frame| frame.drawing.words()).collect();
        let comment: Vec<&[u8]> =
            words.iter().flat_map(|text| text.as_bytes().chunks(255)).collect();
        encoder.write_raw_extension(AnyExtension::from(Extension::Comment), &comment)?;
        let mut before: Option<Vec<u8>> = None;
        for (pixels, frame) in frames.iter().zip(&self.frames) {
            let indices: Vec<u8> = pixels
                .pixels()
                .chunks_exact(3)
                .map(|rgb| palette.index([rgb[0], rgb[1], rgb[2]]))
                .collect();
            let buffer = match &before {
                Some(before) => {
                    let pairs = indices.iter().zip(before);
                    pairs.map(|(new, old)| if new == old { transparent } else { *new }).collect()
                }
                None => indices.clone(),
            };
            before = Some(indices);
            encoder.write_frame(&GifFrame {
                delay: frame.hundredths,
                dispose: DisposalMethod::Keep,
                transparent: Some(transparent),
                width,
                height,
                buffer: buffer.into(),
                ..GifFrame::default()
            })?;
        }
        drop(encoder);
        Ok(bytes)
    }
}

/// The colours of a file, and for each colour that occurs the nearest of them.
struct Palette {
    colours: Vec<[u8; 3]>,
    nearest: BTreeMap<[u8; 3], u8>,
}

impl Palette {
    fn of(frames: &[Raster]) -> Self {
        let mut counts: BTreeMap<[u8; 3], usize> = BTreeMap::new();
        for rgb in frames.iter().flat_map(|frame| frame.pixels().chunks_exact(3)) {
            *counts.entry([rgb[0], rgb[1], rgb[2]]).or_default() += 1;
        }
        let mut counts: Vec<([u8; 3], usize)> = counts.into_iter().collect();
        counts.sort_by_key(|&(_, n)| std::cmp::Reverse(n));
        let colours = counts.into_iter().take(COLOURS).map(|(colour, _)| colour).collect();
        Self { colours, nearest: BTreeMap::new() }
    }

    fn index(&mut self, colour: [u8; 3]) -> u8 {
        let colours = &self.colours;
        *self.nearest.entry(colour).or_insert_with(|| {
            let distance = |other: &[u8; 3]| -> u32 {
                other.iter().zip(colour).map(|(&a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
            };
            let nearest = (0..colours.len()).min_by_key(|&i| distance(&colours[i]));
            nearest.unwrap_or_default() as u8
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::Ink;
    use image::AnimationDecoder;
    use image::codecs::gif::GifDecoder;

    #[test]
    fn frames_come_back() {
        let frame = |x: f64| {
            let mut drawing = Drawing::new(20.0, 10.0, "A square", "It moves.");
            drawing.rect([x, 2.0, 4.0, 4.0], 0.0, Ink::Rgb([200, 30, 10]));
            Frame { drawing, hundredths: 7 }
        };
        let animation = Animation { frames: vec![frame(2.0), frame(9.0)] };
        let bytes = animation.to_gif(Theme::Light, 1.0).unwrap();
        let comment = b"A square. It moves.";
        assert!(bytes.windows(comment.len()).any(|window| window == comment));
        let decoder = GifDecoder::new(std::io::Cursor::new(bytes)).unwrap();
        let frames = decoder.into_frames().collect_frames().unwrap();
        assert_eq!(frames.len(), 2);
        for (read, frame) in frames.iter().zip(&animation.frames) {
            let expected = frame.drawing.to_pixels(Theme::Light, 1.0);
            let read: Vec<u8> = read.buffer().pixels().flat_map(|p| [p[0], p[1], p[2]]).collect();
            assert_eq!(read, expected.pixels());
        }
        assert!(Animation { frames: vec![] }.to_gif(Theme::Light, 1.0).is_err());
    }
}
