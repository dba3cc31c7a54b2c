//! Pixels as PNG files.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use crate::drawing::Pixels;

/// The bytes of a PNG file.
pub fn encoded(pixels: &Pixels) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder =
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, FilterType::Adaptive);
    let (width, height) = (pixels.width as u32, pixels.height as u32);
    // Writing to memory fails only for a picture without pixels, whose file is empty.
    let written = encoder.write_image(&pixels.rgb, width, height, ExtendedColorType::Rgb8);
    if written.is_err() {
        bytes.clear();
    }
    bytes
}

/// Bytes as base64, for `data:` addresses.
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * i)) as usize & 63];
            text.push(if i <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_in_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn a_file_holds_the_pixels() {
        let pixels = Pixels::from_fn(3, 2, |x, y| [x as u8 * 100, y as u8 * 200, 7]);
        let read = image::load_from_memory(&encoded(&pixels)).unwrap().to_rgb8();
        assert_eq!((read.width(), read.height()), (3, 2));
        assert_eq!(read.as_raw(), &pixels.rgb);
    }
}
