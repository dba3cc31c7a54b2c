//! Samples as pictures of the page.

use cornu::data::{DataError, Dataset};
use cornu::plot::raster::Raster;

use super::html::Shown;
use crate::error::CliError;

/// Longest side of a picture in the page, and of one beside its maps.
pub(super) const SIDE: usize = 176;
pub(super) const SMALL: usize = 136;

/// A sample made smaller if a side is longer than `most`, its numbers 0..255 as they are.
pub(super) fn shown(
    pixels: &[f32],
    shape: [usize; 3],
    most: usize,
    alt: String,
) -> Result<Shown, CliError> {
    let (small, height, width) = shrunk(pixels, shape, most);
    let picture = Raster::from_numbers(width, height, &small)?;
    Ok(Shown { uri: picture.to_data_uri(), width, height, alt })
}

/// The samples `indices`, one after the other.
pub(super) fn pixels(dataset: &dyn Dataset, indices: &[usize]) -> Result<Vec<Vec<f32>>, DataError> {
    let mut all = Vec::new();
    dataset.fill_batch(indices, &mut all)?;
    Ok(all.chunks_exact(dataset.n_per_sample().max(1)).map(<[f32]>::to_vec).collect())
}

/// Means over blocks of pixels, so that no side is longer than `most`.
fn shrunk(
    pixels: &[f32],
    [height, width, channels]: [usize; 3],
    most: usize,
) -> (Vec<f32>, usize, usize) {
    let longest = height.max(width);
    if longest <= most {
        return (pixels.to_vec(), height, width);
    }
    let scale = |side: usize| (side * most).div_ceil(longest).max(1);
    let (rows, columns) = (scale(height), scale(width));
    let mut small = Vec::with_capacity(rows * columns * channels);
    let range = |at: usize, n: usize, size: usize| at * size / n..((at + 1) * size).div_ceil(n);
    for row in 0..rows {
        for column in 0..columns {
            for channel in 0..channels {
                let (mut sum, mut n) = (0.0, 0.0);
                for y in range(row, rows, height) {
                    for x in range(column, columns, width) {
                        sum += pixels[(y * width + x) * channels + channel];
                        n += 1.0;
                    }
                }
                small.push(sum / n);
            }
        }
    }
    (small, rows, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_pictures_are_averaged_and_small_ones_stay() {
        let (small, rows, columns) = shrunk(&vec![7.0; 352 * 100 * 3], [352, 100, 3], 176);
        assert_eq!((small.len(), rows, columns), (176 * 50 * 3, 176, 50));
        assert!(small.iter().all(|&x| x == 7.0));
        assert_eq!(shrunk(&[1.0, 2.0], [1, 2, 1], 176), (vec![1.0, 2.0], 1, 2));
        let shown = shown(&[300.0, -5.0], [1, 2, 1], SIDE, "two".to_owned()).unwrap();
        assert_eq!((shown.width, shown.height), (2, 1));
    }
}
