use crate::error::PictureProblem;
use crate::jpeg::{self, Defect};
use crate::{DataError, Picture, Pixels, Resize, SampleShape};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};
use std::fs::File;
use std::io::{Cursor, ErrorKind, Read};
use std::path::Path;

/// Larger files are not read.
pub const MAX_FILE_BYTES: u64 = 256 << 20;

/// Largest height and width of a picture.
pub const MAX_SIDE: usize = 32_768;

/// Largest number of pixels of a picture: 8,192 x 8,192, far above any X-ray detector.
///
/// A small file can claim a huge picture; this is checked before memory is taken for it.
pub const MAX_PIXELS: usize = 1 << 26;

/// What a decoder may take in all: [`MAX_PIXELS`] of four 16-bit channels.
const MAX_DECODER_BYTES: u64 = 8 * MAX_PIXELS as u64;

/// Reads the picture `path`: see [`decode_bytes`].
///
/// # Errors
///
/// [`DataError::Io`] if the file cannot be read, [`DataError::Picture`] if it is not a whole
/// picture of a known kind within the limits.
pub fn decode_file(path: &Path) -> Result<Picture, DataError> {
    let bytes = read_file(path)?;
    decode_bytes(&bytes).map_err(|problem| DataError::Picture { path: path.to_owned(), problem })
}

/// Reads the picture `path` as a sample of `shape`: decoded, channels changed, resized.
///
/// # Errors
///
/// Those of [`decode_file`] and [`Picture::with_channels`].
pub fn load_picture(path: &Path, shape: SampleShape, resize: Resize) -> Result<Picture, DataError> {
    let picture = decode_file(path)?.with_channels(shape.channels)?;
    Ok(picture.resized(shape.height, shape.width, resize))
}

/// Decodes a picture: PNG, JPEG, BMP, TIFF, GIF (first frame) or WebP, told apart by content.
///
/// - 8-bit files give [`Pixels::U8`]; 16-bit files [`Pixels::F32`], each number divided by 257.
/// - Palettes become colours. Transparency is dropped, not blended.
/// - The result has 1 channel if the file is grey, else 3.
/// - Rotation marks (EXIF) are ignored, as in Keras and PIL.
///
/// # Errors
///
/// What is wrong: unlike in many decoders, a JPEG that was cut short is an error, and so is one whose
/// scans have not as many blocks as its picture.
pub fn decode_bytes(bytes: &[u8]) -> Result<Picture, PictureProblem> {
    if bytes.is_empty() {
        return Err(PictureProblem::Truncated("the file is empty".to_owned()));
    }
    let format = image::guess_format(bytes)
        .map_err(|_| PictureProblem::Unsupported("the content is of no known kind".to_owned()))?;
    if format == ImageFormat::Jpeg
        && let Some(defect) = jpeg::defect(bytes)
    {
        return Err(match defect {
            Defect::Missing(detail) => PictureProblem::Truncated(detail),
            Defect::Damaged(detail) => PictureProblem::Corrupt(format!("JPEG: {detail}")),
        });
    }
    let image = decode(bytes, format).map_err(|error| problem(format, error))?;
    to_picture(image)
}

fn read_file(path: &Path) -> Result<Vec<u8>, DataError> {
    let io = |source| DataError::Io { path: path.to_owned(), doing: "read the picture", source };
    let mut bytes = Vec::new();
    // Opening a pipe would wait for someone who writes into it.
    if !path.metadata().map_err(io)?.is_file() {
        return Err(io(std::io::Error::other("it is no regular file; give a picture")));
    }
    let file = File::open(path).map_err(io)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if MAX_FILE_BYTES < bytes.len() as u64 {
        let detail = format!("the file has more than {} MiB", MAX_FILE_BYTES >> 20);
        let problem = PictureProblem::TooLarge(detail);
        return Err(DataError::Picture { path: path.to_owned(), problem });
    }
    Ok(bytes)
}

fn decode(bytes: &[u8], format: ImageFormat) -> Result<DynamicImage, ImageError> {
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_SIDE as u32);
    limits.max_image_height = Some(MAX_SIDE as u32);
    limits.max_alloc = Some(MAX_DECODER_BYTES);

    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if MAX_PIXELS < (width as usize).saturating_mul(height as usize) {
        let kind = image::error::LimitErrorKind::DimensionError;
        return Err(ImageError::Limits(image::error::LimitError::from_kind(kind)));
    }
    DynamicImage::from_decoder(decoder)
}

fn problem(format: ImageFormat, error: ImageError) -> PictureProblem {
    let kind = format.extensions_str().first().map_or("picture", |name| name).to_uppercase();
    match &error {
        ImageError::Limits(_) => PictureProblem::TooLarge(format!(
            "{kind}: more than {MAX_SIDE} pixels a side or {MAX_PIXELS} in all"
        )),
        ImageError::Unsupported(error) => PictureProblem::Unsupported(error.to_string()),
        _ if ends_early(&error) => PictureProblem::Truncated(format!("{kind}: {error}")),
        _ => PictureProblem::Corrupt(format!("{kind}: {error}")),
    }
}

/// Whether the input ended where more was expected: decoders say so in different places.
fn ends_early(error: &ImageError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|error| error.kind() == ErrorKind::UnexpectedEof)
            || error.to_string().to_lowercase().contains("unexpected end")
        {
            return true;
        }
        cause = error.source();
    }
    false
}

fn to_picture(image: DynamicImage) -> Result<Picture, PictureProblem> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    if width == 0 || height == 0 {
        return Err(PictureProblem::Corrupt("it has no pixels".to_owned()));
    }
    let is_grey = !image.color().has_color();
    let pixels = match &image {
        DynamicImage::ImageLuma8(_)
        | DynamicImage::ImageLumaA8(_)
        | DynamicImage::ImageRgb8(_)
        | DynamicImage::ImageRgba8(_) => {
            Pixels::U8(without_alpha(image.as_bytes(), image.color().has_alpha(), is_grey))
        }
        DynamicImage::ImageLuma16(buffer) => scaled(buffer, false, is_grey),
        DynamicImage::ImageLumaA16(buffer) => scaled(buffer, true, is_grey),
        DynamicImage::ImageRgb16(buffer) => scaled(buffer, false, is_grey),
        DynamicImage::ImageRgba16(buffer) => scaled(buffer, true, is_grey),
        // Floats have no agreed range, and may be NaN.
        _ => return Err(PictureProblem::Unsupported(format!("pixels of {:?}", image.color()))),
    };
    Ok(Picture { height, width, channels: if is_grey { 1 } else { 3 }, pixels })
}

/// 65,535 becomes 255.
fn scaled(numbers: &[u16], has_alpha: bool, is_grey: bool) -> Pixels {
    let numbers = without_alpha(numbers, has_alpha, is_grey);
    Pixels::F32(numbers.into_iter().map(|x| f32::from(x) / 257.0).collect())
}

fn without_alpha<T: Copy>(numbers: &[T], has_alpha: bool, is_grey: bool) -> Vec<T> {
    let channels = if is_grey { 1 } else { 3 };
    if !has_alpha {
        return numbers.to_vec();
    }
    numbers.chunks_exact(channels + 1).flat_map(|pixel| &pixel[..channels]).copied().collect()
}
