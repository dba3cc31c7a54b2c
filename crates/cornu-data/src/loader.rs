use crate::dataset::check_fill;
use crate::{DataError, Dataset, MAX_SIDE, Picture, Pixels, Resize, load_picture};
use rayon::prelude::*;
use std::path::PathBuf;

/// The shape of a picture as a model takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleShape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// 1 (grey) or 3 (RGB).
    pub channels: usize,
}

impl SampleShape {
    /// Numbers in a sample.
    pub fn n_elements(self) -> usize {
        self.height * self.width * self.channels
    }
}

/// How pictures are brought to their shape, and how much of them stays in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadOptions {
    /// Used where a picture has another size. Default: bilinear, not antialiased.
    pub resize: Resize,
    /// Bytes of decoded pixels to keep. Default: 1 GiB.
    pub memory_budget: usize,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { resize: Resize::default(), memory_budget: 1 << 30 }
    }
}

/// Decoded at a time while opening: bounds what is in memory beyond the budget.
const OPEN_CHUNK: usize = 32;

/// Pictures from files, as samples of one shape.
///
/// As many as fit into the memory budget, from the first on, are decoded once and kept: one byte a
/// number where that is exact (8-bit files of the right size), else four. The rest is decoded from
/// disk whenever asked for; [`Prefetch`](crate::Prefetch) does that ahead of time. The samples are
/// the same, whatever the budget.
#[derive(Debug)]
pub struct ImageDataset {
    paths: Vec<PathBuf>,
    labels: Vec<usize>,
    shape: SampleShape,
    resize: Resize,
    /// Of the first `kept.len()` files.
    kept: Vec<Pixels>,
}

impl ImageDataset {
    /// The pictures `paths` with classes `labels`, in `shape`.
    ///
    /// # Errors
    ///
    /// If there are not as many labels as paths, if the shape has a zero, a side above
    /// [`MAX_SIDE`] or other than 1 or 3 channels, or if one of the pictures that fit into the
    /// budget cannot be decoded. The others are first looked at when asked for; see
    /// [`ImageDataset::verify`].
    pub fn open(
        paths: Vec<PathBuf>,
        labels: Vec<usize>,
        shape: SampleShape,
        options: &LoadOptions,
    ) -> Result<Self, DataError> {
        if paths.len() != labels.len() {
            let problem = format!("{} pictures, but {} labels", paths.len(), labels.len());
            return Err(DataError::Samples(problem));
        }
        let SampleShape { height, width, channels } = shape;
        if ![height, width].iter().all(|side| (1..=MAX_SIDE).contains(side)) {
            return Err(DataError::Size { height, width, max: MAX_SIDE });
        }
        if channels != 1 && channels != 3 {
            return Err(DataError::Channels { got: channels });
        }
        let mut dataset = Self { paths, labels, shape, resize: options.resize, kept: Vec::new() };
        dataset.keep_what_fits(options.memory_budget)?;
        Ok(dataset)
    }

    fn keep_what_fits(&mut self, budget: usize) -> Result<(), DataError> {
        let mut left = budget;
        for chunk in self.paths.chunks(OPEN_CHUNK) {
            if left < self.shape.n_elements() {
                break;
            }
            let pictures: Vec<_> = chunk.par_iter().map(|path| self.load(path)).collect();
            for picture in pictures {
                let pixels = picture?.pixels;
                let Some(rest) = left.checked_sub(pixels.n_bytes()) else {
                    return Ok(());
                };
                left = rest;
                self.kept.push(pixels);
            }
        }
        Ok(())
    }

    fn load(&self, path: &std::path::Path) -> Result<Picture, DataError> {
        load_picture(path, self.shape, self.resize)
    }

    /// Number of samples in memory.
    pub fn n_kept(&self) -> usize {
        self.kept.len()
    }

    /// Bytes of the samples in memory.
    pub fn kept_bytes(&self) -> usize {
        self.kept.iter().map(Pixels::n_bytes).sum()
    }

    /// The files, in the order of the samples.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Decodes every picture that is not in memory once, to find bad ones before training does.
    ///
    /// # Errors
    ///
    /// The first picture that cannot be decoded.
    pub fn verify(&self) -> Result<(), DataError> {
        for chunk in self.paths[self.kept.len()..].chunks(OPEN_CHUNK) {
            let results: Vec<_> = chunk.par_iter().map(|path| self.load(path).map(drop)).collect();
            results.into_iter().collect::<Result<(), _>>()?;
        }
        Ok(())
    }
}

impl Dataset for ImageDataset {
    fn len(&self) -> usize {
        self.paths.len()
    }

    fn sample_shape(&self) -> Vec<usize> {
        vec![self.shape.height, self.shape.width, self.shape.channels]
    }

    fn labels(&self) -> &[usize] {
        &self.labels
    }

    fn fill(&self, indices: &[usize], out: &mut [f32]) -> Result<(), DataError> {
        check_fill(self, indices, out)?;
        let mut from_disk = Vec::new();
        for (&index, out) in indices.iter().zip(out.chunks_exact_mut(self.shape.n_elements())) {
            match self.kept.get(index) {
                Some(pixels) => pixels.copy_to(out),
                None => from_disk.push((index, out)),
            }
        }
        if from_disk.is_empty() {
            return Ok(());
        }
        let fill_one = |(index, out): (usize, &mut [f32])| {
            self.load(&self.paths[index])?.pixels.copy_to(out);
            Ok(())
        };
        // All results first: of several errors the first by order is told, not by time.
        let results: Vec<Result<(), DataError>> = from_disk.into_par_iter().map(fill_one).collect();
        results.into_iter().collect()
    }
}
