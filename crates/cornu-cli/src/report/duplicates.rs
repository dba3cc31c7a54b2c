//! Pictures that are in two parts at once, as a perceptual hash sees them.

use cornu::data::{NEAR, PictureHash, near_duplicates};
use cornu::model::Batches;
use rayon::prelude::*;

use super::material::{Material, Part};
use super::pictures;
use crate::error::CliError;

/// Pictures of a part that are looked at: more would have to be read from disk again.
const MOST: usize = 5000;
/// Pictures read at a time.
const CHUNK: usize = 256;

/// Two pictures of different parts that look alike.
pub(super) struct Pair {
    /// Name of the part and place in it.
    pub(super) a: (&'static str, usize),
    pub(super) b: (&'static str, usize),
    /// Bits of 512 that differ.
    pub(super) distance: u32,
}

/// What was found.
pub(super) struct Duplicates {
    /// The most alike first.
    pub(super) pairs: Vec<Pair>,
    /// Whether only the first pictures of a part were looked at.
    pub(super) is_partial: bool,
}

impl Duplicates {
    pub(super) fn find(material: &Material<'_>) -> Result<Self, CliError> {
        if material.parts.len() < 2 {
            return Ok(Self { pairs: Vec::new(), is_partial: false });
        }
        let hashes: Vec<Vec<PictureHash>> = material
            .parts
            .iter()
            .map(|part| hashes(part, material.shape))
            .collect::<Result<_, _>>()?;
        let mut pairs = Vec::new();
        for (i, a) in material.parts.iter().enumerate() {
            for (j, b) in material.parts.iter().enumerate().skip(i + 1) {
                let found = near_duplicates(&hashes[i], &hashes[j], NEAR).into_iter();
                pairs.extend(found.map(|(x, y, distance)| Pair {
                    a: (a.name, x),
                    b: (b.name, y),
                    distance,
                }));
            }
        }
        pairs.sort_by_key(|pair| pair.distance);
        let is_partial = material.parts.iter().any(|part| MOST < part.samples.len());
        Ok(Self { pairs, is_partial })
    }
}

fn hashes(
    part: &Part<'_>,
    [height, width, channels]: [usize; 3],
) -> Result<Vec<PictureHash>, CliError> {
    let indices: Vec<usize> = (0..part.samples.len().min(MOST)).collect();
    let mut hashes = Vec::with_capacity(indices.len());
    for chunk in indices.chunks(CHUNK) {
        let pictures = pictures::pixels(part.samples.dataset().as_ref(), chunk)?;
        let of = |pixels: &Vec<f32>| PictureHash::new(pixels, height, width, channels);
        hashes.extend(pictures.par_iter().map(of).collect::<Vec<_>>());
    }
    Ok(hashes)
}
