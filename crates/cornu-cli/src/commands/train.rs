use std::path::PathBuf;

use cornu::data::{Fractions, ImageFolder};

use crate::error::CliError;
use crate::labels::{head_of, picture_shape, use_class_names};
use crate::machine::Machine;
use crate::model_argument::{LESSON_CNN, ModelArgument};
use crate::model_file::{self, Loaded, Notes, SplitNote};
use crate::recipe::{self, Augment, Recipe};
use crate::run::{Job, Parts, RunConfig, RunFiles, RunFolder, SplitCounts, fingerprint, train};
use crate::{interrupt, output, report};

/// Train a classifier on a folder of pictures
///
/// DATA is a folder with one sub-folder of pictures per class, or one with a manifest.csv: columns
/// `file`, `class`, `split` (train, val, test) if wanted, `label` (class index from 0; else classes
/// are numbered in the order of their names). Of two classes, number 1 is the positive one. Without
/// splits the pictures are divided 72/13/15, each class alike.
///
/// The defaults are a recipe that works on small sets: each picture standardised, augmentation,
/// class weights where classes are unbalanced, Adam with warm-up and a cosine schedule, early
/// stopping on a smoothed validation loss. Each part can be switched off. Preprocessing becomes part
/// of the saved model, so that predicting needs nothing else.
///
/// Written into RUN:
///
///   best.keras     the model with the best smoothed validation loss, for real Keras too
///   last.keras     the model as training left it, to go on from with --resume
///   history.csv    loss and metrics of each epoch
///   metrics.json   scores of best.keras on the test and validation pictures
///   config.toml    all settings
///   report.html    the run in words and pictures
///
/// The same seed gives the same bits, with any number of threads, and also if training was stopped
/// and resumed. Ctrl-C and SIGTERM end it after the current batch with everything saved, exit code
/// 130 and 143; a second one ends it at once.
///
/// Examples:
///
///   cornu train pictures --out run
///   cornu train pictures --out run --resume
///   cornu train pictures --out run2 --model net.json --epochs 30 --augment none --no-schedule
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// A folder with one sub-folder of pictures per class, or with a manifest.csv
    data: PathBuf,
    /// The folder to write to; made if it is not there
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// A built-in name, a Keras .json config, or a .keras or .h5 file to train further [default:
    /// lesson-cnn]
    #[arg(long)]
    model: Option<String>,
    #[command(flatten)]
    settings: Settings,
    /// Column of the manifest (a patient, say) whose equal values stay on one side of the split
    #[arg(long, value_name = "COL")]
    group_by: Option<String>,
    /// MiB of memory for decoded pictures; what does not fit is read again in each epoch [default:
    /// 1024]
    #[arg(long, value_name = "N")]
    cache_mb: Option<usize>,
    /// Go on with the run that RUN holds, or start it. Only --epochs may differ; the schedule of the
    /// learning rate stays that of the run's first --epochs
    #[arg(long)]
    resume: bool,
    /// Start anew although RUN holds a run, whose files are then replaced
    #[arg(long, conflicts_with = "resume")]
    overwrite: bool,
    /// Also write event files for TensorBoard into this folder: loss and metrics of each step and epoch,
    /// histograms and pictures of the weights, the network
    #[arg(long, value_name = "DIR")]
    tensorboard: Option<PathBuf>,
    /// Print the content of metrics.json as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    machine: Machine,
}

/// What may differ from the recipe.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Settings {
    /// Passes over the training pictures, at most [default: 120]
    #[arg(long, allow_negative_numbers = true, value_name = "N", value_parser = at_least_one)]
    epochs: Option<usize>,
    /// Pictures per step [default: 16]
    #[arg(long, allow_negative_numbers = true, value_name = "N", value_parser = at_least_one)]
    batch_size: Option<usize>,
    /// The highest learning rate [default: 0.001]
    #[arg(long, allow_negative_numbers = true, value_name = "X", value_parser = above_zero)]
    lr: Option<f64>,
    /// Seed of everything random: weights, order, dropout, augmentation, split [default: 42]
    #[arg(long, allow_negative_numbers = true, value_name = "N", value_parser = seed_number)]
    seed: Option<u64>,
    /// How pictures are changed at random while training [default: strong]
    #[arg(long)]
    augment: Option<Augment>,
    /// Epochs without a better smoothed validation loss before early stopping [default: 40]
    #[arg(long, allow_negative_numbers = true, value_name = "N", value_parser = at_least_one)]
    patience: Option<usize>,
    /// Part of each label that is spread over all classes, as labels are often wrong [default: 0.1]
    #[arg(long, allow_negative_numbers = true, value_name = "X", value_parser = zero_to_below_one)]
    label_smoothing: Option<f64>,
    /// Start `lesson-cnn` from Keras's Glorot weights as they are, not scaled to He's variance
    #[arg(long)]
    no_scaled_start: bool,
    /// All classes weigh the same in the loss
    #[arg(long)]
    no_class_weights: bool,
    /// Train all epochs (the best is kept all the same)
    #[arg(long)]
    no_early_stopping: bool,
    /// Keep the learning rate constant
    #[arg(long)]
    no_schedule: bool,
    /// Feed pixels 0..255 as they are
    #[arg(long)]
    no_standardize: bool,
}

impl Settings {
    /// `recipe` with what was typed.
    fn apply(&self, recipe: Recipe) -> Recipe {
        Recipe {
            seed: self.seed.unwrap_or(recipe.seed),
            epochs: self.epochs.unwrap_or(recipe.epochs),
            batch_size: self.batch_size.unwrap_or(recipe.batch_size),
            learning_rate: self.lr.unwrap_or(recipe.learning_rate),
            schedule: recipe.schedule && !self.no_schedule,
            augment: self.augment.unwrap_or(recipe.augment),
            standardize: recipe.standardize && !self.no_standardize,
            label_smoothing: self.label_smoothing.unwrap_or(recipe.label_smoothing),
            scaled_start: recipe.scaled_start && !self.no_scaled_start,
            class_weights: recipe.class_weights && !self.no_class_weights,
            early_stopping: recipe.early_stopping && !self.no_early_stopping,
            patience: self.patience.unwrap_or(recipe.patience),
            smoothing: recipe.smoothing,
        }
    }
}

pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(n) => Ok(n),
        Err(_) => Err("expected a whole number".to_owned()),
    }
}

fn seed_number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}

fn above_zero(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if x.is_finite() && 0.0 < x => Ok(x),
        _ => Err("expected a number above 0".to_owned()),
    }
}

fn zero_to_below_one(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if (0.0..1.0).contains(&x) => Ok(x),
        _ => Err("expected a number from 0 to below 1".to_owned()),
    }
}

/// MiB of pixels kept where nothing else is said.
const CACHE_MB: usize = 1024;

/// Columns of a manifest that say nothing of where a picture comes from.
const NO_GROUPS: [&str; 4] = ["file", "class", "label", "split"];

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    args.machine.prepare();
    let mut folder = ImageFolder::open(&args.data)?;
    let run = RunFolder::create(&args.out)?;
    let stored = match (args.resume, run.holds_model()) {
        (true, true) if !run.last().exists() => {
            return Err(CliError::message(format!(
                "{}: this folder holds a best.keras but no last.keras to go on from; use \
                 --overwrite to start anew, or give another folder with --out",
                run.path().display()
            )));
        }
        (true, true) => Some(RunConfig::read(&run.config())?),
        (false, true) if !args.overwrite => {
            return Err(CliError::message(format!(
                "{}: this folder holds a run already; use --resume to go on with it, --overwrite \
                 to start anew, or give another folder with --out",
                run.path().display()
            )));
        }
        _ => None,
    };
    interrupt::watch();
    let goes_on = stored.is_some();

    let base = stored.as_ref().map_or_else(Recipe::default, |stored| stored.recipe.clone());
    let recipe = args.settings.apply(base);
    let from_run = |typed: &Option<String>, stored: Option<String>| typed.clone().or(stored);
    let model_name = from_run(&args.model, stored.as_ref().map(|s| s.model.clone()))
        .unwrap_or_else(|| LESSON_CNN.to_owned());
    let group_by = from_run(&args.group_by, stored.as_ref().and_then(|s| s.group_by.clone()));
    let cache_mb = args.cache_mb.or(stored.as_ref().map(|s| s.cache_mb)).unwrap_or(CACHE_MB);

    if let Some(column) = group_by.as_deref().filter(|column| NO_GROUPS.contains(column)) {
        return Err(CliError::message(format!(
            "--group-by {column}: pictures cannot be grouped by what they are called, are of or are used \
             for; give another column of the manifest, such as one of patients"
        )));
    }

    let loaded = if goes_on {
        cornu::set_random_seed(recipe.seed);
        let last = model_file::read(&run.last())?;
        model_file::check_finite(&run.last(), &last.model)?;
        if let Some(names) = last.notes.as_ref().map(|notes| &notes.classes)
            && folder.class_names.len() == names.len()
            && folder.class_names.iter().all(|name| names.contains(name))
        {
            use_class_names(&mut folder, names)?;
        }
        check_notes(&run, last.notes.as_ref())?;
        last
    } else {
        let loaded = recipe.model(&ModelArgument::parse(&model_name)?, folder.class_names.len())?;
        // A model that is trained further keeps what its outputs stand for.
        if let Some(names) = loaded.notes.as_ref().map(|notes| &notes.classes)
            && !names.is_empty()
        {
            use_class_names(&mut folder, names)?;
        }
        if loaded.as_it_is && (args.settings.augment.is_some() || args.settings.no_standardize) {
            return Err(CliError::message(format!(
                "{model_name}: this model brings its own preprocessing, so --augment and \
                 --no-standardize can change nothing; leave them out"
            )));
        }
        Loaded { notes: None, ..loaded }
    };
    let Loaded { mut model, notes, .. } = loaded;

    let in_file = |error: CliError| CliError::message(format!("{model_name}: {error}"));
    let head = head_of(&model, &folder.class_names).map_err(in_file)?;
    let shape = picture_shape(&model).map_err(in_file)?;
    let split = folder.split(Fractions::default(), group_by.as_deref(), recipe.seed)?;
    let parts = Parts::of_folder(&folder, &split, shape, recipe::targets(head), cache_mb)?;
    let mut class_counts = vec![0; folder.class_names.len()];
    for &label in parts.train.labels() {
        class_counts[label] += 1;
    }
    let config = RunConfig {
        cornu: env!("CARGO_PKG_VERSION").to_owned(),
        data: args.data.display().to_string(),
        model: model_name,
        classes: folder.class_names.clone(),
        input: vec![shape.height, shape.width, shape.channels],
        cache_mb,
        group_by: group_by.clone(),
        weights: recipe.weights(&class_counts),
        fingerprint: Some(fingerprint(&folder, &split)),
        schedule_epochs: recipe
            .schedule
            .then(|| stored.as_ref().map_or(recipe.epochs, planned_epochs)),
        split: SplitCounts {
            train: split.train.len(),
            val: split.val.len(),
            test: split.test.len(),
            given: folder.has_splits(),
        },
        recipe: recipe.clone(),
    };
    if let Some(stored) = stored.as_ref().filter(|_| goes_on) {
        check_same(&run, stored, &config)?;
        check_epochs(&run, stored, &config, notes.as_ref())?;
    } else {
        recipe.compile(&mut model, head, split.train.len())?;
    }
    output::message(introduction(&config, goes_on));

    let notes = notes.unwrap_or_else(|| Notes {
        classes: folder.class_names.clone(),
        split: (!folder.has_splits())
            .then(|| SplitNote { seed: recipe.seed, group_by: group_by.clone() }),
        training: None,
    });
    let job = Job {
        folder: &run,
        config: &config,
        parts: &parts,
        head,
        model,
        notes,
        machine: args.machine,
        tensorboard: args.tensorboard.as_deref(),
        how_to_go_on: "the same command with --resume goes on",
    };
    let (finished, mut best) = train(job)?;
    let metrics =
        report::write(&run, &config, &finished, &mut best, &parts, head, args.machine, None)?;
    if args.json {
        return output::json(&metrics);
    }
    output::result(report::in_words(&run, &config, &finished))
}

/// What a resumed run must have in common with what RUN holds: all but the number of epochs, and
/// what changes no result.
fn check_same(run: &RunFiles, stored: &RunConfig, now: &RunConfig) -> Result<(), CliError> {
    let mut differences = Vec::new();
    let mut compare = |what: &str, is_same: bool| {
        if !is_same {
            differences.push(what.to_owned());
        }
    };
    let (was, is) = (&stored.recipe, &now.recipe);
    compare("the classes", stored.classes == now.classes);
    compare("the numbers of pictures", stored.split == now.split);
    compare("--model", stored.model == now.model);
    compare("--group-by", stored.group_by == now.group_by);
    compare("--seed", was.seed == is.seed);
    compare("--batch-size", was.batch_size == is.batch_size);
    compare("--lr", was.learning_rate == is.learning_rate);
    compare("--augment", was.augment == is.augment);
    compare("--patience", was.patience == is.patience);
    compare("--label-smoothing", was.label_smoothing == is.label_smoothing);
    compare("--no-scaled-start", was.scaled_start == is.scaled_start);
    compare("--no-class-weights", was.class_weights == is.class_weights);
    compare("--no-early-stopping", was.early_stopping == is.early_stopping);
    compare("--no-schedule", was.schedule == is.schedule);
    compare("--no-standardize", was.standardize == is.standardize);
    if differences.is_empty() {
        let is_known = stored.fingerprint.is_some();
        if !is_known || stored.fingerprint == now.fingerprint {
            return Ok(());
        }
        return Err(CliError::message(format!(
            "{}: the run was started with other pictures than those of {}: their names, sizes, \
             classes or split differ; give the pictures that it was started with, or start a new run \
             in another folder",
            run.config().display(),
            now.data
        )));
    }
    Err(CliError::message(format!(
        "{}: the run was started with other settings: {} differ; resume it without them, or start a \
         new run in another folder",
        run.config().display(),
        differences.join(", ")
    )))
}

/// Epochs that the schedule of a run was made for.
fn planned_epochs(stored: &RunConfig) -> usize {
    stored.schedule_epochs.unwrap_or(stored.recipe.epochs)
}

/// A model without the state of training cannot go on as if it had not stopped.
fn check_notes(run: &RunFiles, notes: Option<&Notes>) -> Result<(), CliError> {
    if notes.is_some_and(|notes| notes.training.is_some()) {
        return Ok(());
    }
    Err(CliError::message(format!(
        "{}: the file does not say where training stands, as files saved by another program do not; \
         put back the one that Cornu wrote, start anew with --overwrite, or give the file as --model \
         of a new run in another folder",
        run.last().display()
    )))
}

/// More epochs than planned are trained at the schedule's last learning rate, which must be said;
/// fewer than done cannot be.
fn check_epochs(
    run: &RunFiles,
    stored: &RunConfig,
    now: &RunConfig,
    notes: Option<&Notes>,
) -> Result<(), CliError> {
    let (planned, wanted) = (planned_epochs(stored), now.recipe.epochs);
    let done = notes.and_then(|notes| notes.training.as_ref()).map_or(0, |state| state.epoch);
    if wanted < done {
        return Err(CliError::message(format!(
            "{}: --epochs {wanted}: the run has {} behind it; give at least as many, or start anew \
             with --overwrite",
            run.path().display(),
            output::counted(done, "epoch")
        )));
    }
    if now.recipe.schedule && wanted != planned {
        output::message(format!(
            "the schedule of the learning rate was made for {}, and stays: {}",
            output::counted(planned, "epoch"),
            if planned < wanted {
                "the further ones are trained at its last, lowest rate (a new run with --epochs would \
                 spread it over all)"
            } else {
                "training ends before it reaches its lowest rate"
            }
        ));
    }
    Ok(())
}

fn introduction(config: &RunConfig, goes_on: bool) -> String {
    let SplitCounts { train, val, test, given } = config.split;
    let names = config.classes.join(", ");
    let source = if given { "as the data set says" } else { "drawn by the seed" };
    let verb = if goes_on { "going on with" } else { "training" };
    format!(
        "{verb} {} on {} of {} classes ({names}); {val} to validate, {test} to test, {source}",
        config.model,
        output::counted(train, "picture"),
        config.classes.len()
    )
}

/// The settings of `demo`.
pub(crate) fn demo_recipe(seed: Option<u64>, epochs: Option<usize>) -> Recipe {
    let settings = Settings { seed, epochs, ..Settings::default() };
    settings.apply(recipe::Recipe::demo())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The help names the recipe's defaults in words: they must agree.
    #[test]
    fn the_help_tells_the_recipes_defaults() {
        let command = <Settings as clap::Args>::augment_args(clap::Command::new("train"));
        let recipe = Recipe::default();
        let defaults = [
            ("epochs", recipe.epochs.to_string()),
            ("batch_size", recipe.batch_size.to_string()),
            ("lr", recipe.learning_rate.to_string()),
            ("seed", recipe.seed.to_string()),
            ("augment", format!("{:?}", recipe.augment).to_lowercase()),
            ("patience", recipe.patience.to_string()),
            ("label_smoothing", recipe.label_smoothing.to_string()),
        ];
        for (name, default) in defaults {
            let argument = command.get_arguments().find(|argument| argument.get_id() == name);
            let help = argument.and_then(clap::Arg::get_help).unwrap().to_string();
            assert!(help.ends_with(&format!("[default: {default}]")), "{name}: {help}");
        }
    }

    #[test]
    fn what_is_typed_changes_the_recipe_and_nothing_else_does() {
        let base = Recipe::default();
        assert_eq!(Settings::default().apply(base.clone()), base);
        let typed = Settings { lr: Some(0.5), no_schedule: true, ..Settings::default() };
        let recipe = typed.apply(base.clone());
        assert_eq!(recipe, Recipe { learning_rate: 0.5, schedule: false, ..base });
    }
}
