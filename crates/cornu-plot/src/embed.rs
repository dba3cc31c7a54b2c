use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, ImageError};

/// A picture as an address that a page can hold in itself: `data:image/png;base64,...`.
///
/// `pixels` are `height * width * channels` bytes; 1 channel is grey, 3 are red, green, blue.
///
/// # Errors
///
/// [`ImageError`] if there are not so many bytes, or another number of channels.
pub fn png_data_uri(
    pixels: &[u8],
    height: usize,
    width: usize,
    channels: usize,
) -> Result<String, ImageError> {
    let colour = if channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let expected = height * width * if channels == 1 { 1 } else { 3 };
    if pixels.len() != expected || ![1, 3].contains(&channels) {
        let problem = format!(
            "a picture of {height} x {width} with {channels} channels: expected {expected} bytes in \
             1 or 3 channels, got {}",
            pixels.len()
        );
        return Err(ImageError::IoError(std::io::Error::other(problem)));
    }
    let mut file = Vec::new();
    let encoder =
        PngEncoder::new_with_quality(&mut file, CompressionType::Default, FilterType::Adaptive);
    encoder.write_image(pixels, width as u32, height as u32, colour)?;
    Ok(format!("data:image/png;base64,{}", base64(&file)))
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
    fn base64_is_that_of_the_standard() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (text, expected) in cases {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }

    #[test]
    fn pictures_of_other_sizes_are_errors() {
        assert!(png_data_uri(&[0; 6], 1, 2, 3).unwrap().starts_with("data:image/png;base64,iVBOR"));
        assert!(
            png_data_uri(&[0; 5], 1, 2, 3).unwrap_err().to_string().contains("expected 6 bytes")
        );
        png_data_uri(&[0; 4], 1, 2, 2).unwrap_err();
    }
}
