use std::path::{Path, PathBuf};

use cornu_formats::{WriteError, write_file_safely};
use cornu_model::ModelError;
use cornu_plot::PlotError;
use cornu_plot::drawing::{Drawing, Theme};
use cornu_plot::figure::Animation;

/// Why a picture could not be written.
#[derive(Debug, thiserror::Error)]
pub enum PlotFileError {
    /// The ending of the file's name says no format.
    #[error("{}: expected a file name that ends in {expected}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The endings that there are.
        expected: &'static str,
    },
    /// The picture would have too many pixels.
    #[error(
        "{}: a picture of {width} x {height} pixels is too large; write .svg, or use a lower dpi",
        path.display()
    )]
    Size {
        /// The file.
        path: PathBuf,
        /// Pixels in a row.
        width: f64,
        /// Number of rows.
        height: f64,
    },
    /// The file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The picture has no pixels.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// The model could not say what it is made of.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// Most pixels of a PNG file.
const MOST_PIXELS: f64 = 200e6;

/// Writes a drawing, as SVG or as PNG by the ending of the file's name. `dpi` is for PNG: so many
/// pixels for 96 units of the drawing.
///
/// # Errors
///
/// [`PlotFileError`] if the ending is another one, or the file cannot be written.
pub fn save_drawing(
    drawing: &Drawing,
    path: impl AsRef<Path>,
    theme: Theme,
    dpi: f64,
) -> Result<(), PlotFileError> {
    let path = path.as_ref();
    let bytes = match ending(path).as_str() {
        "svg" => drawing.to_svg(theme).into_bytes(),
        "png" => {
            let scale = dpi / 96.0;
            let (width, height) = (drawing.width * scale, drawing.height * scale);
            // Not if they are not numbers, either.
            let is_small = width * height <= MOST_PIXELS;
            if !is_small {
                return Err(PlotFileError::Size { path: path.to_owned(), width, height });
            }
            drawing.to_png(theme, scale)?
        }
        _ => {
            let expected = ".svg or .png";
            return Err(PlotFileError::Format { path: path.to_owned(), expected });
        }
    };
    Ok(write_file_safely(path, &bytes)?)
}

/// Writes an animation as a GIF file, `dpi` as in [`save_drawing`].
///
/// # Errors
///
/// [`PlotFileError`] if the file's name does not end in `.gif`, or it cannot be written.
pub fn save_animation(
    animation: &Animation,
    path: impl AsRef<Path>,
    theme: Theme,
    dpi: f64,
) -> Result<(), PlotFileError> {
    let path = path.as_ref();
    if ending(path) != "gif" {
        let expected = ".gif";
        return Err(PlotFileError::Format { path: path.to_owned(), expected });
    }
    let scale = dpi / 96.0;
    let first = animation
        .frames
        .first()
        .map_or((0.0, 0.0), |first| (first.drawing.width * scale, first.drawing.height * scale));
    let bytes = animation.to_gif(theme, scale).map_err(|_| PlotFileError::Size {
        path: path.to_owned(),
        width: first.0,
        height: first.1,
    })?;
    Ok(write_file_safely(path, &bytes)?)
}

/// The ending of a file's name, in small letters.
pub(super) fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}
