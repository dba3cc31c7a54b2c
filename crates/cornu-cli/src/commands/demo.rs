use std::path::PathBuf;
use std::sync::Arc;

use cornu::data::{Dataset, phantom};

use super::train::{at_least_one, demo_recipe};
use crate::error::CliError;
use crate::labels::head_of;
use crate::machine::Machine;
use crate::model_argument::{LESSON_CNN, ModelArgument};
use crate::model_file::Notes;
use crate::recipe::{self, DEMO_PICTURES};
use crate::run::{Job, Parts, RunConfig, RunFolder, SplitCounts, train};
use crate::{interrupt, output, report};

/// Try Cornu without data: draw synthetic chest X-rays, train on them, evaluate, report
///
/// The pictures are drawn by a program: lungs, ribs, heart and, in half of them, fluid that blunts
/// the angle between ribs and diaphragm (effusion). They are synthetic and stand for no person; a
/// model trained on them is of no medical use.
///
/// Takes about half a minute on two cores and writes what `cornu train` writes.
///
/// Examples:
///
///   cornu demo
///   cornu demo --out my-demo --seed 7
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The folder to write to; files of an earlier demo in it are replaced
    #[arg(long, value_name = "RUN", default_value = "cornu-demo")]
    out: PathBuf,
    /// Seed of the pictures and of the training [default: 42]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Number of pictures to draw, 6 to 8192
    #[arg(long, value_name = "N", default_value_t = DEMO_PICTURES, value_parser = drawable)]
    pictures: usize,
    /// Passes over the training pictures, at most [default: 50]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    epochs: Option<usize>,
    /// Also write the pictures as PNG files into this folder, for `cornu train` and `predict`; it must
    /// be new, empty, or one of an earlier export
    #[arg(long, value_name = "FOLDER")]
    export: Option<PathBuf>,
    /// Also write event files for TensorBoard into this folder, as `cornu train --tensorboard` does
    #[arg(long, value_name = "DIR")]
    tensorboard: Option<PathBuf>,
    /// Print the content of metrics.json as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    machine: Machine,
}

/// What `config.toml` of a demo says of its data; a folder of the user's never has this name.
pub(crate) const SYNTHETIC: &str = "<synthetic chest X-rays>";

/// All pictures are kept, 64 KiB each: these are half a GiB.
const MOST_PICTURES: usize = 8192;

fn drawable(text: &str) -> Result<usize, String> {
    let n = text.parse().ok().filter(|n| (phantom::FEWEST..=MOST_PICTURES).contains(n));
    n.ok_or_else(|| {
        let fewest = phantom::FEWEST;
        format!("expected a whole number from {fewest} to {MOST_PICTURES}")
    })
}

/// Nothing is trained yet, so there is nothing to save.
fn interrupted() -> CliError {
    CliError::Interrupted("stopped before training began; the same command starts anew".to_owned())
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    args.machine.prepare();
    let run = RunFolder::create(&args.out)?;
    let is_demo = || RunConfig::read(&run.config()).is_ok_and(|config| config.data == SYNTHETIC);
    if run.holds_model() && !is_demo() {
        return Err(CliError::message(format!(
            "{}: this folder holds a run that is no demo; give another folder with --out",
            run.path().display()
        )));
    }
    let export_error =
        |error| CliError::message(format!("{error}; choose the folder with --export"));
    if let Some(folder) = &args.export {
        phantom::Set::check_export(folder, args.pictures).map_err(export_error)?;
    }
    interrupt::watch();
    let recipe = demo_recipe(args.seed, args.epochs);
    output::message(format!(
        "drawing {} synthetic chest X-rays (not of people, and of no medical use)",
        args.pictures
    ));
    let goes_on = || !interrupt::asked();
    let set =
        phantom::Set::draw_while(recipe.seed, args.pictures, goes_on).ok_or_else(interrupted)?;
    if let Some(folder) = &args.export {
        if !set.export_png_while(folder, goes_on).map_err(export_error)? {
            return Err(interrupted());
        }
        output::message(format!("the pictures are in {}", folder.display()));
    }
    let classes = set.class_names();
    let split = set.split()?;
    let set: Arc<dyn Dataset> = Arc::new(set);
    let mut model = recipe.model(&ModelArgument::LessonCnn, classes.len())?.model;
    let head = head_of(&model, &classes)?;
    let parts = Parts::of_dataset(&set, &split, recipe::targets(head));
    recipe.compile(&mut model, head, split.train.len())?;
    let config = RunConfig {
        cornu: env!("CARGO_PKG_VERSION").to_owned(),
        data: SYNTHETIC.to_owned(),
        model: LESSON_CNN.to_owned(),
        classes: classes.clone(),
        input: set.sample_shape(),
        cache_mb: 0,
        group_by: None,
        weights: None,
        fingerprint: None,
        schedule_epochs: recipe.schedule.then_some(recipe.epochs),
        split: SplitCounts {
            train: split.train.len(),
            val: split.val.len(),
            test: split.test.len(),
            given: true,
        },
        recipe,
    };
    output::message(format!(
        "training {LESSON_CNN} on {} of them; {} to validate, {} to test",
        config.split.train, config.split.val, config.split.test
    ));
    let notes = Notes { classes, split: None, training: None };
    let job = Job {
        folder: &run,
        config: &config,
        parts: &parts,
        head,
        model,
        notes,
        machine: args.machine,
        tensorboard: args.tensorboard.as_deref(),
        how_to_go_on: "the same command starts anew",
    };
    let (finished, mut best) = train(job)?;
    let note =
        "The pictures are synthetic: drawn by a program, of no person and of no medical use.";
    let metrics =
        report::write(&run, &config, &finished, &mut best, &parts, head, args.machine, Some(note))?;
    if args.json {
        return output::json(&metrics);
    }
    output::result(format!("{note}\n{}", report::in_words(&run, &config, &finished)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_tells_the_recipes_defaults() {
        let command = <Args as clap::Args>::augment_args(clap::Command::new("demo"));
        let help = |name: &str| {
            let argument = command.get_arguments().find(|argument| argument.get_id() == name);
            argument.and_then(clap::Arg::get_help).unwrap().to_string()
        };
        let recipe = crate::recipe::Recipe::demo();
        assert!(help("epochs").ends_with(&format!("[default: {}]", recipe.epochs)));
        assert!(help("seed").ends_with(&format!("[default: {}]", recipe.seed)));
    }
}
