//! Learnt kernels as a grid of small pictures.

use super::{MARGIN, colour_bar, coloured, fit_paper, heading, range};
use crate::ColourMap;
use crate::diagram::counted;
use crate::drawing::{Anchor, Drawing, Ink, Stroke, Text};

/// Most rows and columns of the grid.
const MOST: [usize; 2] = [16, 32];

/// The weights of a layer, to be shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernels {
    /// Name of the layer.
    pub layer: String,
    /// Keras's class name.
    pub class_name: String,
    /// Height of a kernel.
    pub height: usize,
    /// Width of a kernel.
    pub width: usize,
    /// Channels that the layer takes.
    pub inputs: usize,
    /// Filters: channels that it makes; of a depthwise layer those from each input.
    pub filters: usize,
    /// The weights as Keras keeps them: height, width, inputs, filters.
    pub values: Vec<f32>,
}

impl Kernels {
    /// The kernel from channel `input` to `filter`, row by row.
    pub fn kernel(&self, input: usize, filter: usize) -> Vec<f32> {
        let n = self.inputs * self.filters;
        let taps = 0..self.height * self.width;
        taps.map(|tap| self.values[tap * n + input * self.filters + filter]).collect()
    }
}

/// Draws kernels: a column for each filter and a row for each channel that it looks at; one row of
/// channels is broken into several. Orange weights are positive, blue ones negative, on one scale.
pub fn filters(kernels: &Kernels) -> Drawing {
    let is_matrix = kernels.height * kernels.width == 1;
    let rows = kernels.inputs.min(MOST[0]);
    let columns = kernels.filters.min(MOST[1]);
    let (low, high) = range(&kernels.values);
    let most = low.abs().max(high.abs()).max(f32::MIN_POSITIVE);
    // A single row of kernels is shown larger, in several rows.
    let wrap =
        if rows == 1 && 8 < columns { columns.div_ceil(columns.div_ceil(8)) } else { columns };
    let shown_rows = if rows == 1 { columns.div_ceil(wrap) } else { rows };
    let side = if is_matrix {
        (620.0 / columns.max(rows) as f64).clamp(12.0, 40.0)
    } else if rows == 1 {
        92.0
    } else {
        (640.0 / wrap.max(shown_rows) as f64).clamp(26.0, 64.0)
    };
    let gap = if is_matrix { 0.0 } else { (side * 0.14).clamp(5.0, 12.0) };
    let label = if rows == 1 { 20.0 } else { 0.0 };
    let (left, bar) = (MARGIN + if rows == 1 { 0.0 } else { 74.0 }, 110.0);
    let grid = wrap as f64 * (side + gap) - gap;
    let width = (left + grid + bar + MARGIN).max(620.0);
    let grid_height = shown_rows as f64 * (side + gap + label) - gap;
    let title = format!("What {} looks for", kernels.layer);
    let (h, w) = (kernels.height, kernels.width);
    let what = if is_matrix {
        format!(
            "{}: each square is the weight from an input (row) to an output (column).",
            kernels.class_name
        )
    } else {
        format!(
            "{}: {} of {h} × {w} weights, {} {}.",
            kernels.class_name,
            counted(kernels.filters, "filter"),
            if kernels.inputs == 1 { "on" } else { "each with a kernel for every one of" },
            counted(kernels.inputs, "input channel"),
        )
    };
    let meaning = "Orange weights are positive: what is bright there speaks for the filter. Blue ones \
                   are negative: it speaks against it. Orange beside blue finds an edge.";
    let mut cut = String::new();
    if rows < kernels.inputs || columns < kernels.filters {
        cut = format!("The first {rows} inputs and {columns} filters are shown.");
    }
    let description = format!("{what} {meaning} {cut} The largest weight is {most:.3}.");
    let mut drawing = Drawing::new(width, 1000.0, &title, description);
    drawing.rect([0.0, 0.0, width, 10_000.0], 0.0, Ink::Paper);
    let mut sentences = vec![what.as_str()];
    if !is_matrix {
        sentences.push(meaning);
    }
    if !cut.is_empty() {
        sentences.push(&cut);
    }
    let mut top = heading(&mut drawing, &title, &sentences) + 18.0;
    if 1 < rows {
        top += 22.0;
        let x = left + grid / 2.0;
        let text = Text::new(x, top - 26.0, 11.5, if is_matrix { "outputs" } else { "filters" });
        drawing.text(text.anchor(Anchor::Middle).ink(Ink::Muted));
        let text = Text::new(MARGIN + 10.0, top + grid_height / 2.0, 11.5, "input channels");
        drawing.text(text.anchor(Anchor::Middle).ink(Ink::Muted).upwards());
    }
    // So that numbers have room, not every row and column has one.
    let every = |n: usize| if side < 22.0 { n.div_ceil(8).max(1) } else { 1 };
    for row in 0..rows {
        for column in 0..columns {
            let (at_row, at_column) =
                if rows == 1 { (column / wrap, column % wrap) } else { (row, column) };
            let x = left + at_column as f64 * (side + gap);
            let y = top + at_row as f64 * (side + gap + label);
            let values = kernels.kernel(row, column);
            let pixels = coloured(w, &values, -most, most, ColourMap::BlueOrange);
            let (tall, wide) = (h as f64 / h.max(w) as f64, w as f64 / h.max(w) as f64);
            let frame = [
                x + side * (1.0 - wide) / 2.0,
                y + side * (1.0 - tall) / 2.0,
                side * wide,
                side * tall,
            ];
            drawing.image(frame, pixels);
            if !is_matrix {
                drawing.framed(frame, 0.0, None, Stroke::new(Ink::Rule, 1.0));
            }
            let middle = x + side / 2.0;
            if rows == 1 {
                let text = Text::new(middle, y + side + 14.0, 11.0, format!("filter {column}"));
                drawing.text(text.anchor(Anchor::Middle).ink(Ink::Muted));
            } else if row == 0 && column % every(columns) == 0 {
                let text = Text::new(middle, top - 7.0, 11.0, column.to_string());
                drawing.text(text.anchor(Anchor::Middle).ink(Ink::Muted));
            }
            if 1 < rows && column == 0 && row % every(rows) == 0 {
                let text = Text::new(left - 8.0, y + side / 2.0 + 4.0, 11.0, row.to_string());
                drawing.text(text.anchor(Anchor::End).ink(Ink::Muted));
            }
        }
    }
    let bar_height = grid_height.clamp(80.0, 220.0);
    let at = [left + grid + 48.0, top + 8.0, bar_height];
    let most = f64::from(most);
    colour_bar(&mut drawing, at, (-most, most), ColourMap::BlueOrange, ["", "weight"]);
    drawing.height = top + grid_height.max(bar_height + 30.0) + MARGIN;
    fit_paper(&mut drawing);
    drawing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::{Shape, Theme};

    fn kernels(inputs: usize, filters: usize) -> Kernels {
        let n = 9 * inputs * filters;
        Kernels {
            layer: "conv2d".to_owned(),
            class_name: "Conv2D".to_owned(),
            height: 3,
            width: 3,
            inputs,
            filters,
            values: (0..n).map(|i| i as f32 - n as f32 / 2.0).collect(),
        }
    }

    #[test]
    fn there_is_a_picture_for_each_kernel_and_one_for_the_bar() {
        for (inputs, n_filters) in [(1, 8), (1, 20), (3, 4), (40, 40)] {
            let drawing = filters(&kernels(inputs, n_filters));
            let images = drawing.shapes.iter().filter(|s| matches!(s, Shape::Image { .. })).count();
            assert_eq!(images, inputs.min(16) * n_filters.min(32) + 1);
            let is_cut = drawing.to_svg(Theme::Light).contains("are shown.");
            assert_eq!(is_cut, 16 < inputs);
        }
    }

    #[test]
    fn a_kernel_is_taken_out_of_all() {
        let kernels = kernels(2, 3);
        let expected: Vec<f32> = (0..9).map(|tap| kernels.values[tap * 6 + 3 + 2]).collect();
        assert_eq!(kernels.kernel(1, 2), expected);
    }
}
