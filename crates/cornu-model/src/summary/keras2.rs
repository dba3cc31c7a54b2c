//! The layout of Keras 2, as TensorFlow 2.8 to 2.12 printed it.
//!
//! Source: Keras 2.11, `keras/utils/layer_utils.py`.

use cornu_nn::SymbolicShape;

use super::rows::{is_sequential_like, params};
use super::{Counts, SummaryOptions, check_length, thousands};
use crate::ModelError;
use crate::network::{LayerEntry, Network};
use crate::symbolic::LayerKind;

/// Where a row goes on to the next line: behind these.
const BREAKS: &[&str] = &["),", "},", "],", "',"];

/// The table as it grows.
struct Table<'a> {
    lines: Vec<String>,
    /// Where each column ends.
    ends: Vec<usize>,
    length: usize,
    branched: bool,
    options: &'a SummaryOptions,
}

/// The whole text.
pub(super) fn summary(
    name: &str,
    network: &Network,
    counts: &Counts,
    options: &SummaryOptions,
) -> Result<String, ModelError> {
    let branched = !is_sequential_like(network);
    let (length, stops): (usize, &[f64]) =
        if branched { (98, &[0.33, 0.55, 0.67, 1.0]) } else { (65, &[0.45, 0.85, 1.0]) };
    let mut length = options.line_length.unwrap_or(length);
    check_length(length)?;
    let mut ends: Vec<usize> = stops.iter().map(|stop| (length as f64 * stop) as usize).collect();
    let mut titles = vec!["Layer (type)", "Output Shape", "Param #"];
    if branched {
        titles.push("Connected to");
    }
    if options.show_trainable {
        length += 11;
        ends.push(length);
        titles.push("Trainable");
    }
    if ends.windows(2).any(|pair| pair[1] - pair[0] < 4) || ends[0] < 12 {
        return Err(ModelError::Summary(format!(
            "a line of {length} characters is too short for the table; give a longer `line_length`"
        )));
    }
    let mut table = Table { lines: Vec::new(), ends, length, branched, options };
    table.lines.push(format!("Model: \"{name}\""));
    table.rule('_');
    let titles: Vec<String> = titles.into_iter().map(str::to_owned).collect();
    table.row(&titles, 0);
    table.rule('=');
    let listed: Vec<(usize, &LayerEntry)> = network.listed_operations().collect();
    for (index, layer) in listed {
        table.layer(network, index, layer, network.trainable, 0, false)?;
    }
    table.rule('=');
    let total = counts.trainable.0 + counts.non_trainable.0;
    for (title, n) in [
        ("Total params", total),
        ("Trainable params", counts.trainable.0),
        ("Non-trainable params", counts.non_trainable.0),
    ] {
        table.lines.push(format!("{title}: {}", thousands(n)));
    }
    table.rule('_');
    table.lines.push(String::new());
    Ok(table.lines.join("\n"))
}

impl Table<'_> {
    fn rule(&mut self, c: char) {
        self.lines.push(c.to_string().repeat(self.length));
    }

    /// A layer, below it those of a model in the model, and an empty line.
    fn layer(
        &mut self,
        network: &Network,
        index: usize,
        layer: &LayerEntry,
        trainable: bool,
        level: usize,
        is_last: bool,
    ) -> Result<(), ModelError> {
        let trainable = trainable && layer.trainable;
        let (n_params, _) = params(network, index, layer)?;
        let class_name = match layer.kind {
            // Keras 2 had one class for every function of TensorFlow.
            LayerKind::Operation(_) => "TFOpLambda",
            _ => layer.kind.class_name(),
        };
        let mut fields = vec![
            format!("{} ({class_name})", layer.name),
            output_shape(network, index),
            n_params.to_string(),
        ];
        if self.branched {
            // As in Keras: only calls of the outermost network are told.
            fields.push(if level == 0 { connections(network, index) } else { "[]".to_owned() });
        }
        if self.options.show_trainable {
            fields.push(if trainable { "Y" } else { "N" }.to_owned());
        }
        self.row(&fields, level);
        let bars = |level: usize| "|".repeat(level);
        if let LayerKind::Network { network: nested, .. } = &layer.kind
            && self.options.expand_nested
        {
            let line = |level: usize, length: usize| {
                format!("{0}{1}{0}", bars(level), "¯".repeat(length.saturating_sub(2 * level)))
            };
            self.lines.push(line(level + 1, self.length));
            let inner: Vec<(usize, &LayerEntry)> = nested.listed_operations().collect();
            for (position, (index, layer)) in inner.iter().enumerate() {
                let is_last = position + 1 == inner.len();
                self.layer(nested, *index, layer, trainable, level + 1, is_last)?;
            }
            self.lines.push(line(level, self.length));
            // As in Keras: no empty line after the layers of a model.
            return Ok(());
        }
        if !is_last {
            let inside = " ".repeat(self.length.saturating_sub(2 * level));
            self.lines.push(format!("{0}{inside}{0}", bars(level)));
        }
        Ok(())
    }

    /// A row, on as many lines as its longest field needs.
    fn row(&mut self, fields: &[String], level: usize) {
        let mut left: Vec<Vec<char>> = fields.iter().map(|text| text.chars().collect()).collect();
        while left.iter().any(|text| !text.is_empty()) {
            let mut line = String::new();
            let mut start = 0;
            for (column, text) in left.iter_mut().enumerate() {
                let end = self.ends[column];
                let is_last = column + 1 == self.ends.len();
                // Two spaces end every column but the last.
                let space = if is_last { 0 } else { 2 };
                let width = (end - start - space).min(text.len());
                let cut = broken(&text[..width]).unwrap_or(width);
                if column == 0 {
                    line += &"|".repeat(level);
                    line.push(' ');
                }
                line.extend(text.drain(..cut));
                line += &" ".repeat(space);
                let length = line.chars().count();
                line += &" ".repeat(end.saturating_sub(length + level));
                start = end;
            }
            line += &"|".repeat(level);
            self.lines.push(line);
        }
    }
}

/// Where the text is to be cut: behind the first end of a tuple, list or text.
fn broken(text: &[char]) -> Option<usize> {
    let text: String = text.iter().collect();
    let ends = BREAKS
        .iter()
        .filter_map(|end| text.find(end).map(|at| text[..at].chars().count() + end.len()));
    ends.min()
}

/// Python's text of the shapes of a layer's outputs.
fn output_shape(network: &Network, index: usize) -> String {
    let calls = network.calls_of(index);
    let Some((first, rest)) = calls.split_first() else { return "?".to_owned() };
    if rest.iter().any(|call| call.output_shapes != first.output_shapes) {
        return "multiple".to_owned();
    }
    let shapes: Vec<String> = first.output_shapes.iter().map(shape_text).collect();
    match (&network.layers[index].kind, &shapes[..]) {
        (LayerKind::Input(_), _) | (_, [_, _, ..]) => format!("[{}]", shapes.join(", ")),
        _ => shapes.join(", "),
    }
}

fn shape_text(shape: &SymbolicShape) -> String {
    let dims: Vec<String> =
        shape.dims().iter().map(|d| d.map_or("None".to_owned(), |n| n.to_string())).collect();
    if let [one] = &dims[..] { format!("({one},)") } else { format!("({})", dims.join(", ")) }
}

/// Python's list of `layer[node][tensor]` of every input of every call.
fn connections(network: &Network, index: usize) -> String {
    let calls = network.calls_of(index);
    let inputs = calls.iter().flat_map(|call| &call.inputs).map(|tensor| {
        let call = &network.calls[tensor.call];
        format!("'{}[{}][{}]'", network.layers[call.layer].name, call.node, tensor.output)
    });
    format!("[{}]", inputs.collect::<Vec<_>>().join(", "))
}
