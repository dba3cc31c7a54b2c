use super::{Class, PhantomPicture, SIZE, draw};
use crate::dataset::check_fill;
use crate::{DataError, Dataset, Fractions, MANIFEST_FILE, Split, SplitIndices, split_samples};
use rayon::prelude::*;
use std::fs;
use std::path::Path;

/// Names of the classes, in the order of [`Class::index`] and of the alphabet.
pub const CLASS_NAMES: [&str; 2] = ["effusion", "normal"];

/// Pictures of the smallest set with a picture of each class for each split.
const FEWEST: usize = CLASS_NAMES.len() * Split::ALL.len();

/// Drawn at a time when exporting.
const EXPORT_CHUNK: usize = 64;

/// The first pictures of the synthetic set, half of them with effusion, [`SIZE`] x [`SIZE`] grey.
///
/// All are drawn at once and kept, a byte a pixel.
#[derive(Debug, Clone)]
pub struct Set {
    seed: u64,
    pictures: Vec<Vec<u8>>,
    labels: Vec<usize>,
}

impl Set {
    /// The first `n` pictures of `seed`.
    pub fn new(seed: u64, n: usize) -> Self {
        let pictures = (0..n).into_par_iter().map(|i| draw(seed, i, SIZE).pixels).collect();
        let labels = (0..n).map(|index| Class::of(index).index()).collect();
        Self { seed, pictures, labels }
    }

    /// Draws a picture again, with the place of its fluid.
    ///
    /// # Errors
    ///
    /// [`DataError::Index`] out of range.
    pub fn picture(&self, index: usize) -> Result<PhantomPicture, DataError> {
        let len = self.pictures.len();
        if len <= index {
            return Err(DataError::Index { index, len });
        }
        Ok(draw(self.seed, index, SIZE))
    }

    /// Names of the classes.
    pub fn class_names(&self) -> Vec<String> {
        CLASS_NAMES.map(str::to_owned).to_vec()
    }

    /// Divided by [`split_samples`] in the usual parts, by the set's own seed.
    ///
    /// # Errors
    ///
    /// If there are fewer than three pictures of a class.
    pub fn split(&self) -> Result<SplitIndices, DataError> {
        let n = self.len();
        if n < FEWEST {
            let pictures = if n == 1 { "picture" } else { "pictures" };
            return Err(DataError::Split(format!(
                "{n} synthetic {pictures} cannot be divided into train, val and test so that each has \
                 both classes; draw at least {FEWEST}"
            )));
        }
        split_samples(&self.labels, &self.class_names(), None, Fractions::default(), self.seed)
    }

    /// Writes the pictures as `folder/CLASS/NUMBER.png` and a `manifest.csv` with [`Set::split`].
    ///
    /// # Errors
    ///
    /// Those of [`Set::split`], and [`DataError::Io`] if a file cannot be written.
    pub fn export_png(&self, folder: &Path) -> Result<(), DataError> {
        let split = self.split()?;
        for class in CLASS_NAMES {
            let path = folder.join(class);
            fs::create_dir_all(&path).map_err(|source| DataError::Io {
                path,
                doing: "make the folder",
                source,
            })?;
        }
        let names: Vec<String> = (0..self.len())
            .map(|index| format!("{}/{index:05}.png", CLASS_NAMES[self.labels[index]]))
            .collect();
        for (chunk, names) in self.pictures.chunks(EXPORT_CHUNK).zip(names.chunks(EXPORT_CHUNK)) {
            let results: Vec<_> = chunk
                .par_iter()
                .zip(names)
                .map(|(pixels, name)| write_png(&folder.join(name), pixels))
                .collect();
            results.into_iter().collect::<Result<(), _>>()?;
        }

        let mut of = vec![Split::Train; self.len()];
        for part in Split::ALL {
            for &index in split.get(part) {
                of[index] = part;
            }
        }
        let mut manifest = String::from("file,class,split\n");
        for ((name, &label), split) in names.iter().zip(&self.labels).zip(of) {
            manifest.push_str(&format!("{name},{},{split}\n", CLASS_NAMES[label]));
        }
        let path = folder.join(MANIFEST_FILE);
        fs::write(&path, manifest).map_err(|source| DataError::Io {
            path,
            doing: "write the manifest",
            source,
        })
    }
}

fn write_png(path: &Path, pixels: &[u8]) -> Result<(), DataError> {
    let side = SIZE as u32;
    image::save_buffer_with_format(
        path,
        pixels,
        side,
        side,
        image::ColorType::L8,
        image::ImageFormat::Png,
    )
    .map_err(|error| DataError::Io {
        path: path.to_owned(),
        doing: "write the picture",
        source: match error {
            image::ImageError::IoError(source) => source,
            other => std::io::Error::other(other),
        },
    })
}

impl Dataset for Set {
    fn len(&self) -> usize {
        self.pictures.len()
    }

    fn sample_shape(&self) -> Vec<usize> {
        vec![SIZE, SIZE, 1]
    }

    fn labels(&self) -> &[usize] {
        &self.labels
    }

    fn fill(&self, indices: &[usize], out: &mut [f32]) -> Result<(), DataError> {
        check_fill(self, indices, out)?;
        let samples = indices.par_iter().zip(out.par_chunks_exact_mut(SIZE * SIZE));
        samples.for_each(|(&index, out)| {
            for (out, &pixel) in out.iter_mut().zip(&self.pictures[index]) {
                *out = f32::from(pixel);
            }
        });
        Ok(())
    }
}
