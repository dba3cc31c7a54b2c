use std::fmt::Write;

use cornu::model::{Model, Structure};
use cornu::plot::chart::escaped;
use cornu::plot::drawing::Theme;
use cornu::plot::{DiagramOptions, diagram, thousands};

use crate::error::CliError;
use crate::report::html::{Row, Section, Table};

/// Columns into which a long network is broken.
const COLUMNS: usize = 3;
const NAMESPACE: &str = " xmlns=\"http://www.w3.org/2000/svg\"";

/// What the network is made of.
pub(in crate::report) fn network(model: &Model) -> Result<Section, CliError> {
    let structure = model.structure()?;
    let total = model.count_params();
    let mut body = String::new();
    let trainable: usize = model
        .weight_infos()
        .iter()
        .filter(|weight| weight.trainable)
        .map(|weight| weight.len())
        .sum();
    let frozen = match total - trainable {
        0 => "all of them trained".to_owned(),
        frozen => format!("{} of them trained, {} not", thousands(trainable), thousands(frozen)),
    };
    let _ = writeln!(
        body,
        "<p>{} layers with {} parameters ({:.1} KiB), {frozen}. A picture enters at the top; the last \
         layer answers.</p>",
        structure.calls.len(),
        thousands(total),
        total as f64 * 4.0 / 1024.0
    );
    let diagram = diagram(model)?;
    let options =
        DiagramOptions { columns: COLUMNS, expand_nested: true, ..DiagramOptions::default() };
    // Inside of HTML a drawing needs no name space.
    let drawing = diagram.draw(&options);
    let svg = drawing.to_svg(Theme::Auto).replace(NAMESPACE, "");
    let _ = writeln!(
        body,
        "<div class=\"scroll diagram\" role=\"region\" tabindex=\"0\" aria-label=\"Network diagram\" \
         style=\"--full:{}px\">\n{svg}</div>",
        drawing.width.ceil()
    );
    let mut rows = Vec::new();
    add_rows(&structure, 0, &mut rows);
    let sum = vec!["all".to_owned(), String::new(), thousands(total)];
    rows.push(Row { class: "sum", cells: sum });
    let head = ["Layer", "Output shape", "Parameters"];
    body +=
        &Table { caption: "Layers in the order of computation", head: &head, class: "dense", rows }
            .html();
    Ok(Section { id: "network", title: "Network", body })
}

/// A row for each layer; those of a network inside of the network follow it, moved to the right.
fn add_rows(structure: &Structure, depth: usize, rows: &mut Vec<Row>) {
    for call in &structure.calls {
        let shapes: Vec<String> =
            call.output_shapes.iter().map(|shape| escaped(&shape.to_string())).collect();
        let (indent, name) = ("\u{2003}".repeat(depth), escaped(&call.name));
        rows.push(Row::new(vec![
            format!("{indent}{name} <small>{}</small>", escaped(call.class_name)),
            shapes.join(", "),
            thousands(call.params),
        ]));
        if let Some(inner) = &call.inner {
            add_rows(inner, depth + 1, rows);
        }
    }
}
