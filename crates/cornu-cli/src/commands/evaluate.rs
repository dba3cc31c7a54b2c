use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use cornu::Samples;
use cornu::data::{Fractions, ImageFolder, LoadOptions, MANIFEST_FILE, Split};
use cornu::formats::write_file_safely;
use cornu::stats::Interval;
use serde_json::{Map, Value, json};

use crate::error::CliError;
use crate::labels::{head_of, picture_shape, use_class_names, with_probabilities};
use crate::machine::{Machine, peak_rss_mb};
use crate::model_argument::ModelArgument;
use crate::model_file::SplitNote;
use crate::output::{self, counted};
use crate::recipe;
use crate::report::{self, Material, Part, quoted};
use crate::run::{relative, score};
use crate::scores::{Judged, Scores, predicted};

/// Score a model on labelled pictures: loss, accuracy, AUC, confusion matrix, and each class
///
/// Which pictures: those of --split. Without it, the test part if the data set says what that is (a
/// column `split` in its manifest.csv, or folders train, val and test), else all. With it, a data
/// set that does not say is divided as in training.
///
/// AUC is exact, not from thresholds; of more than two classes it is the mean of each class against
/// the rest. Behind a score stands its 95 % interval: Wilson's for accuracy, bootstrapped for AUC and
/// average precision.
///
/// Examples:
///
///   cornu evaluate run/best.keras pictures --split test
///   cornu evaluate run/best.keras pictures --split test --json
///   cornu evaluate run/best.keras pictures --report report.html --predictions predictions.csv
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// A .keras or .h5 file; also `lesson-cnn` or a Keras .json config, whose weights are random
    model: String,
    /// A folder with one sub-folder of pictures per class, or with a manifest.csv
    data: PathBuf,
    /// Which part of the pictures
    #[arg(long)]
    split: Option<SplitArgument>,
    /// Seed of the split, where the data set does not say [default: the one of training]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Write a page that shows the result: curves, tables, mistakes
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write a line for each picture: file, true and predicted class, probability of each class
    #[arg(long, value_name = "FILE.csv")]
    predictions: Option<PathBuf>,
    /// Print one JSON object: loss, accuracy, auc, average_precision, intervals, samples,
    /// confusion_matrix, classes
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    machine: Machine,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SplitArgument {
    Train,
    Val,
    Test,
    All,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    args.machine.prepare();
    let loaded = ModelArgument::parse(&args.model)?.open_to_predict()?;
    let mut model = with_probabilities(loaded.model)?;
    let notes = loaded.notes.unwrap_or_default();
    // Without names in the model file the classes are numbered as in training, so all must be there.
    let folder = if notes.classes.is_empty() {
        ImageFolder::open(&args.data)?
    } else {
        let mut folder = ImageFolder::open_to_evaluate(&args.data)?;
        use_class_names(&mut folder, &notes.classes)?;
        folder
    };
    let head = head_of(&model, &folder.class_names)?;
    let (name, indices) = chosen(args, &folder, notes.split)?;
    if indices.is_empty() {
        let manifest = args.data.join(MANIFEST_FILE);
        let told_by = if manifest.is_file() { &manifest } else { &args.data };
        return Err(CliError::message(format!(
            "{}: there are no pictures in split `{name}`; choose another with --split",
            told_by.display()
        )));
    }
    let shape = picture_shape(&model)?;
    // Each picture is looked at once: nothing needs to stay in memory.
    let options = LoadOptions { memory_budget: 0, ..LoadOptions::default() };
    let pictures = folder.dataset(&indices, shape, &options)?;
    let samples = Samples::new(Arc::new(pictures)).read_ahead(true);
    args.machine.apply(&mut model)?;
    let judged = score(&mut model, head, &samples, &folder.class_names)?;
    let Some(judged) = judged else { return Ok(()) };
    let files: Vec<String> =
        indices.iter().map(|&index| relative(&folder.samples[index].path, &folder.root)).collect();
    if let Some(path) = &args.predictions {
        let table = prediction_table(&judged, &files, &folder.class_names)?;
        write_file_safely(path, &table)?;
    }
    if let Some(path) = &args.report {
        let part =
            Part { name: part_name(name), samples: &samples, names: &files, judged: Some(&judged) };
        let material = Material {
            model_name: args.model.clone(),
            data: args.data.display().to_string(),
            note: None,
            class_names: &folder.class_names,
            shape: [shape.height, shape.width, shape.channels],
            parts: vec![part],
            training: None,
            peak_mb: peak_rss_mb(),
            machine: args.machine,
            command: command(args, path),
        };
        report::write_evaluation(path, &material, &mut model)?;
    }
    if args.json {
        return output::json(&as_json(&judged.scores, name));
    }
    output::result(as_text(&judged.scores, name))
}

/// What a split is called in a sentence.
fn part_name(split: &str) -> &'static str {
    match split {
        "train" => "training",
        "val" => "validation",
        "test" => "test",
        _ => "all",
    }
}

/// What to type to get the report again.
fn command(args: &Args, report: &Path) -> String {
    let data = args.data.display().to_string();
    let mut words =
        vec!["cornu".to_owned(), "evaluate".to_owned(), quoted(&args.model), quoted(&data)];
    if let Some(split) = args.split {
        words.extend(["--split".to_owned(), format!("{split:?}").to_lowercase()]);
    }
    if let Some(seed) = args.seed {
        words.extend(["--seed".to_owned(), seed.to_string()]);
    }
    words.extend(["--report".to_owned(), quoted(&report.display().to_string())]);
    words.join(" ")
}

/// A line for each picture, with a heading.
fn prediction_table(
    judged: &Judged,
    files: &[String],
    class_names: &[String],
) -> Result<Vec<u8>, CliError> {
    let problem = |error: csv::Error| CliError::message(format!("predictions: {error}"));
    let mut table = csv::Writer::from_writer(Vec::new());
    let fixed = ["file", "class", "predicted", "correct"].map(str::to_owned);
    let of_class = class_names.iter().map(|name| format!("p_{name}"));
    table.write_record(fixed.into_iter().chain(of_class)).map_err(problem)?;
    for ((file, row), &label) in files.iter().zip(&judged.probabilities).zip(&judged.labels) {
        let guess = predicted(row);
        let fixed = [
            file.clone(),
            class_names[label].clone(),
            class_names[guess].clone(),
            u8::from(guess == label).to_string(),
        ];
        let record = fixed.into_iter().chain(row.iter().map(f64::to_string));
        table.write_record(record).map_err(problem)?;
    }
    table.into_inner().map_err(|error| CliError::message(format!("predictions: {error}")))
}

/// The pictures that are asked for, and what they are called.
fn chosen(
    args: &Args,
    folder: &ImageFolder,
    trained: Option<SplitNote>,
) -> Result<(&'static str, Vec<usize>), CliError> {
    let is_seed_used =
        !folder.has_splits() && !matches!(args.split, None | Some(SplitArgument::All));
    if args.seed.is_some() && !is_seed_used {
        return Err(CliError::message(format!(
            "{}: --seed can change nothing: {}; leave it out",
            args.data.display(),
            if folder.has_splits() {
                "the data set says which picture is in which split"
            } else {
                "all pictures are scored"
            }
        )));
    }
    let split = match args.split {
        Some(SplitArgument::Train) => Split::Train,
        Some(SplitArgument::Val) => Split::Val,
        Some(SplitArgument::Test) => Split::Test,
        None if folder.has_splits() => Split::Test,
        Some(SplitArgument::All) | None => {
            if args.split.is_none() {
                output::message(format!(
                    "{}: no splits are given, so all {} pictures are scored; --split test takes \
                     those that training did not see",
                    args.data.display(),
                    folder.samples.len()
                ));
            }
            return Ok(("all", (0..folder.samples.len()).collect()));
        }
    };
    if folder.has_splits() {
        return Ok((split.name(), folder.given(split)));
    }
    let trained = trained.unwrap_or(SplitNote { seed: recipe::SEED, group_by: None });
    let seed = args.seed.unwrap_or(trained.seed);
    let indices = folder.split(Fractions::default(), trained.group_by.as_deref(), seed)?;
    Ok((split.name(), indices.get(split).to_vec()))
}

/// One object, the plain scores first.
pub(crate) fn as_json(scores: &Scores, split: &str) -> Value {
    let mut object = Map::new();
    object.insert("split".to_owned(), json!(split));
    if let Value::Object(scores) = json!(scores) {
        object.extend(scores);
    }
    Value::Object(object)
}

/// Tables for people.
pub(crate) fn as_text(scores: &Scores, split: &str) -> String {
    let auc = scores.auc.map_or_else(|| "-".to_owned(), |auc| format!("{auc:.4}"));
    let names: Vec<&str> = scores.classes.iter().map(|class| class.class.as_str()).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(10);
    let mut lines = vec![
        format!("{}, split `{split}`", counted(scores.samples, "picture")),
        format!("loss {:.4}   accuracy {:.4}   auc {auc}", scores.loss, scores.accuracy),
    ];
    let of = |name: &str, interval: Option<Interval>| {
        interval.map(|Interval { low, high }| format!("{name} {low:.4} to {high:.4}"))
    };
    let intervals = &scores.intervals;
    let known: Vec<String> = [of("accuracy", intervals.accuracy), of("auc", intervals.auc)]
        .into_iter()
        .flatten()
        .collect();
    lines.push(format!("95 % intervals: {}", known.join("   ")));
    lines.extend([
        String::new(),
        format!(
            "{:width$}  {:>9}  {:>9}  {:>9}  {:>8}",
            "class", "precision", "recall", "f1", "pictures"
        ),
    ]);
    for class in &scores.classes {
        lines.push(format!(
            "{:width$}  {:>9.4}  {:>9.4}  {:>9.4}  {:>8}",
            class.class, class.precision, class.recall, class.f1, class.samples
        ));
    }
    lines.push(String::new());
    lines.push("confusion matrix (rows: true class, columns: predicted class)".to_owned());
    let columns: String = names.iter().map(|name| format!("  {name:>width$}")).collect();
    lines.push(format!("{:width$}{columns}", ""));
    for (name, row) in names.iter().zip(&scores.confusion_matrix) {
        let counts: String = row.iter().map(|n| format!("  {n:>width$}")).collect();
        lines.push(format!("{name:width$}{counts}"));
    }
    lines.join("\n")
}
