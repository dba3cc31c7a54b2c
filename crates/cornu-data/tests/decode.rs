//! Pictures of every kind, whole and damaged.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not recognize")]

use cornu_data::{DataError, MAX_PIXELS, Pixels, decode_bytes, decode_file, load_picture};
use cornu_data::{PictureProblem, Resize, SampleShape};
use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, Rgba};
use std::io::Cursor;

const W: u32 = 23;
const H: u32 = 17;

/// Smooth, so that JPEG stays close, and never the same in two channels.
fn level(x: u32, y: u32, channel: u32) -> u8 {
    (x * 5 + y * 3 + channel * 40) as u8
}

fn grey8() -> DynamicImage {
    ImageBuffer::from_fn(W, H, |x, y| Luma([level(x, y, 0)])).into()
}

fn rgb8() -> DynamicImage {
    ImageBuffer::from_fn(W, H, |x, y| Rgb([0, 1, 2].map(|c| level(x, y, c)))).into()
}

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn expected(channels: u32) -> Vec<f32> {
    let mut out = Vec::new();
    for y in 0..H {
        for x in 0..W {
            out.extend((0..channels).map(|c| f32::from(level(x, y, c))));
        }
    }
    out
}

/// Decodes and compares with [`level`], `tolerance` grey levels apart at most.
#[track_caller]
fn check(image: DynamicImage, format: ImageFormat, channels: usize, tolerance: f32) {
    let picture = decode_bytes(&encode(&image, format)).unwrap();
    assert_eq!((picture.height, picture.width), (H as usize, W as usize));
    assert_eq!(picture.channels, channels, "{format:?} {:?}", image.color());
    let got = picture.pixels.to_f32();
    for (i, (got, want)) in got.iter().zip(expected(channels as u32)).enumerate() {
        assert!((got - want).abs() <= tolerance, "{format:?} {:?} at {i}", image.color());
    }
}

#[test]
fn all_formats_and_colour_types() {
    use ImageFormat::{Bmp, Jpeg, Png, Tiff, WebP};
    for format in [Png, Tiff, Bmp] {
        check(
            grey8(),
            format,
            if format == Bmp { 3 } else { 1 },
            if format == Bmp { 255.0 } else { 0.0 },
        );
        check(rgb8(), format, 3, 0.0);
    }
    check(rgb8(), WebP, 3, 0.0);
    check(grey8(), Jpeg, 1, 12.0);
    check(rgb8(), Jpeg, 3, 60.0);
    let alpha = |x: u32| (x * 11) as u8;
    let grey_alpha: ImageBuffer<LumaA<u8>, _> =
        ImageBuffer::from_fn(W, H, |x, y| LumaA([level(x, y, 0), alpha(x)]));
    check(grey_alpha.into(), Png, 1, 0.0);
    let rgba: ImageBuffer<Rgba<u8>, _> = ImageBuffer::from_fn(W, H, |x, y| {
        Rgba([level(x, y, 0), level(x, y, 1), level(x, y, 2), alpha(x)])
    });
    for format in [Png, Tiff, WebP] {
        check(rgba.clone().into(), format, 3, 0.0);
    }
    let up = |x: u8| u16::from(x) * 257;
    let grey16: ImageBuffer<Luma<u16>, _> =
        ImageBuffer::from_fn(W, H, |x, y| Luma([up(level(x, y, 0))]));
    let rgb16: ImageBuffer<Rgb<u16>, _> =
        ImageBuffer::from_fn(W, H, |x, y| Rgb([0, 1, 2].map(|c| up(level(x, y, c)))));
    for format in [Png, Tiff] {
        check(grey16.clone().into(), format, 1, 0.0);
        check(rgb16.clone().into(), format, 3, 0.0);
    }
}

#[test]
fn sixteen_bits_keep_their_precision() {
    let image: ImageBuffer<Luma<u16>, _> = ImageBuffer::from_raw(3, 1, vec![0, 1, 65_535]).unwrap();
    let picture = decode_bytes(&encode(&image.into(), ImageFormat::Png)).unwrap();
    assert_eq!(picture.pixels, Pixels::F32(vec![0.0, 1.0 / 257.0, 255.0]));
}

/// 2x2, palette of red and white, one bit per pixel, made by hand: the first frame of two.
const GIF: &[u8] = b"GIF89a\x02\x00\x02\x00\x80\x00\x00\xff\x00\x00\xff\xff\xff\
    \x2c\x00\x00\x00\x00\x02\x00\x02\x00\x00\x02\x03\x44\x02\x05\x00\
    \x2c\x00\x00\x00\x00\x02\x00\x02\x00\x00\x02\x03\x44\x02\x05\x00\x3b";

#[test]
fn a_gif_is_its_first_frame_with_palette_applied() {
    let picture = decode_bytes(GIF).unwrap();
    assert_eq!((picture.height, picture.width, picture.channels), (2, 2, 3));
    let Pixels::U8(pixels) = &picture.pixels else { panic!("8 bit") };
    assert!(pixels.chunks(3).all(|p| p == [255, 0, 0] || p == [255, 255, 255]), "{pixels:?}");
}

#[test]
fn cut_pictures_are_errors_wherever_they_are_cut() {
    // Textured, so that the files have something to lose.
    let noisy: DynamicImage =
        ImageBuffer::from_fn(64, 64, |x, y| Rgb([x * y, x * 31 + y * 7, y * y].map(|v| v as u8)))
            .into();
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
        ImageFormat::WebP,
        ImageFormat::Gif,
    ] {
        let whole = encode(&noisy, format);
        decode_bytes(&whole).unwrap();
        for tenth in 0..10 {
            let cut = &whole[..whole.len() * tenth / 10];
            let problem = decode_bytes(cut).expect_err(&format!("{format:?} cut at {tenth}/10"));
            if 2 < tenth {
                let told = problem.to_string();
                assert!(told.contains("trunc") || told.contains("corrupt"), "{format:?}: {told}");
            }
        }
        // An interrupted copy: right length, zeros at the end. The others have nothing that could
        // tell, neither checksum nor end mark.
        if matches!(format, ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::Gif) {
            let mut zeroed = whole.clone();
            zeroed[whole.len() / 2..].fill(0);
            decode_bytes(&zeroed).expect_err(&format!("{format:?} zeroed from the middle"));
        }
    }
}

#[test]
fn a_jpeg_without_its_last_bytes_is_an_error_and_bytes_after_the_end_are_not() {
    let mut bytes = encode(&rgb8(), ImageFormat::Jpeg);
    // The end marker and some of the last block.
    let problem = decode_bytes(&bytes[..bytes.len() - 4]).unwrap_err();
    assert!(matches!(problem, PictureProblem::Truncated(_)), "{problem}");
    bytes.extend_from_slice(b"\x00camera notes");
    decode_bytes(&bytes).unwrap();
}

#[test]
fn what_is_no_picture_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, bytes: &[u8], expected: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = decode_file(&path).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(expected), "{error}");
    };
    check("empty.png", b"", "truncated");
    check("text.png", b"this is no picture", "unsupported");
    check("page.jpg", b"<html><body>Not found</body></html>", "unsupported");
    let missing = decode_file(&folder.path().join("missing.png")).unwrap_err();
    assert!(matches!(missing, DataError::Io { .. }) && missing.to_string().contains("missing.png"));
}

/// The content counts, not the name.
#[test]
fn a_png_called_jpg_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jpg");
    std::fs::write(&path, encode(&grey8(), ImageFormat::Png)).unwrap();
    assert_eq!(decode_file(&path).unwrap().pixels.to_f32(), expected(1));
}

#[test]
fn a_picture_that_claims_to_be_huge_is_an_error_before_memory_is_taken() {
    // A PNG header for 60,000 x 60,000 and 30,000 x 30,000 pixels with little behind it.
    for side in [60_000u32, 30_000] {
        let mut bytes = encode(&grey8(), ImageFormat::Png);
        bytes[16..20].copy_from_slice(&side.to_be_bytes());
        bytes[20..24].copy_from_slice(&side.to_be_bytes());
        let checksum = crc32(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
        let problem = decode_bytes(&bytes).unwrap_err();
        assert!(matches!(problem, PictureProblem::TooLarge(_)), "{problem}");
        assert!(problem.to_string().contains(&MAX_PIXELS.to_string()));
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| (c >> 1) ^ (0xEDB8_8320 & (c & 1).wrapping_neg()))
    })
}

#[test]
fn float_tiff_is_unsupported() {
    let image: ImageBuffer<Rgb<f32>, _> = ImageBuffer::from_pixel(2, 2, Rgb([f32::NAN; 3]));
    let problem = decode_bytes(&encode(&image.into(), ImageFormat::Tiff)).unwrap_err();
    assert!(matches!(problem, PictureProblem::Unsupported(_)), "{problem}");
}

#[test]
fn a_sample_has_the_shape_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.png");
    std::fs::write(&path, encode(&rgb8(), ImageFormat::Png)).unwrap();
    for channels in [1, 3] {
        let shape = SampleShape { height: 5, width: 9, channels };
        let sample = load_picture(&path, shape, Resize::default()).unwrap();
        assert_eq!(sample.shape(), shape);
        assert_eq!(sample.pixels.len(), shape.n_elements());
    }
    let shape = SampleShape { height: 5, width: 9, channels: 4 };
    let error = load_picture(&path, shape, Resize::default()).unwrap_err();
    assert!(matches!(error, DataError::Channels { got: 4 }));
}
