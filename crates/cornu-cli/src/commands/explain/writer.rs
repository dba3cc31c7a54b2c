//! What is written and said of maps.

use std::path::{Path, PathBuf};

use cornu::data::write_npy;
use cornu::explain::Map;
use cornu::formats::safe_write::write_file_safely;
use cornu::plot::drawing::{Drawing, Theme};
use cornu::plot::{Explained, comparison, explanation, map_in_words};
use serde_json::{Value, json};

use super::subjects::Subject;
use crate::error::CliError;
use crate::output;

pub(super) struct Writer<'a> {
    /// Where files go.
    pub(super) folder: &'a Path,
    /// Pixels for each unit of a drawing.
    pub(super) scale: f64,
    /// Whether JSON is printed.
    pub(super) json: bool,
    /// Names of the classes, if they are known.
    pub(super) classes: Vec<String>,
    /// What was written.
    pub(super) listed: Vec<Value>,
}

impl Writer<'_> {
    fn class_name(&self, class: usize) -> String {
        self.classes.get(class).cloned().unwrap_or_else(|| class.to_string())
    }

    fn write(&self, name: &str, drawing: &Drawing) -> Result<PathBuf, CliError> {
        let path = self.folder.join(name);
        write_file_safely(&path, &drawing.to_png(Theme::Light, self.scale)?)?;
        Ok(path)
    }

    /// Writes a picture of many, and lists it.
    pub(super) fn write_sheet(&mut self, name: &str, drawing: &Drawing) -> Result<(), CliError> {
        let png = self.write(name, drawing)?.display().to_string();
        self.listed.push(json!({ "png": png, "description": drawing.description }));
        Ok(())
    }

    /// Writes a map as PNG and `.npy`.
    pub(super) fn write_map(&mut self, subject: &Subject, map: &Map) -> Result<(), CliError> {
        let class = self.class_name(map.class);
        let output = match map.outputs[..] {
            [p] if map.class == 0 => 1.0 - p,
            [p] => p,
            _ => map.outputs.get(map.class).copied().unwrap_or(f32::NAN),
        };
        let file = subject.path.display().to_string();
        let stem = format!("{}-{}", subject.name, map.method);
        let mut drawing = explanation(&subject.name, &subject.raster, map, &class)?;
        drawing.description = map_in_words(map, &file, &class);
        let png = self.write(&format!("{stem}.png"), &drawing)?;
        let npy = self.folder.join(format!("{stem}.npy"));
        write_npy(&npy, &map.values)?;
        let (row, column) = map.peak();
        let value = json!({
            "file": file,
            "method": map.method,
            "class": class,
            "class_index": map.class,
            "output": output,
            "score": map.score,
            "layer": map.layer,
            "peak": [row, column],
            "completeness": map.completeness.map(|c| json!({
                "sum": c.sum, "difference": c.difference, "gap": c.gap(), "steps": c.steps,
            })),
            "png": png.display().to_string(),
            "npy": npy.display().to_string(),
            "description": drawing.description,
        });
        if self.json {
            output::json(&value)?;
        } else {
            let png = png.display();
            output::result(format!("{file}\t{}\t{class}\t{output:.3}\t{png}", map.method))?;
        }
        self.listed.push(value);
        Ok(())
    }

    /// Writes the contact sheet number `i` of the maps of some pictures.
    pub(super) fn write_comparison(
        &mut self,
        i: usize,
        subjects: &[Subject],
        maps: &[Vec<Map>],
    ) -> Result<(), CliError> {
        let explained: Vec<Explained<'_>> = subjects
            .iter()
            .zip(maps)
            .map(|(subject, maps)| Explained {
                name: &subject.name,
                picture: &subject.raster,
                maps,
            })
            .collect();
        let drawing = comparison(&explained, |map| self.class_name(map.class))?;
        let name = match i {
            0 => "contact-sheet.png".to_owned(),
            _ => format!("contact-sheet-{}.png", i + 1),
        };
        self.write_sheet(&name, &drawing)
    }

    /// Writes the list of what was written.
    pub(super) fn finish(self) -> Result<(), CliError> {
        write_json(&self.folder.join("explain.json"), &self.listed)
    }
}

pub(super) fn write_json(path: &Path, values: &[Value]) -> Result<(), CliError> {
    let text = serde_json::to_vec_pretty(values)
        .map_err(|error| CliError::message(format!("{}: {error}", path.display())))?;
    Ok(write_file_safely(path, &text)?)
}
