use std::path::{Path, PathBuf};

use clap::ValueEnum;
use cornu::data::{Resize, SampleShape, find_pictures, load_picture, read_npy};
use cornu::model::Model;
use cornu::networks::Head;
use cornu::tensor::Tensor;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::error::CliError;
use crate::labels::{head_of, is_compiled_for_logits, picture_shape};
use crate::machine::Machine;
use crate::model_argument::ModelArgument;
use crate::output;
use crate::scores::{predicted, probabilities};

/// Pictures that are decoded and predicted at a time.
const BATCH: usize = 32;

/// Predict class and probability of pictures
///
/// INPUT is a picture of any size and colour type (it is made grey or RGB and resized as the model
/// takes it), a folder of pictures, or a .npy batch (the first axis counts the samples, which are fed
/// as they are). Nothing but the model file is needed: it knows its classes and its preprocessing.
///
/// A file that cannot be read is named on standard error; the others are predicted all the same, and
/// the exit code is 1. Only regular files are read, no pipes or devices.
///
/// The text has a line per sample: file, class and probability with tabs between. Line breaks, tabs and
/// the like in names are written as in \n.
///
/// With --format json, or --json for short, one object per sample: file, index (of the sample in its
/// file), output (the raw output array), class, probability.
///
/// Outputs of a model that was compiled with a loss from_logits=True become probabilities by a sigmoid
/// or softmax; only the raw output array stays as it is.
///
/// With --format csv, a table with a heading: file, index, class, probability, then the probability of
/// each class (`p_NAME`), or, if the outputs are no probabilities, each output (`output_0`, ...).
///
/// Examples:
///
///   cornu predict run/best.keras a.jpg b.png
///   cornu predict run/best.keras folder --format csv > predictions.csv
///   cornu predict run/best.keras folder --json > predictions.jsonl
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// A .keras or .h5 file; also `lesson-cnn` or a Keras .json config, whose weights are random
    model: String,
    /// Pictures, folders of pictures, .npy batches
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<PathBuf>,
    /// How to print the predictions
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// As --format json: one object per sample
    #[arg(long, conflicts_with = "format")]
    json: bool,
    #[command(flatten)]
    machine: Machine,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line per sample for people
    Text,
    /// A table with a heading
    Csv,
    /// One JSON object per sample and line
    Json,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    args.machine.prepare();
    let loaded = ModelArgument::parse(&args.model)?.open_to_predict()?;
    let classes = loaded.notes.unwrap_or_default().classes;
    let format = if args.json { Format::Json } else { args.format };
    let (gives_logits, model) = (is_compiled_for_logits(&loaded.model), loaded.model);
    let mut predictor = Predictor { model, gives_logits, classes, format, is_classifier: None };
    args.machine.apply(&mut predictor.model)?;
    if !predictor.classes.is_empty() && !gives_logits {
        head_of(&predictor.model, &predictor.classes)?;
    }
    let (files, problems) = files_of(&args.inputs);
    let mut failures = Failures { n: 0, of: files.len() + problems.len() };
    for problem in problems {
        failures.add(problem)?;
    }
    for files in files.chunk_by(|a, b| is_array(a) == is_array(b)) {
        if is_array(&files[0]) {
            for file in files {
                match predictor.samples_of(file) {
                    Ok(samples) => predictor.array(file, &samples)?,
                    Err(error) => failures.add(error)?,
                }
            }
            continue;
        }
        let shape = picture_shape(&predictor.model)?;
        for files in files.chunks(BATCH) {
            predictor.pictures(files, shape, &mut failures)?;
        }
    }
    failures.end()
}

/// The files that are asked for, those of folders in the order of their names; and why others cannot
/// be had.
fn files_of(inputs: &[PathBuf]) -> (Vec<PathBuf>, Vec<CliError>) {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for input in inputs {
        if input.is_dir() {
            let (pictures, not_listed) = find_pictures(input);
            if pictures.is_empty() && not_listed.is_empty() {
                problems.push(CliError::message(format!(
                    "{}: there are no pictures in this folder; give pictures, or a folder with some",
                    input.display()
                )));
            }
            files.extend(pictures);
            problems.extend(not_listed.into_iter().map(CliError::from));
        } else if input.symlink_metadata().is_ok() {
            files.push(input.clone());
        } else {
            problems.push(CliError::message(format!(
                "{}: there is no such file; give pictures, folders of pictures or .npy files",
                input.display()
            )));
        }
    }
    (files, problems)
}

/// `name` on one line: characters that would end a line or a column are escaped.
fn on_one_line(name: &str) -> String {
    if !name.chars().any(char::is_control) {
        return name.to_owned();
    }
    let escape = |c: char| match c {
        '\\' => "\\\\".to_owned(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    name.chars().map(escape).collect()
}

fn is_array(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npy"))
}

/// The files that cannot be read.
struct Failures {
    n: usize,
    /// All files.
    of: usize,
}

impl Failures {
    /// Tells what is wrong with a file; if it is the only one, as the error of the command.
    fn add(&mut self, error: CliError) -> Result<(), CliError> {
        if self.of == 1 {
            return Err(error);
        }
        output::message(error);
        self.n += 1;
        Ok(())
    }

    fn end(self) -> Result<(), CliError> {
        if self.n == 0 {
            return Ok(());
        }
        Err(CliError::message(format!(
            "{} of {} could not be predicted, each named above with its reason",
            self.n,
            output::counted(self.of, "file")
        )))
    }
}

struct Predictor {
    model: Model,
    /// Whether its outputs are logits, to be made probabilities.
    gives_logits: bool,
    classes: Vec<String>,
    format: Format,
    /// Once the heading of the table is printed: whether it names probabilities, not outputs.
    is_classifier: Option<bool>,
}

impl Predictor {
    /// Predicts those of the pictures `files` that can be read.
    fn pictures(
        &mut self,
        files: &[PathBuf],
        shape: SampleShape,
        failures: &mut Failures,
    ) -> Result<(), CliError> {
        let load = |file: &PathBuf| load_picture(file, shape, Resize::default());
        let pictures: Vec<_> = files.par_iter().map(load).collect();
        let (mut good, mut pixels) = (Vec::new(), Vec::new());
        for (file, picture) in files.iter().zip(pictures) {
            match picture {
                Ok(picture) => {
                    good.push(file);
                    pixels.extend(picture.pixels.to_f32());
                }
                Err(error) => failures.add(error.into())?,
            }
        }
        if good.is_empty() {
            return Ok(());
        }
        let dims = [good.len(), shape.height, shape.width, shape.channels];
        let batch =
            Tensor::new(dims, pixels).map_err(|error| CliError::message(error.to_string()))?;
        let outputs = self.model.predict_on_batch(&[batch])?;
        for (file, row) in good.into_iter().zip(rows(&outputs)?) {
            self.show(file, 0, &row)?;
        }
        Ok(())
    }

    /// The samples of a .npy file, if they are such as the model takes.
    fn samples_of(&self, path: &Path) -> Result<Tensor, CliError> {
        let array = read_npy(path)?;
        let shapes = self.model.input_shapes();
        let [shape] = &shapes[..] else {
            return Err(CliError::message(format!(
                "{}: expected a model of one input, got {}",
                path.display(),
                shapes.len()
            )));
        };
        if !array.dims().get(1..).is_some_and(|sample| shape.takes_sample(sample)) {
            return Err(CliError::message(format!(
                "{}: expected samples in an array of shape {shape}, where None is any number, got \
                 {:?}",
                path.display(),
                array.dims()
            )));
        }
        let n = array.dims().first().copied().unwrap_or(0);
        if let Some(at) = array.data().iter().position(|x| !x.is_finite()) {
            return Err(CliError::message(format!(
                "{}: sample {} holds {}; replace or remove what is not finite",
                path.display(),
                at / (array.len() / n).max(1),
                array.data()[at]
            )));
        }
        Ok(array)
    }

    fn array(&mut self, path: &Path, samples: &Tensor) -> Result<(), CliError> {
        let n = samples.dims().first().copied().unwrap_or(0);
        if n == 0 {
            output::message(format!(
                "{}: there are no samples in this array, so there is nothing to predict",
                path.display()
            ));
        }
        for start in (0..n).step_by(BATCH) {
            let batch = samples.rows(start, n.min(start + BATCH));
            let outputs = self.model.predict_on_batch(&[batch])?;
            for (index, row) in (start..).zip(rows(&outputs)?) {
                self.show(path, index, &row)?;
            }
        }
        Ok(())
    }

    fn show(&mut self, path: &Path, index: usize, output: &Tensor) -> Result<(), CliError> {
        if let Some(bad) = output.data().iter().find(|x| !x.is_finite()) {
            return Err(CliError::message(format!(
                "{}: the model's output is {bad} for sample {index}, which is no result; its weights \
                 are too large for such numbers: train it again with a lower learning rate",
                path.display()
            )));
        }
        let raw = nested(output.dims(), output.data());
        let of_logits = self.gives_logits.then(|| probabilities_of_logits(output));
        let output = of_logits.as_ref().unwrap_or(output);
        let guess = self.guess(output);
        let file = path.display().to_string();
        if self.format == Format::Csv {
            return self.show_row(&file, index, output, guess);
        }
        if self.format == Format::Json {
            let (class, probability) = match guess {
                Some((class, probability)) => (json!(class), json!(probability)),
                None => (Value::Null, Value::Null),
            };
            return output::json(&json!({
                "file": file,
                "index": index,
                "output": raw,
                "class": class,
                "probability": probability,
            }));
        }
        let file = on_one_line(&file);
        let file = if is_array(path) { format!("{file}[{index}]") } else { file };
        output::result(match guess {
            Some((class, probability)) => {
                format!("{file}\t{}\t{:.1} %", on_one_line(&class), 100.0 * probability)
            }
            None => format!("{file}\t{:?}", output.data()),
        })
    }

    /// A line of the table, behind the heading if it is the first.
    fn show_row(
        &mut self,
        file: &str,
        index: usize,
        output: &Tensor,
        guess: Option<(String, f64)>,
    ) -> Result<(), CliError> {
        // The first sample decides what the columns are.
        let is_first = self.is_classifier.is_none();
        let is_classifier = *self.is_classifier.get_or_insert(guess.is_some());
        let is_binary = is_classifier && output.dims() == [1];
        let values: Vec<String> = match (&guess, is_classifier) {
            (Some(_), true) if is_binary => {
                probabilities(Head::Binary, output.data()).iter().map(f64::to_string).collect()
            }
            (None, true) => vec![String::new(); if is_binary { 2 } else { output.len() }],
            _ => output.data().iter().map(f32::to_string).collect(),
        };
        let guess = guess.filter(|_| is_classifier);
        let (class, probability) =
            guess.map_or_else(Default::default, |(class, p)| (class, p.to_string()));
        if is_first {
            let name = |i: usize| match self.classes.get(i).filter(|_| is_classifier) {
                Some(name) => format!("p_{name}"),
                None if is_classifier => format!("p_{i}"),
                None => format!("output_{i}"),
            };
            let fixed = ["file", "index", "class", "probability"].map(str::to_owned);
            csv_line(fixed.into_iter().chain((0..values.len()).map(name)))?;
        }
        let fixed = [file.to_owned(), index.to_string(), class, probability];
        csv_line(fixed.into_iter().chain(values))
    }

    /// The most probable class and its probability; `None` if the output is no probabilities.
    fn guess(&self, output: &Tensor) -> Option<(String, f64)> {
        let head = match output.dims() {
            [1] => Head::Binary,
            [n] => Head::Classes(*n),
            _ => return None,
        };
        let sum: f32 = output.data().iter().sum();
        let is_probability = |p: &f32| (0.0..=1.0001).contains(p);
        let sums_to_one = output.len() == 1 || (sum - 1.0).abs() < 1e-3;
        if !sums_to_one || !output.data().iter().all(is_probability) {
            return None;
        }
        let probabilities = probabilities(head, output.data());
        let class = predicted(&probabilities);
        let name = self.classes.get(class).cloned().unwrap_or_else(|| class.to_string());
        Some((name, probabilities[class]))
    }
}

/// The sigmoid of a single logit or the softmax of several, as a loss `from_logits=True` takes them.
fn probabilities_of_logits(logits: &Tensor) -> Tensor {
    let mut probabilities = logits.clone();
    match probabilities.data_mut() {
        [logit] => *logit = 1.0 / (1.0 + (-*logit).exp()),
        row => {
            let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            row.iter_mut().for_each(|logit| *logit = (*logit - max).exp());
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|power| *power /= sum);
        }
    }
    probabilities
}

/// Prints cells with quotes where they need some.
fn csv_line(cells: impl Iterator<Item = String>) -> Result<(), CliError> {
    let problem = |error: &dyn std::fmt::Display| CliError::message(format!("the table: {error}"));
    let mut line = csv::Writer::from_writer(Vec::new());
    line.write_record(cells).map_err(|error| problem(&error))?;
    let bytes = line.into_inner().map_err(|error| problem(&error))?;
    output::result(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']))
}

/// The only output, a tensor for each sample.
fn rows(outputs: &[Tensor]) -> Result<Vec<Tensor>, CliError> {
    let [output] = outputs else {
        return Err(CliError::message(format!(
            "expected a model of one output, got {}; give a classifier",
            outputs.len()
        )));
    };
    let dims = &output.dims()[1..];
    let n = output.dims()[0];
    let row = |i| Tensor::new(dims, output.rows(i, i + 1).into_data());
    let rows: Result<Vec<Tensor>, _> = (0..n).map(row).collect();
    rows.map_err(|error| CliError::message(error.to_string()))
}

/// Numbers as lists in lists.
fn nested(dims: &[usize], data: &[f32]) -> Value {
    match dims {
        [] => json!(data.first()),
        [_] => json!(data),
        [n, rest @ ..] => {
            let size = data.len() / n.max(&1);
            (0..*n).map(|i| nested(rest, &data[i * size..(i + 1) * size])).collect()
        }
    }
}
