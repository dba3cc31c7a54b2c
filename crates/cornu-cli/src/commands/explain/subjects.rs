//! The pictures that are explained.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cornu::data::{Resize, SampleShape, find_pictures, load_picture};
use cornu::plot::raster::Raster;
use cornu::tensor::Tensor;

use crate::error::CliError;
use crate::output;

/// A picture as the model sees it.
pub(super) struct Subject {
    pub(super) path: PathBuf,
    /// What its files begin with.
    pub(super) name: String,
    pub(super) tensor: Tensor,
    pub(super) raster: Raster,
}

/// The pictures that can be read, and the number of others, each of which is told.
pub(super) fn read_pictures(
    images: &[PathBuf],
    shape: SampleShape,
) -> Result<(Vec<Subject>, usize), CliError> {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for image in images {
        if !image.is_dir() {
            files.push(image.clone());
            continue;
        }
        let (pictures, not_listed) = find_pictures(image);
        if pictures.is_empty() && not_listed.is_empty() {
            problems.push(CliError::message(format!(
                "{}: there are no pictures in this folder; give pictures, or a folder with some",
                image.display()
            )));
        }
        files.extend(pictures);
        problems.extend(not_listed.into_iter().map(CliError::from));
    }
    let mut subjects = Vec::new();
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    for path in files {
        match read_picture(&path, shape) {
            Ok((tensor, raster)) => {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                let times = used.entry(stem.clone()).or_default();
                *times += 1;
                let name = if *times == 1 { stem } else { format!("{stem}-{times}") };
                subjects.push(Subject { path, name, tensor, raster });
            }
            Err(error) => problems.push(error),
        }
    }
    let n_bad = problems.len();
    if subjects.is_empty() && n_bad == 1 {
        return Err(problems.remove(0));
    }
    for problem in problems {
        output::message(problem);
    }
    if subjects.is_empty() {
        return Err(CliError::message(format!(
            "none of {n_bad} pictures can be read, each named above with its reason"
        )));
    }
    Ok((subjects, n_bad))
}

fn read_picture(path: &Path, shape: SampleShape) -> Result<(Tensor, Raster), CliError> {
    let pixels = load_picture(path, shape, Resize::default())?.pixels.to_f32();
    let raster = Raster::from_numbers(shape.width, shape.height, &pixels)?;
    let tensor = Tensor::new([shape.height, shape.width, shape.channels], pixels)
        .map_err(|error| CliError::message(error.to_string()))?;
    Ok((tensor, raster))
}
