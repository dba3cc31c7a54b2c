use super::Raster;
use crate::PlotError;

impl Raster {
    /// The picture as a PNG file. `description` is its text alternative, kept in the file under the
    /// PNG keyword `Description` (a `tEXt` chunk where it is Latin-1, else `iTXt`).
    ///
    /// # Errors
    ///
    /// [`PlotError::Png`] if the picture has no pixels.
    pub fn to_png(&self, description: &str) -> Result<Vec<u8>, PlotError> {
        const KEYWORD: &str = "Description";
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width() as u32, self.height() as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        if description.chars().all(|c| u32::from(c) < 256) {
            encoder.add_text_chunk(KEYWORD.to_owned(), description.to_owned())?;
        } else {
            encoder.add_itxt_chunk(KEYWORD.to_owned(), description.to_owned())?;
        }
        let mut writer = encoder.write_header()?;
        writer.write_image_data(self.pixels())?;
        writer.finish()?;
        Ok(bytes)
    }
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
}
