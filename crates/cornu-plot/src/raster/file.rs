use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, Filter};

use super::Raster;
use crate::PlotError;

impl Raster {
    /// The picture as a PNG file, of one channel if it is grey. `description` is its text alternative,
    /// kept in the file under the PNG keyword `Description` (a `tEXt` chunk where it is Latin-1, else
    /// `iTXt`); none if empty.
    ///
    /// # Errors
    ///
    /// [`PlotError::Png`] if the picture has no pixels.
    pub fn to_png(&self, description: &str) -> Result<Vec<u8>, PlotError> {
        Ok(self.png(description)?)
    }

    /// The picture as an address that a page can hold in itself: `data:image/png;base64,...`; `data:,`
    /// if it has no pixels.
    pub fn to_data_uri(&self) -> String {
        match self.png("") {
            Ok(file) => format!("data:image/png;base64,{}", base64(&file)),
            Err(_) => "data:,".to_owned(),
        }
    }

    fn png(&self, description: &str) -> Result<Vec<u8>, EncodingError> {
        const KEYWORD: &str = "Description";
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, self.width() as u32, self.height() as u32);
        let (pixels, _) = self.pixels().as_chunks::<3>();
        let is_grey = pixels.iter().all(|&[r, g, b]| r == g && g == b);
        encoder.set_color(if is_grey { ColorType::Grayscale } else { ColorType::Rgb });
        encoder.set_depth(BitDepth::Eight);
        encoder.set_compression(Compression::Balanced);
        encoder.set_filter(Filter::Adaptive);
        if !description.is_empty() && description.chars().all(|c| u32::from(c) < 256) {
            encoder.add_text_chunk(KEYWORD.to_owned(), description.to_owned())?;
        } else if !description.is_empty() {
            encoder.add_itxt_chunk(KEYWORD.to_owned(), description.to_owned())?;
        }
        let mut writer = encoder.write_header()?;
        if is_grey {
            writer.write_image_data(&pixels.iter().map(|pixel| pixel[0]).collect::<Vec<u8>>())?;
        } else {
            writer.write_image_data(self.pixels())?;
        }
        writer.finish()?;
        Ok(bytes)
    }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_and_description_come_back() {
        for text in ["Grad-CAM of a chest, 53 % effusion; é", "胸部"] {
            let mut picture = Raster::new(5, 3, [1, 2, 3]);
            picture.set(4, 2, [250, 0, 9]);
            let bytes = picture.to_png(text).unwrap();
            let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            reader.next_frame(&mut pixels).unwrap();
            assert_eq!(pixels, picture.pixels());
            let info = reader.info();
            let latin = info.uncompressed_latin1_text.first().map(|chunk| chunk.text.clone());
            let other = info.utf8_text.first().map(|chunk| chunk.get_text().unwrap());
            assert_eq!(latin.or(other).as_deref(), Some(text));
        }
        Raster::new(0, 3, [0; 3]).to_png("").unwrap_err();
    }

    #[test]
    fn grey_pictures_have_one_channel() {
        let grey = Raster::from_fn(3, 2, |x, y| [(x * 90 + y) as u8; 3]);
        let bytes = grey.to_png("").unwrap();
        let info = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
        assert_eq!(info.info().color_type, ColorType::Grayscale);
        let read = image::load_from_memory(&bytes).unwrap().to_rgb8();
        assert_eq!(read.as_raw(), grey.pixels());
    }

    #[test]
    fn addresses_hold_the_file() {
        assert!(Raster::new(1, 1, [9; 3]).to_data_uri().starts_with("data:image/png;base64,iVBOR"));
        assert_eq!(Raster::new(0, 0, [0; 3]).to_data_uri(), "data:,");
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (text, expected) in cases {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }
}
