use std::fmt::Write;

use cornu::data::Dataset;
use cornu::model::{Batches, Model};
use cornu::plot::chart::{MAX_CLASSES, StackedBars, bars, escaped};

use crate::error::CliError;
use crate::report::augmented::{augmented, last_random_layer};
use crate::report::duplicates::Duplicates;
use crate::report::html::{Row, Section, Shown, Table, charts_beside};
use crate::report::material::{Material, Part};
use crate::report::pictures;

/// Sample pictures, of all classes together.
const SAMPLES: usize = 16;
/// Sample pictures of a class.
const OF_CLASS: usize = 8;
/// Classes that samples are shown of.
const CLASSES_SHOWN: usize = 12;
/// Changed copies of a picture.
const COPIES: usize = 4;
/// Pairs of look-alikes that are shown.
const PAIRS: usize = 8;

/// What the model learnt from and is judged by.
pub(in crate::report) fn data(
    material: &Material<'_>,
    model: &Model,
    duplicates: Option<&Duplicates>,
) -> Result<Section, CliError> {
    let mut body = counts(material);
    body += &samples(material)?;
    body += &changed(material, model)?;
    if let Some(duplicates) = duplicates {
        body += &look_alikes(material, duplicates)?;
    }
    Ok(Section { id: "data", title: "Data", body })
}

fn counts(material: &Material<'_>) -> String {
    let names = material.class_names;
    let of_parts: Vec<Vec<usize>> =
        material.parts.iter().map(|part| part.class_counts(names.len())).collect();
    let mut head = vec!["Class"];
    head.extend(material.parts.iter().map(|part| part.name));
    head.push("all");
    let row = |name: &str, counts: Vec<usize>| {
        let mut cells = vec![escaped(name)];
        let all = counts.iter().sum();
        cells.extend(counts.into_iter().chain([all]).map(|n: usize| n.to_string()));
        cells
    };
    let mut rows: Vec<Row> = (0..names.len())
        .map(|class| Row::new(row(&names[class], of_parts.iter().map(|c| c[class]).collect())))
        .collect();
    let sums = of_parts.iter().map(|counts| counts.iter().sum()).collect();
    rows.push(Row { class: "sum", cells: row("all", sums) });
    let caption = "Pictures by class and part";
    let table = Table { caption, head: &head, class: "", rows }.html();
    if MAX_CLASSES < names.len() {
        return table;
    }
    let of_class = |class: usize| of_parts.iter().map(|counts| counts[class]).collect();
    let bars = bars(&StackedBars {
        title: caption.to_owned(),
        parts: material.parts.iter().map(|part| part.name.to_owned()).collect(),
        bars: (0..names.len()).map(|class| (names[class].clone(), of_class(class))).collect(),
    });
    charts_beside(&[(bars, how_divided(material).to_owned())], &table)
}

fn how_divided(material: &Material<'_>) -> &'static str {
    match material.training.as_ref().map(|training| training.config.split.given) {
        Some(true) => "The data set says which picture is in which part.",
        Some(false) => "The parts were drawn by the seed, each class alike.",
        None => "",
    }
}

/// Pictures of each class, spread evenly over its samples.
fn samples(material: &Material<'_>) -> Result<String, CliError> {
    let Some(part) = material.parts.first() else { return Ok(String::new()) };
    let n_classes = material.class_names.len();
    let each = (SAMPLES / n_classes.max(1)).clamp(1, OF_CLASS);
    let mut html = format!("<h3>Sample pictures ({})</h3>\n<ul class=\"pictures\">\n", part.name);
    for (class, name) in material.class_names.iter().enumerate().take(CLASSES_SHOWN) {
        let indices = spread(&of_class(part, class), each);
        for (index, pixels) in indices.iter().zip(of(part, &indices)?) {
            let alt = format!("Sample picture of class {name}: {}", part.names[*index]);
            let shown = pictures::shown(&pixels, material.shape, pictures::SIDE, alt)?;
            html += &item(&shown, &format!("<b>{}</b>", escaped(name)));
        }
    }
    html.push_str("</ul>\n");
    if CLASSES_SHOWN < n_classes {
        let _ = writeln!(html, "<p class=\"soft\">Of {CLASSES_SHOWN} of {n_classes} classes.</p>");
    }
    Ok(html)
}

/// A few training pictures as training changes them.
fn changed(material: &Material<'_>, model: &Model) -> Result<String, CliError> {
    let (Some(training), Some(part)) = (&material.training, material.part("training")) else {
        return Ok(String::new());
    };
    let Some(layer) = last_random_layer(model) else {
        let note =
            "<p class=\"soft\">Training does not change the pictures (no augmentation).</p>\n";
        return Ok(format!("<h3>Augmentation</h3>\n{note}"));
    };
    let mut originals = Vec::new();
    for class in 0..material.class_names.len().min(2) {
        originals.extend(of_class(part, class).first());
    }
    let mut batch = Vec::new();
    for pixels in of(part, &originals)? {
        for _ in 0..COPIES {
            batch.extend_from_slice(&pixels);
        }
    }
    let n = originals.len() * COPIES;
    let seed = training.config.recipe.seed;
    let copies = augmented(model, &layer, &batch, n, seed, material.machine)?;
    let size = batch.len() / n.max(1);
    if copies.len() != batch.len() || size == 0 {
        return Ok(String::new());
    }
    let mut html = "<h3>The same pictures as training sees them</h3>\n<p class=\"soft\">Each time a \
                    picture is used it is changed at random, so that the network learns what stays.</p>\n\
                    <ul class=\"pictures\">\n"
        .to_owned();
    for (i, pixels) in copies.chunks_exact(size).enumerate() {
        let name = &material.class_names[part.samples.labels()[originals[i / COPIES]]];
        let alt = format!("Picture of class {name}, changed at random, copy {}", i % COPIES + 1);
        let shown = pictures::shown(pixels, material.shape, pictures::SIDE, alt)?;
        html += &item(&shown, &format!("{}, changed", escaped(name)));
    }
    html.push_str("</ul>\n");
    Ok(html)
}

fn look_alikes(material: &Material<'_>, duplicates: &Duplicates) -> Result<String, CliError> {
    let partial = if duplicates.is_partial { " (the first 5,000 of each part)" } else { "" };
    let mut html = "<h3>Look-alikes across the parts</h3>\n".to_owned();
    if duplicates.pairs.is_empty() {
        let _ = writeln!(
            html,
            "<p class=\"soft\">A perceptual hash compared the pictures{partial} of different parts: no \
             two look nearly the same.</p>"
        );
        return Ok(html);
    }
    let _ = writeln!(
        html,
        "<p class=\"soft\">A perceptual hash compared the pictures{partial}. {} of different parts \
         look nearly the same{}. A person should look at them: copies and pictures of one person \
         belong into one part.</p>\n<ul class=\"pictures pairs\">",
        crate::output::counted(duplicates.pairs.len(), "pair"),
        if PAIRS < duplicates.pairs.len() { "; the nearest are shown" } else { "" }
    );
    for pair in duplicates.pairs.iter().take(PAIRS) {
        let mut sides = String::new();
        let mut names = Vec::new();
        for (part_name, index) in [pair.a, pair.b] {
            let Some(part) = material.part(part_name) else { continue };
            let name = &part.names[index];
            for pixels in of(part, &[index])? {
                let alt = format!("{part_name} picture {name}, one of a pair of look-alikes");
                sides += &pictures::shown(&pixels, material.shape, pictures::SIDE, alt)?.html();
            }
            names.push(format!("{} ({part_name})", escaped(name)));
        }
        let _ = writeln!(
            html,
            "<li><figure><div class=\"beside\">{sides}</div><figcaption>{}; {} of 512 bits differ\
             </figcaption></figure></li>",
            names.join(" and "),
            pair.distance
        );
    }
    html.push_str("</ul>\n");
    Ok(html)
}

fn item(shown: &Shown, caption: &str) -> String {
    format!("<li><figure>{}<figcaption>{caption}</figcaption></figure></li>\n", shown.html())
}

fn of_class(part: &Part<'_>, class: usize) -> Vec<usize> {
    (0..part.samples.len()).filter(|&i| part.samples.labels()[i] == class).collect()
}

/// `n` of `indices`, evenly.
fn spread(indices: &[usize], n: usize) -> Vec<usize> {
    let n = n.min(indices.len());
    (0..n).map(|i| indices[i * indices.len() / n]).collect()
}

fn of(part: &Part<'_>, indices: &[usize]) -> Result<Vec<Vec<f32>>, CliError> {
    let dataset: &dyn Dataset = part.samples.dataset().as_ref();
    Ok(pictures::pixels(dataset, indices)?)
}
