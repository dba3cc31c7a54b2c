use cornu::model::Model;
use cornu::prelude::{Adam, BinaryCrossentropy, CategoricalCrossentropy, MeanSquaredError};

use super::train::at_least_one;
use crate::error::CliError;
use crate::machine::Machine;
use crate::model_argument::ModelArgument;
use crate::output;

/// Print what a model is compiled to: every step with its kernel, shapes and memory
///
/// The steps are the same for batches of any size: samples go through them one after the other,
/// shared among the threads. The first line says how --batch samples are divided on --threads threads
/// and what memory that takes.
///
/// Examples:
///
///   cornu plan lesson-cnn                 prediction
///   cornu plan lesson-cnn --train         forward, backward and Adam's update
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// A built-in name (lesson-cnn), a Keras .json config, or a .keras or .h5 file
    model: String,
    /// The plan of a training step instead of a prediction
    #[arg(long)]
    train: bool,
    /// Samples per step
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = at_least_one)]
    #[arg(allow_negative_numbers = true)]
    batch: usize,
    #[command(flatten)]
    machine: Machine,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    args.machine.prepare();
    let mut model = ModelArgument::parse(&args.model)?.open()?.model;
    compile_for_speed(&mut model)?;
    args.machine.apply(&mut model)?;
    let what = if args.train { "training step" } else { "prediction" };
    let plan = model.plan_text(args.train, args.batch)?;
    output::result(format!("{}: {what}", args.model))?;
    output::result(plan.trim_end_matches('\n'))
}

/// Compiles a model to be timed or planned: Adam, and the loss that its last layer suggests, each
/// output with a target of its own shape.
pub(crate) fn compile_for_speed(model: &mut Model) -> Result<(), CliError> {
    match last_activation(model).as_str() {
        "sigmoid" => model.compile(Adam::new(), BinaryCrossentropy::new(), [])?,
        "softmax" => model.compile(Adam::new(), CategoricalCrossentropy::new(), [])?,
        _ => model.compile(Adam::new(), MeanSquaredError::new(), [])?,
    }
    Ok(())
}

/// The activation of the last layer, as its configuration names it; empty if it has none.
pub(crate) fn last_activation(model: &Model) -> String {
    let config = model.to_config();
    let last = config["config"]["layers"].as_array().and_then(|layers| layers.last().cloned());
    let last = last.unwrap_or_default();
    if last["class_name"] == "Softmax" {
        return "softmax".to_owned();
    }
    last["config"]["activation"].as_str().unwrap_or_default().to_owned()
}
