//! `model.summary()`: Keras's table, byte for byte.
//!
//! Source: Keras 3, `keras/src/utils/summary_utils.py`.

mod keras2;
mod rows;
mod table;

use crate::network::Network;
use crate::{Model, ModelError};

pub(crate) use rows::params;
use rows::{is_sequential_like, rows};
use table::{Column, Justify, table};

/// Which version's table `summary` draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SummaryStyle {
    /// That of Keras 3.
    #[default]
    Keras3,
    /// That of Keras 2 (TensorFlow 2.8 to 2.12), with lines of `_` and `=`.
    Keras2,
}

/// How `summary` draws its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SummaryOptions {
    /// Characters that a line of the terminal holds; what is longer is cut. Default: 80. Keras 2 does
    /// not look at it.
    pub columns: usize,
    /// Length of the table's lines. Default: 88 (108 with the column `Connected to`), 12 more with
    /// `show_trainable`, at most `columns - 4`. In Keras 2's table: 65 (98), 11 more. At most 10 000.
    pub line_length: Option<usize>,
    /// Adds a column that says whether each layer is trainable. Default: false.
    pub show_trainable: bool,
    /// Lists the layers of nested models. Default: false.
    pub expand_nested: bool,
}

impl Default for SummaryOptions {
    fn default() -> Self {
        Self { columns: 80, line_length: None, show_trainable: false, expand_nested: false }
    }
}

/// What the lines below the table say: numbers of values, and their bytes.
struct Counts {
    trainable: (usize, usize),
    non_trainable: (usize, usize),
    /// Of the optimizer's variables, once it has any.
    optimizer: Option<(usize, usize)>,
}

/// No terminal is wider than this, and no line of a table.
const MAX_LINE_LENGTH: usize = 10_000;

/// The whole text.
fn summary(
    name: &str,
    network: &Network,
    counts: &Counts,
    options: &SummaryOptions,
) -> Result<String, ModelError> {
    let branched = !is_sequential_like(network);
    let columns = columns(branched, options)?;
    let rows = rows(network, branched, options)?;
    let mut text = format!("Model: \"{name}\"\n");
    for line in table(&columns, &rows) {
        text.extend(line.chars().take(options.columns));
        text.push('\n');
    }
    let parts = [counts.trainable, counts.non_trainable, counts.optimizer.unwrap_or((0, 0))];
    let total = parts.iter().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
    let mut line = |title: &str, (n, bytes): (usize, usize)| {
        text += &format!(" {title}: {} ({})\n", thousands(n), memory_size(bytes));
    };
    line("Total params", total);
    line("Trainable params", counts.trainable);
    line("Non-trainable params", counts.non_trainable);
    if let Some(optimizer) = counts.optimizer {
        line("Optimizer params", optimizer);
    }
    Ok(text)
}

fn check_length(length: usize) -> Result<(), ModelError> {
    if length <= MAX_LINE_LENGTH {
        return Ok(());
    }
    Err(ModelError::Summary(format!(
        "`line_length`: expected at most {MAX_LINE_LENGTH} characters, got {length}"
    )))
}

/// Titles, widths and alignment.
fn columns(branched: bool, options: &SummaryOptions) -> Result<Vec<Column>, ModelError> {
    // Ends of the columns as parts of a line, and how much narrower Rich draws each column to make
    // place for the borders: the excess of 3n + 1, shared evenly, halves rounded to even.
    let (mut length, mut stops, mut narrower): (usize, Vec<f64>, &[usize]) = if branched {
        (108, vec![0.3, 0.56, 0.74, 1.0], &[3, 3, 4, 3])
    } else {
        (88, vec![0.45, 0.80, 1.0], &[3, 4, 3])
    };
    if options.show_trainable {
        length += 12;
        stops = stops.iter().map(|stop| stop * 0.90).chain([1.0]).collect();
        narrower = if branched { &[3, 3, 3, 4, 3] } else { &[3, 3, 4, 3] };
    }
    let length = options.line_length.unwrap_or(length.min(options.columns.saturating_sub(4)));
    check_length(length)?;
    let mut titles = vec![
        ("Layer (type)", Justify::Left),
        ("Output Shape", Justify::Left),
        ("Param #", Justify::Right),
    ];
    if branched {
        titles.push(("Connected to", Justify::Left));
    }
    if options.show_trainable {
        titles.push(("Trainable", Justify::Center));
    }
    let mut end = 0;
    let mut columns = Vec::new();
    for (((title, justify), stop), narrower) in titles.into_iter().zip(stops).zip(narrower) {
        let next_end = (stop * length as f64) as usize;
        let width = next_end - end;
        if width < 4 {
            return Err(ModelError::Summary(format!(
                "a line of {length} characters is too short for the table; give a longer \
                 `line_length` or more `columns`"
            )));
        }
        columns.push(Column { title, justify, width: width - narrower });
        end = next_end;
    }
    Ok(columns)
}

/// `1234567` as `1,234,567`.
fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if 0 < i && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes with two decimals in the largest unit that is at least 1.
fn memory_size(bytes: usize) -> String {
    let mut size = bytes as f64;
    let mut units = ["B", "KB", "MB", "GB", "TB"].iter();
    let mut unit = "B";
    for next in units.by_ref() {
        unit = next;
        if size < 1024.0 {
            break;
        }
        if *next != "TB" {
            size /= 1024.0;
        }
    }
    format!("{size:.2} {unit}")
}

impl Model {
    /// Keras's table of layers, output shapes and numbers of parameters, for 80 columns.
    pub fn summary(&self) -> String {
        self.summary_with(&SummaryOptions::default()).unwrap_or_else(|error| error.to_string())
    }

    /// The same with other options.
    ///
    /// # Errors
    ///
    /// [`ModelError::Summary`] if a line is too short for the table, or longer than 10 000 characters.
    pub fn summary_with(&self, options: &SummaryOptions) -> Result<String, ModelError> {
        self.summary_in(SummaryStyle::Keras3, options)
    }

    /// The table of another version of Keras.
    ///
    /// # Errors
    ///
    /// As for [`Model::summary_with`].
    pub fn summary_in(
        &self,
        style: SummaryStyle,
        options: &SummaryOptions,
    ) -> Result<String, ModelError> {
        let counts = Counts {
            trainable: self.size(true),
            non_trainable: self.size(false),
            optimizer: self.optimizer_size(),
        };
        let draw = match style {
            SummaryStyle::Keras3 => summary,
            SummaryStyle::Keras2 => keras2::summary,
        };
        draw(self.name(), &self.network, &counts, options)
    }

    /// Values and bytes of the weights that are trainable, or of those that are not.
    fn size(&self, trainable: bool) -> (usize, usize) {
        let weights = self.weights.iter().filter(|weight| weight.trainable == trainable);
        weights.fold((0, 0), |sum, weight| (sum.0 + weight.len(), sum.1 + weight.n_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Input, LayerExt};
    use cornu_nn::layers::{Add, Dense};

    #[test]
    fn lines_of_any_length_make_a_table_or_an_error() {
        let inputs = Input::new([3]);
        let x = Dense::new(3).apply(&inputs).unwrap();
        let chain = Model::new(&inputs, &x).unwrap();
        let sum = Add::new().apply_list(&[&x, &inputs]).unwrap();
        let branched = Model::new(&inputs, &sum).unwrap();
        let lengths = [0, 1, 10, 27, 30, 33, 40, 65, 9_989, 10_000, 10_001, 65_535, 1 << 60];
        for line_length in lengths.into_iter().chain([usize::MAX]) {
            for style in [SummaryStyle::Keras2, SummaryStyle::Keras3] {
                for (model, show_trainable) in
                    [(&chain, false), (&chain, true), (&branched, false), (&branched, true)]
                {
                    let columns = usize::MAX;
                    let options = SummaryOptions {
                        line_length: Some(line_length),
                        show_trainable,
                        columns,
                        ..SummaryOptions::default()
                    };
                    let text = model.summary_in(style, &options);
                    if !(11..=10_000).contains(&line_length) {
                        assert!(matches!(text, Err(ModelError::Summary(_))), "{line_length}");
                    } else if 65 <= line_length {
                        assert!(text.is_ok(), "{line_length}: {text:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn numbers_have_commas_and_sizes_units() {
        assert_eq!((thousands(0), thousands(999)), ("0".into(), "999".into()));
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(memory_size(0), "0.00 B");
        assert_eq!(memory_size(1023), "1023.00 B");
        assert_eq!(memory_size(1052), "1.03 KB");
        assert_eq!(memory_size(54_627 * 4), "213.39 KB");
        assert_eq!(memory_size(3 << 30), "3.00 GB");
    }
}
