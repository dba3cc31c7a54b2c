use crate::manifest::read_manifest;
use crate::split::check_given_splits;
use crate::{DataError, Fractions, ImageDataset, LoadOptions, SampleShape};
use crate::{Split, SplitIndices, split_samples};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder with this file in it is described by it, whatever its sub-folders are called.
pub const MANIFEST_FILE: &str = "manifest.csv";

/// Endings of file names that are taken for pictures; letter case is ignored.
pub const IMAGE_EXTENSIONS: [&str; 8] = ["bmp", "gif", "jpeg", "jpg", "png", "tif", "tiff", "webp"];

/// Folders deeper than this are taken for a link that leads back to one of its parents.
const MAX_DEPTH: usize = 32;

/// One picture of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The picture's file.
    pub path: PathBuf,
    /// Index into [`ImageFolder::class_names`].
    pub class_idx: usize,
    /// What the data set's author uses it for, if that is said.
    pub split: Option<Split>,
}

/// The pictures of a folder and their classes. Only names are read, no pictures.
///
/// One of three forms, tried in this order:
///
/// 1. With a `manifest.csv` (columns `file`, `class`, and `split` if wanted; others are kept, see
///    [`ImageFolder::column`]): the pictures that it lists, in its order.
/// 2. With nothing but the sub-folders `train`, `val` (or `validation`) and `test`, some of them:
///    form 3 in each, the same classes everywhere.
/// 3. One sub-folder per class, pictures anywhere below it.
///
/// Classes are sorted by name (or as the manifest's column `label` numbers them), and sub-folders whose name starts with `.` are no classes. Pictures
/// come in the order of Keras's `image_dataset_from_directory`: by class, then by sub-folder, then
/// by name (`keras/src/utils/dataset_utils.py`); unlike there, hidden files are passed over, and
/// TIFF and WebP are pictures too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFolder {
    /// The folder.
    pub root: PathBuf,
    /// Names of the classes; at least two, if opened to train.
    pub class_names: Vec<String>,
    /// The pictures; at least one of each class, if opened to train.
    pub samples: Vec<Sample>,
    columns: BTreeMap<String, Vec<String>>,
}

/// What a data set is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// At least two classes, none of them empty.
    Train,
    /// A model knows the classes: some of them are enough.
    Evaluate,
}

/// What a reader of one of the forms found.
pub(crate) struct Found {
    pub(crate) class_names: Vec<String>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) columns: BTreeMap<String, Vec<String>>,
}

impl ImageFolder {
    /// Finds the pictures of `root`.
    ///
    /// # Errors
    ///
    /// If `root` is not a folder of one of the forms above, has fewer than two classes or a class
    /// without pictures, or if its manifest breaks a rule: the file and line are named.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, DataError> {
        Self::open_for(root.as_ref(), Purpose::Train)
    }

    /// Finds the pictures of `root`, to try a model on them that knows its classes: one class is
    /// enough, class folders may be empty and may differ between the splits, and the column `label`
    /// of a manifest need not name all classes.
    ///
    /// # Errors
    ///
    /// Those of [`ImageFolder::open`] but for the rules above; and if there are no pictures at all.
    pub fn open_to_evaluate(root: impl AsRef<Path>) -> Result<Self, DataError> {
        Self::open_for(root.as_ref(), Purpose::Evaluate)
    }

    fn open_for(root: &Path, purpose: Purpose) -> Result<Self, DataError> {
        if !root.is_dir() {
            let what = if root.exists() { "is not a folder" } else { "does not exist" };
            let problem =
                format!("{what}; give a folder with one sub-folder of pictures per class");
            return Err(folder_error(root, problem));
        }
        let found = if root.join(MANIFEST_FILE).is_file() {
            read_manifest(root, purpose)?
        } else {
            match split_folders(root)? {
                Some(splits) => walk_splits(root, &splits, purpose)?,
                None => walk_classes(root, None, purpose)?,
            }
        };
        let Found { class_names, samples, columns } = found;
        if samples.is_empty() {
            let problem = "there are no pictures in the class folders; add some";
            return Err(folder_error(root, problem.to_owned()));
        }
        check_one_split_each(&samples)?;
        Ok(Self { root: root.to_owned(), class_names, samples, columns })
    }

    /// Class index of every picture.
    pub fn labels(&self) -> Vec<usize> {
        self.samples.iter().map(|sample| sample.class_idx).collect()
    }

    /// Number of pictures of each class.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.class_names.len()];
        for sample in &self.samples {
            counts[sample.class_idx] += 1;
        }
        counts
    }

    /// Whether the author of the data set has divided it.
    pub fn has_splits(&self) -> bool {
        self.samples.iter().any(|sample| sample.split.is_some())
    }

    /// The pictures that the author of the data set has put into `split`; there may be none.
    pub fn given(&self, split: Split) -> Vec<usize> {
        let is_there = |&index: &usize| self.samples[index].split == Some(split);
        (0..self.samples.len()).filter(is_there).collect()
    }

    /// Values of a further column of the manifest, one for each picture.
    ///
    /// # Errors
    ///
    /// If there is no such column; those that exist are named.
    pub fn column(&self, name: &str) -> Result<&[String], DataError> {
        self.columns.get(name).map(Vec::as_slice).ok_or_else(|| {
            let problem = if self.columns.is_empty() {
                format!("there is no column `{name}`; add it to a {MANIFEST_FILE} in this folder")
            } else {
                let names: Vec<&str> = self.columns.keys().map(String::as_str).collect();
                format!("{MANIFEST_FILE} has no column `{name}`, only `{}`", names.join("`, `"))
            };
            folder_error(&self.root, problem)
        })
    }

    /// Divides the pictures: as the data set's author did, if so; else by [`split_samples`], the
    /// pictures with one value in column `group_by` on one side.
    ///
    /// # Errors
    ///
    /// Those of [`split_samples`] and [`ImageFolder::column`]; if the author's own split has no
    /// training picture of a class; or if `group_by` is given where the author has split already,
    /// and a group is on two sides.
    pub fn split(
        &self,
        fractions: Fractions,
        group_by: Option<&str>,
        seed: u64,
    ) -> Result<SplitIndices, DataError> {
        self.divided(fractions, group_by, seed).map_err(|error| match error {
            DataError::Split(problem) => folder_error(&self.root, problem),
            error => error,
        })
    }

    fn divided(
        &self,
        fractions: Fractions,
        group_by: Option<&str>,
        seed: u64,
    ) -> Result<SplitIndices, DataError> {
        let groups = group_by.map(|name| self.column(name)).transpose()?;
        if !self.has_splits() {
            return split_samples(&self.labels(), &self.class_names, groups, fractions, seed);
        }
        let mut indices = SplitIndices::default();
        for (index, sample) in self.samples.iter().enumerate() {
            indices.push(sample.split.unwrap_or(Split::Train), index);
        }
        check_given_splits(&indices, &self.labels(), &self.class_names, groups)?;
        Ok(indices)
    }

    /// The pictures `indices` as a data set of samples of `shape`.
    ///
    /// # Errors
    ///
    /// Those of [`ImageDataset::open`], and an index out of range.
    pub fn dataset(
        &self,
        indices: &[usize],
        shape: SampleShape,
        options: &LoadOptions,
    ) -> Result<ImageDataset, DataError> {
        let len = self.samples.len();
        let chosen = indices
            .iter()
            .map(|&index| self.samples.get(index).ok_or(DataError::Index { index, len }))
            .collect::<Result<Vec<_>, _>>()?;
        let paths = chosen.iter().map(|sample| sample.path.clone()).collect();
        let labels = chosen.iter().map(|sample| sample.class_idx).collect();
        ImageDataset::open(paths, labels, shape, options)
    }
}

fn folder_error(path: &Path, problem: String) -> DataError {
    DataError::Folder { path: path.to_owned(), problem }
}

/// A picture that two splits lead to, by links, would be trained on and tested on.
fn check_one_split_each(samples: &[Sample]) -> Result<(), DataError> {
    if samples.iter().all(|sample| sample.split == samples[0].split) {
        return Ok(());
    }
    let mut known: BTreeMap<PathBuf, &Sample> = BTreeMap::new();
    for sample in samples {
        let is = sample.path.canonicalize().unwrap_or_else(|_| sample.path.clone());
        let first = *known.entry(is).or_insert(sample);
        if first.split != sample.split {
            let problem = format!(
                "this is the same file as {}, which is in another split; remove one of them",
                first.path.display()
            );
            return Err(folder_error(&sample.path, problem));
        }
    }
    Ok(())
}

/// The sub-folders as splits, if all of them are called like one, and `train` is there or the first
/// has sub-folders itself.
fn split_folders(root: &Path) -> Result<Option<Vec<(Split, PathBuf)>>, DataError> {
    let (folders, _) = list(root)?;
    let splits: Option<Vec<_>> =
        folders.iter().map(|name| Some((Split::from_name(name)?, root.join(name)))).collect();
    let Some(splits) = splits else { return Ok(None) };
    let Some((_, first)) = splits.first() else { return Ok(None) };
    let has_train = splits.iter().any(|(split, _)| *split == Split::Train);
    Ok((has_train || !list(first)?.0.is_empty()).then_some(splits))
}

fn walk_splits(
    root: &Path,
    splits: &[(Split, PathBuf)],
    purpose: Purpose,
) -> Result<Found, DataError> {
    let found = splits
        .iter()
        .map(|(split, folder)| walk_classes(folder, Some(*split), purpose))
        .collect::<Result<Vec<_>, _>>()?;
    let mut class_names: Vec<String> =
        found.iter().flat_map(|found| found.class_names.iter().cloned()).collect();
    class_names.sort_unstable();
    class_names.dedup();
    let mut samples = Vec::new();
    for (found, (_, folder)) in found.into_iter().zip(splits) {
        if purpose == Purpose::Train && found.class_names != class_names {
            let (all, here) = (class_names.join(", "), found.class_names.join(", "));
            let problem = format!(
                "the classes of {} ({here}) are not those of all folders together ({all}); \
                 rename the class folders so that all agree",
                folder.display()
            );
            return Err(folder_error(root, problem));
        }
        samples.extend(found.samples.into_iter().map(|sample| {
            let name = &found.class_names[sample.class_idx];
            let class_idx = class_names.iter().position(|known| known == name).unwrap_or_default();
            Sample { class_idx, ..sample }
        }));
    }
    Ok(Found { class_names, samples, columns: BTreeMap::new() })
}

fn walk_classes(root: &Path, split: Option<Split>, purpose: Purpose) -> Result<Found, DataError> {
    let (class_names, files) = list(root)?;
    match class_names.as_slice() {
        [] if files.iter().any(|name| is_picture(name)) => {
            let problem = "the pictures lie in the folder itself; make one sub-folder per class, \
                           or write a manifest.csv";
            return Err(folder_error(root, problem.to_owned()));
        }
        [] => {
            let problem = "there are no sub-folders and no pictures; make one sub-folder per class, \
                           with pictures in it";
            return Err(folder_error(root, problem.to_owned()));
        }
        [only] if purpose == Purpose::Train => {
            let problem = format!(
                "there is only one class, `{only}`; at least two are needed, a sub-folder for each"
            );
            return Err(folder_error(root, problem));
        }
        _ => {}
    }
    let mut samples = Vec::new();
    for (class_idx, name) in class_names.iter().enumerate() {
        let folder = root.join(name);
        let paths = pictures_below(&folder)?;
        if paths.is_empty() && purpose == Purpose::Train {
            let problem = format!(
                "there are no pictures in this class folder ({}); add some, or remove the folder",
                IMAGE_EXTENSIONS.join(", ")
            );
            return Err(folder_error(&folder, problem));
        }
        samples.extend(paths.into_iter().map(|path| Sample { path, class_idx, split }));
    }
    Ok(Found { class_names, samples, columns: BTreeMap::new() })
}

/// Pictures in `folder` and below: by folder (as text), then by name.
///
/// # Errors
///
/// The first problem of [`find_pictures`].
pub fn pictures_below(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let (pictures, problems) = find_pictures(folder);
    problems.into_iter().next().map_or(Ok(pictures), Err)
}

/// As [`pictures_below`], and what could not be listed: folders that cannot be read, are nested too
/// deep or lead back to a parent, and pictures and folders whose name is not UTF-8.
pub fn find_pictures(folder: &Path) -> (Vec<PathBuf>, Vec<DataError>) {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    let mut open = vec![(String::new(), Vec::new())];
    while let Some((below, mut parents)) = open.pop() {
        let here = folder.join(&below);
        let is = here.canonicalize().unwrap_or_else(|_| here.clone());
        if parents.contains(&is) {
            let problem = "this link leads back to a parent folder; remove it".to_owned();
            problems.push(folder_error(&here, problem));
            continue;
        }
        if MAX_DEPTH < parents.len() {
            let problem = format!("more than {MAX_DEPTH} folders deep; move it up");
            problems.push(folder_error(&here, problem));
            continue;
        }
        parents.push(is);
        let (folders, files) = match list_what_can_be(&here, &mut problems) {
            Ok(names) => names,
            Err(error) => {
                problems.push(error);
                continue;
            }
        };
        for name in files.into_iter().filter(|name| is_picture(name)) {
            found.push((below.clone(), name));
        }
        for name in folders {
            let deeper = if below.is_empty() { name } else { format!("{below}/{name}") };
            open.push((deeper, parents.clone()));
        }
    }
    found.sort_unstable();
    (found.into_iter().map(|(below, name)| folder.join(below).join(name)).collect(), problems)
}

/// Names of the sub-folders and of the files of `folder`, sorted, without hidden ones.
fn list(folder: &Path) -> Result<(Vec<String>, Vec<String>), DataError> {
    let mut problems = Vec::new();
    let names = list_what_can_be(folder, &mut problems)?;
    problems.into_iter().next().map_or(Ok(names), Err)
}

/// As [`list`]; names that are not UTF-8 go to `problems` if they are those of pictures or folders.
fn list_what_can_be(
    folder: &Path,
    problems: &mut Vec<DataError>,
) -> Result<(Vec<String>, Vec<String>), DataError> {
    let io = |source| DataError::Io { path: folder.to_owned(), doing: "list the folder", source };
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        // `Path::is_dir` follows links, `DirEntry::file_type` would not.
        let is_dir = entry.path().is_dir();
        let name = match entry.file_name().into_string() {
            Ok(name) => name,
            Err(name) => {
                if is_dir || is_picture(&name.to_string_lossy()) {
                    let problem = format!("the name {name:?} is not valid UTF-8; rename it");
                    problems.push(folder_error(folder, problem));
                }
                continue;
            }
        };
        if name.starts_with('.') {
            continue;
        }
        if is_dir {
            folders.push(name);
        } else {
            files.push(name);
        }
    }
    folders.sort_unstable();
    files.sort_unstable();
    Ok((folders, files))
}

fn is_picture(name: &str) -> bool {
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|e| IMAGE_EXTENSIONS.iter().any(|known| e.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with the given (empty) files, and a manifest if one is given.
    fn folder(files: &[&str], manifest: Option<&str>) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            if let Some(folder) = file.strip_suffix('/') {
                fs::create_dir_all(root.path().join(folder)).unwrap();
                continue;
            }
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        if let Some(text) = manifest {
            fs::write(root.path().join(MANIFEST_FILE), text).unwrap();
        }
        root
    }

    #[track_caller]
    fn check_error(files: &[&str], manifest: Option<&str>, expected: &[&str]) {
        let root = folder(files, manifest);
        let error = ImageFolder::open(root.path()).unwrap_err().to_string();
        for part in expected {
            assert!(error.contains(part), "`{part}` is not in: {error}");
        }
    }

    fn names(found: &ImageFolder) -> Vec<String> {
        let name = |s: &Sample| s.path.strip_prefix(&found.root).unwrap().display().to_string();
        found.samples.iter().map(name).collect()
    }

    #[test]
    fn classes_and_pictures_are_sorted_and_others_are_passed_over() {
        let root = folder(
            &[
                "b/2.PNG",
                "b/10.png",
                "b/deep/1.JpG",
                "b/deep/er/1.tif",
                "b/deep-er/0.bmp",
                "a/x.webp",
                "a/notes.txt",
                "a/png",
                "a/._x.png",
                ".git/x.png",
                "readme.png",
            ],
            None,
        );
        let found = ImageFolder::open(root.path()).unwrap();
        assert_eq!(found.class_names, ["a", "b"]);
        assert_eq!(
            names(&found),
            [
                "a/x.webp",
                "b/10.png",
                "b/2.PNG",
                "b/deep/1.JpG",
                "b/deep-er/0.bmp",
                "b/deep/er/1.tif"
            ]
        );
        assert_eq!(found.labels(), [0, 1, 1, 1, 1, 1]);
        assert_eq!(found.class_counts(), [1, 5]);
        assert!(!found.has_splits());
    }

    #[test]
    fn folders_without_classes_are_errors() {
        check_error(&[], None, &["no sub-folders and no pictures"]);
        check_error(&["x.png"], None, &["the pictures lie in the folder itself"]);
        check_error(&["a/x.png"], None, &["only one class, `a`"]);
        check_error(&["a/x.png", "b/"], None, &["/b: there are no pictures in this class folder"]);
        check_error(&["a/x.png", "b/x.txt"], None, &["/b: there are no pictures"]);
        let root = folder(&["a/x.png"], None);
        let error = ImageFolder::open(root.path().join("nowhere")).unwrap_err().to_string();
        assert!(error.contains("nowhere: does not exist"), "{error}");
        let error = ImageFolder::open(root.path().join("a/x.png")).unwrap_err().to_string();
        assert!(error.contains("is not a folder"), "{error}");
    }

    #[test]
    fn split_folders_hold_classes() {
        let root = folder(
            &[
                "train/a/1.png",
                "train/b/1.png",
                "test/a/2.png",
                "test/b/2.png",
                "validation/a/3.png",
                "validation/b/3.png",
            ],
            None,
        );
        let found = ImageFolder::open(root.path()).unwrap();
        assert_eq!(found.class_names, ["a", "b"]);
        let split = found.split(Fractions::default(), None, 0).unwrap();
        assert_eq!((split.train.len(), split.val.len(), split.test.len()), (2, 2, 2));
        check_error(
            &["train/a/1.png", "train/b/1.png", "test/a/1.png", "test/c/1.png"],
            None,
            &["(a, c)", "(a, b, c)"],
        );
    }

    #[test]
    fn a_manifest_is_read_by_column_name() {
        let root = folder(
            &["p/1.png", "p/2.png", "p/3.png", "ignored/x.png"],
            Some(
                "patient,split,class,file\nA,train,sick,p/1.png\nB,train,healthy,p/2.png\nA,validation, sick ,p/3.png\n",
            ),
        );
        let found = ImageFolder::open(root.path()).unwrap();
        assert_eq!(found.class_names, ["healthy", "sick"]);
        assert_eq!(found.labels(), [1, 0, 1]);
        assert_eq!(found.samples[2].split, Some(Split::Val));
        assert_eq!(found.column("patient").unwrap(), ["A", "B", "A"]);
        let error = found.column("age").unwrap_err().to_string();
        assert!(error.contains("no column `age`, only `patient`"), "{error}");
        let split = found.split(Fractions::default(), None, 0).unwrap();
        assert_eq!((split.train, split.val, split.test), (vec![0, 1], vec![2], vec![]));
        let error = found.split(Fractions::default(), Some("patient"), 0).unwrap_err().to_string();
        assert!(error.contains("`A`"), "{error}");
    }

    #[test]
    fn a_manifest_without_splits_is_divided_by_groups() {
        let files: Vec<String> = (0..40).map(|i| format!("{i:02}.png")).collect();
        let rows: Vec<String> =
            (0..40).map(|i| format!("{i:02}.png,c{},{}", i % 2, i / 4)).collect();
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let root =
            folder(&files, Some(&format!("\u{feff}file,class,patient\n{}\n", rows.join("\n"))));
        let found = ImageFolder::open(root.path()).unwrap();
        let split = found.split(Fractions::default(), Some("patient"), 3).unwrap();
        for part in Split::ALL {
            let mut patients: Vec<usize> = split.get(part).iter().map(|i| i / 4).collect();
            patients.dedup();
            assert_eq!(patients.len() * 4, split.get(part).len());
        }
    }

    #[test]
    fn manifests_that_break_a_rule_name_the_line() {
        let files = &["1.png", "2.png"];
        let check = |text: &str, expected: &[&str]| check_error(files, Some(text), expected);
        check("", &["line 1", "no column `file`"]);
        check("file,label\n", &["line 1", "no column `class`", "`file`, `label`"]);
        check("file,class\n", &["no lines after the first"]);
        check(
            "file,class\n1.png,a\n3.png,b\n",
            &["manifest.csv, line 3", "`3.png` does not exist"],
        );
        check("file,class\n1.png,a\n../x/1.png,b\n", &["line 3", "leaves the folder"]);
        check("file,class\n/etc/hosts,a\n", &["line 2", "leaves the folder"]);
        check("file,class\n,a\n", &["line 2", "file name is empty"]);
        check("file,class\n1.png,\n", &["line 2", "has no class"]);
        check("file,class\n1.png,a\n1.png,b\n", &["line 3", "already on line 2"]);
        check(
            "file,class\n1.png,a\n./1.png,b\n",
            &["line 3", "the same file as `1.png` on line 2"],
        );
        check("file,class\n.//1.png,a\n1.png,b\n", &["line 3", "the same file"]);
        check("file,class\n1.png,a\n2.png,a\n", &["all pictures are of class `a`"]);
        check("file,class,split\n1.png,a,dev\n", &["line 2", "unknown split `dev`", "validation"]);
        check("file,class,split\n1.png,a,train\n2.png,b,\n", &["line 3", "give all of them one"]);
        check("file,class\n1.png,a\n2.png\n", &["line 3", "comma-separated"]);
    }

    #[test]
    fn a_given_split_must_be_able_to_train() {
        let root = folder(
            &["1.png", "2.png", "3.png"],
            Some("file,class,split\n1.png,a,train\n2.png,b,test\n3.png,a,val\n"),
        );
        let found = ImageFolder::open(root.path()).unwrap();
        let error = found.split(Fractions::default(), None, 0).unwrap_err().to_string();
        assert!(error.contains("no sample of class `b`"), "{error}");
    }

    #[test]
    fn what_only_training_needs_is_not_asked_of_pictures_to_evaluate() {
        let evaluated = |files: &[&str], manifest: Option<&str>| {
            let root = folder(files, manifest);
            ImageFolder::open(root.path())
                .map(|_| ())
                .and_then(|()| {
                    let found = ImageFolder::open(root.path())?;
                    found.split(Fractions::default(), None, 0).map(drop)
                })
                .unwrap_err();
            ImageFolder::open_to_evaluate(root.path()).unwrap()
        };
        let two = ["1.png", "2.png"];
        let found = evaluated(&two, Some("file,class,split\n1.png,a,test\n2.png,b,test\n"));
        assert_eq!(found.given(Split::Test), [0, 1]);
        assert!(found.given(Split::Train).is_empty());
        let found = evaluated(&two, Some("file,class,label\n1.png,b,1\n2.png,b,1\n"));
        assert_eq!((found.class_names.join(","), found.labels()), ("b".to_owned(), vec![0, 0]));
        let found = evaluated(&["b/1.png"], None);
        assert_eq!((found.class_names.join(","), found.labels()), ("b".to_owned(), vec![0]));
        let found = evaluated(&["test/a/1.png", "test/b/1.png"], None);
        assert_eq!(
            (found.class_names.join(","), found.given(Split::Test)),
            ("a,b".into(), vec![0, 1])
        );
        let files = ["train/a/1.png", "train/b/1.png", "test/b/2.png", "val/c/"];
        let found = evaluated(&files, None);
        assert_eq!((found.class_names.join(","), found.labels()), ("a,b,c".into(), vec![1, 0, 1]));
        let root = folder(&["a/", "b/"], None);
        let error = ImageFolder::open_to_evaluate(root.path()).unwrap_err().to_string();
        assert!(error.contains("no pictures in the class folders"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn links_do_not_bring_a_picture_into_two_splits() {
        use std::os::unix::fs::symlink;
        let files = ["train/a/1.png", "train/b/1.png", "test/a/2.png", "test/b/2.png"];
        let root = folder(&files, None);
        symlink(root.path().join("train/a/1.png"), root.path().join("test/a/3.png")).unwrap();
        let error = ImageFolder::open(root.path()).unwrap_err().to_string();
        assert!(error.contains("3.png") && error.contains("another split"), "{error}");
        let manifest = "file,class,split\ntrain/a/1.png,a,train\ntest/a/3.png,b,test\n";
        fs::write(root.path().join(MANIFEST_FILE), manifest).unwrap();
        let error = ImageFolder::open(root.path()).unwrap_err().to_string();
        assert!(error.contains("line 3: `test/a/3.png` is the same file"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn what_cannot_be_listed_is_told_beside_the_pictures() {
        use std::os::unix::{ffi::OsStrExt, fs::symlink};
        let root = folder(&["a.png", "deep/b.png"], None);
        symlink(root.path(), root.path().join("deep/loop")).unwrap();
        let odd = std::ffi::OsStr::from_bytes(b"odd\xff.png");
        // Some file systems refuse such names.
        let is_odd = fs::write(root.path().join(odd), "").is_ok();
        let (pictures, problems) = find_pictures(root.path());
        assert_eq!(pictures, [root.path().join("a.png"), root.path().join("deep/b.png")]);
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 1 + usize::from(is_odd), "{told:?}");
        assert!(told.iter().any(|problem| problem.contains("deep/loop")), "{told:?}");
        assert!(!is_odd || told.iter().any(|problem| problem.contains("not valid UTF-8")));
        pictures_below(root.path()).unwrap_err();
    }

    #[test]
    fn labels_of_a_manifest_number_the_classes() {
        let files = ["a/1.png", "b/1.png"];
        let manifest = "file,class,label\na/1.png,effusion,1\nb/1.png,normal,0\n";
        let found = ImageFolder::open(folder(&files, Some(manifest)).path()).unwrap();
        assert_eq!(found.class_names, ["normal", "effusion"]);
        assert_eq!(found.labels(), [1, 0]);
        let error = |labels: [&str; 2], expected: &str| {
            let [a, b] = labels;
            let manifest = format!("file,class,label\na/1.png,x,{a}\nb/1.png,y,{b}\n");
            check_error(&files, Some(&manifest), &[expected]);
        };
        error(["1", "1"], "line 3: label 1 stands for `x` above, here for `y`");
        error(["1", "2"], "line 3: label `2`: the 2 classes need whole numbers from 0 to 1");
        error(["-", "1"], "line 2: label `-`");
    }
}
