use crate::folder::{Found, MANIFEST_FILE, Purpose, Sample};
use crate::{DataError, Split};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Reads `root/manifest.csv`.
///
/// The first line names the columns, in any order: `file` (relative to `root`, in it) and `class`
/// must be there, `split` and `label` may be; further columns are kept. Classes are the distinct
/// values of `class`: in the order of their `label`, whole numbers from 0, if there is that column,
/// else sorted.
pub(crate) fn read_manifest(root: &Path, purpose: Purpose) -> Result<Found, DataError> {
    let path = root.join(MANIFEST_FILE);
    let at = |line: u64, problem: String| DataError::Manifest { path: path.clone(), line, problem };
    let csv_error = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        at(line, format!("not readable as comma-separated values: {error}"))
    };

    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(&path).map_err(csv_error)?;
    let header: Vec<String> =
        reader.headers().map_err(csv_error)?.iter().map(str::to_owned).collect();
    let column = |name: &str| header.iter().position(|column| column == name);
    let needed = |name: &str| {
        column(name).ok_or_else(|| {
            let got = header.join("`, `");
            at(1, format!("there is no column `{name}`, only `{got}`; the first line must name it"))
        })
    };
    let (file_column, class_column) = (needed("file")?, needed("class")?);
    let split_column = column("split");

    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    let mut columns: BTreeMap<String, Vec<String>> =
        header.iter().map(|name| (name.clone(), Vec::new())).collect();
    let mut line_of: BTreeMap<PathBuf, (String, u64)> = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(csv_error)?;
        let line = record.position().map_or(0, csv::Position::line);
        let (file, class) = (&record[file_column], &record[class_column]);

        check_file(root, file).map_err(|problem| at(line, problem))?;
        // Without `.` and doubled slashes; links are followed. Else a picture could be trained on
        // under one name and tested on under another.
        let picture = root.join(Path::new(file).components().collect::<PathBuf>());
        let is = picture.canonicalize().unwrap_or_else(|_| picture.clone());
        if let Some((name, first)) = line_of.insert(is, (file.to_owned(), line)) {
            let problem = if name == file {
                format!("`{file}` is already on line {first}; remove one of them")
            } else {
                format!("`{file}` is the same file as `{name}` on line {first}; remove one of them")
            };
            return Err(at(line, problem));
        }
        if class.is_empty() {
            return Err(at(line, format!("`{file}` has no class; write one, or remove the line")));
        }
        let split = match split_column.map(|column| &record[column]) {
            None | Some("") => None,
            Some(name) => Some(Split::from_name(name).ok_or_else(|| {
                at(line, format!("unknown split `{name}`; use train, val (or validation) or test"))
            })?),
        };
        if let Some((_, _, first)) = rows.first()
            && Option::is_some(first) != split.is_some()
        {
            let problem =
                "some lines have a split and some have none; give all of them one, or none";
            return Err(at(line, problem.to_owned()));
        }
        for (name, value) in header.iter().zip(&record) {
            if let Some(values) = columns.get_mut(name) {
                values.push(value.to_owned());
            }
        }
        rows.push((picture, class.to_owned(), split));
        lines.push(line);
    }
    if rows.is_empty() {
        return Err(at(1, "there are no lines after the first; write one for each picture".into()));
    }

    let mut class_names: Vec<String> = rows.iter().map(|(_, class, _)| class.clone()).collect();
    class_names.sort_unstable();
    class_names.dedup();
    if let [only] = class_names.as_slice()
        && purpose == Purpose::Train
    {
        let problem =
            format!("all pictures are of class `{only}`; at least two classes are needed");
        return Err(at(1, problem));
    }
    // A model that knows its classes has numbered them already.
    if let Some(labels) = columns.get("label")
        && purpose == Purpose::Train
    {
        let classes = rows.iter().map(|(_, class, _)| class.as_str());
        class_names = by_label(&class_names, classes, labels)
            .map_err(|(row, problem)| at(lines[row], problem))?;
    }
    let index = |class: &String| class_names.iter().position(|name| name == class);
    let samples = rows
        .into_iter()
        .map(|(path, class, split)| Sample {
            path,
            class_idx: index(&class).unwrap_or_default(),
            split,
        })
        .collect();
    for known in ["file", "class", "split"] {
        columns.remove(known);
    }
    Ok(Found { class_names, samples, columns })
}

/// The classes in the order of their labels; else the row that is wrong, and how.
fn by_label<'a>(
    class_names: &[String],
    classes: impl Iterator<Item = &'a str>,
    labels: &[String],
) -> Result<Vec<String>, (usize, String)> {
    let n = class_names.len();
    let mut of_label: Vec<Option<&str>> = vec![None; n];
    for (row, (class, text)) in classes.zip(labels).enumerate() {
        let label = text.parse().ok().filter(|&label: &usize| label < n).ok_or_else(|| {
            (row, format!("label `{text}`: the {n} classes need whole numbers from 0 to {}", n - 1))
        })?;
        let known = of_label[label].get_or_insert(class);
        if *known != class {
            let problem = format!("label {label} stands for `{known}` above, here for `{class}`");
            return Err((row, problem));
        }
    }
    // Each label has at most one class and each class at least one label: with all labels taken,
    // they go together.
    let names: Option<Vec<String>> = of_label.iter().map(|name| name.map(str::to_owned)).collect();
    names.ok_or_else(|| {
        let missing = of_label.iter().position(Option::is_none).unwrap_or_default();
        (0, format!("no class has label {missing}; number the {n} classes from 0, one label each"))
    })
}

/// A manifest may come from anywhere: it must not make us read outside of its folder.
fn check_file(root: &Path, file: &str) -> Result<(), String> {
    if file.is_empty() {
        return Err("the file name is empty; write one, or remove the line".to_owned());
    }
    let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !Path::new(file).components().all(inside) {
        return Err(format!(
            "`{file}` leaves the folder; write paths relative to it, without `..`"
        ));
    }
    if !root.join(file).is_file() {
        return Err(format!("`{file}` does not exist; add the picture, or remove the line"));
    }
    Ok(())
}
