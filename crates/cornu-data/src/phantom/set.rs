use super::{Class, PhantomPicture, SIZE, draw};
use crate::dataset::check_fill;
use crate::{DataError, Dataset, Fractions, MANIFEST_FILE, Split, SplitIndices, split_samples};
use rayon::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

/// Names of the classes, in the order of [`Class::index`] and of the alphabet.
pub const CLASS_NAMES: [&str; 2] = ["effusion", "normal"];

/// Pictures of the smallest set with a picture of each class for each split.
pub const FEWEST: usize = CLASS_NAMES.len() * Split::ALL.len();

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

    /// As [`Set::new`]; `None` as soon as `goes_on` says no, which is asked before each picture.
    pub fn draw_while(seed: u64, n: usize, goes_on: impl Fn() -> bool + Sync) -> Option<Self> {
        let drawn = (0..n).into_par_iter().map(|i| goes_on().then(|| draw(seed, i, SIZE).pixels));
        let pictures = drawn.collect::<Option<Vec<_>>>()?;
        let labels = (0..n).map(|index| Class::of(index).index()).collect();
        Some(Self { seed, pictures, labels })
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
    /// Those of [`Set::split`] and [`Set::check_export`], and [`DataError::Io`] if a file cannot be
    /// written.
    pub fn export_png(&self, folder: &Path) -> Result<(), DataError> {
        self.export_png_while(folder, || true).map(drop)
    }

    /// As [`Set::export_png`]; answers false as soon as `goes_on` says no, which is asked now and
    /// then. The manifest is there first, so that a later export takes the folder for its own.
    ///
    /// # Errors
    ///
    /// Those of [`Set::export_png`].
    pub fn export_png_while(
        &self,
        folder: &Path,
        goes_on: impl Fn() -> bool,
    ) -> Result<bool, DataError> {
        let split = self.split()?;
        Self::check_export(folder, self.len())?;
        for class in CLASS_NAMES {
            let path = folder.join(class);
            fs::create_dir_all(&path).map_err(|source| DataError::Io {
                path,
                doing: "make the folder",
                source,
            })?;
        }
        let mut of = vec![Split::Train; self.len()];
        for part in Split::ALL {
            for &index in split.get(part) {
                of[index] = part;
            }
        }
        let mut manifest = format!("{HEADER}\n");
        for (index, split) in of.into_iter().enumerate() {
            manifest.push_str(&format!("{}{split}\n", row_start(index)));
        }
        let path = folder.join(MANIFEST_FILE);
        fs::write(&path, manifest).map_err(|source| DataError::Io {
            path,
            doing: "write the manifest",
            source,
        })?;
        for (chunk, pictures) in self.pictures.chunks(EXPORT_CHUNK).enumerate() {
            if !goes_on() {
                return Ok(false);
            }
            let results: Vec<_> = pictures
                .par_iter()
                .enumerate()
                .map(|(i, pixels)| {
                    write_png(&folder.join(file_name(chunk * EXPORT_CHUNK + i)), pixels)
                })
                .collect();
            results.into_iter().collect::<Result<(), _>>()?;
        }
        Ok(true)
    }

    /// Makes sure that an export of `n` pictures into `folder` would replace nothing but what an
    /// earlier export wrote: the folder is not there, is empty, or has the manifest of an export,
    /// which lists each picture that would be replaced.
    ///
    /// # Errors
    ///
    /// The file that stands in the way.
    pub fn check_export(folder: &Path, n: usize) -> Result<(), DataError> {
        let foreign = |path: PathBuf| DataError::Folder {
            path,
            problem: "this was not written by an earlier export, and would be mixed up with the \
                      pictures or replaced; give a new or empty folder"
                .to_owned(),
        };
        let Some(first) = fs::read_dir(folder).ok().and_then(|mut entries| entries.next()) else {
            return Ok(());
        };
        let manifest = folder.join(MANIFEST_FILE);
        if !manifest.exists() {
            return Err(foreign(first.map_or_else(|_| folder.to_owned(), |entry| entry.path())));
        }
        let text = fs::read_to_string(&manifest).unwrap_or_default();
        let mut lines = text.lines();
        let is_export = lines.next() == Some(HEADER)
            && lines.clone().enumerate().all(|(index, line)| {
                line.strip_prefix(&row_start(index))
                    .is_some_and(|split| Split::ALL.iter().any(|known| known.name() == split))
            });
        if !is_export {
            return Err(foreign(manifest));
        }
        let unlisted = (lines.count()..n).map(|index| folder.join(file_name(index)));
        unlisted.into_iter().find(|path| path.exists()).map_or(Ok(()), |path| Err(foreign(path)))
    }
}

/// First line of an export's manifest.
const HEADER: &str = "file,class,split";

fn class_name(index: usize) -> &'static str {
    CLASS_NAMES[Class::of(index).index()]
}

fn file_name(index: usize) -> String {
    format!("{}/{index:05}.png", class_name(index))
}

/// The line of picture `index` in an export's manifest, up to its split.
fn row_start(index: usize) -> String {
    format!("{},{},", file_name(index), class_name(index))
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
