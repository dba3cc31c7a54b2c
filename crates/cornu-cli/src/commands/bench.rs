use std::path::Path;
use std::time::Instant;

use cornu::model::{Batch, Layout, Model};
use cornu::prelude::{Adam, BinaryCrossentropy, MeanSquaredError, SparseCategoricalCrossentropy};
use cornu::tensor::Tensor;
use serde::Serialize;

use super::plan::last_activation;
use super::train::at_least_one;
use crate::error::CliError;
use crate::machine::{Machine, peak_rss_mb};
use crate::model_argument::ModelArgument;
use crate::output;
use crate::profile_text::profile_text;

/// Time training, inference and latency of a model on random data in memory
///
/// A training step is forward pass, backward pass and Adam's update; the loss is binary
/// cross-entropy after a sigmoid, sparse categorical cross-entropy after a softmax, else mean
/// squared error. Figures are medians over the steps.
///
/// Examples:
///
///   cornu bench lesson-cnn
///   cornu bench net.json --batch 16 --threads 1 --json
///   cornu bench lesson-cnn --profile
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// A built-in name (lesson-cnn), a Keras .json config, or a .keras or .h5 file
    model: String,
    /// Samples per step
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = at_least_one)]
    #[arg(allow_negative_numbers = true)]
    batch: usize,
    /// Steps to time, after three to warm up
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = at_least_one)]
    #[arg(allow_negative_numbers = true)]
    steps: usize,
    /// Print one JSON object: train_img_s, infer_img_s, latency_b1_ms, first_step_s, peak_rss_mb
    #[arg(long)]
    json: bool,
    /// Print where the time goes instead: each step of the plan with its time, arithmetic per second,
    /// and that as a part of what the processor can do
    #[arg(long, conflicts_with = "json")]
    profile: bool,
    #[command(flatten)]
    machine: Machine,
}

/// Runs before those that are timed.
const WARM_UP: usize = 3;
/// The same for single samples, which take less time each.
const WARM_UP_SINGLE: usize = 5;

#[derive(Debug, Serialize)]
struct Figures {
    engine: &'static str,
    net: String,
    batch: usize,
    threads: usize,
    /// Samples per second in training steps.
    train_img_s: f64,
    /// Samples per second in predictions of a batch.
    infer_img_s: f64,
    /// Time of a prediction of one sample.
    latency_b1_ms: f64,
    /// From the start of the program to the end of the first training step.
    first_step_s: f64,
    /// Most memory that the program ever had, MiB.
    peak_rss_mb: u64,
}

pub(crate) fn run(args: &Args, start: Instant) -> Result<(), CliError> {
    args.machine.prepare();
    cornu::set_random_seed(7);
    let mut model = ModelArgument::parse(&args.model)?.open()?.model;
    args.machine.apply(&mut model)?;
    let batch = random_batch(&mut model, args.batch)?;

    if args.profile {
        for (training, title) in [(true, "training step"), (false, "prediction")] {
            let profile = model.profile(training, &batch, args.steps)?;
            output::result(profile_text(title, &profile))?;
        }
        return Ok(());
    }
    model.train_on_batch(&batch)?;
    let first_step_s = start.elapsed().as_secs_f64();
    let train = median_seconds(args.steps, WARM_UP, || model.train_on_batch(&batch).map(drop))?;
    let infer = median_seconds(args.steps, WARM_UP, || model.predict_on_batch(&batch.x).map(drop))?;
    let one: Vec<Tensor> = batch.x.iter().map(|x| x.rows(0, 1)).collect();
    let latency =
        median_seconds(4 * args.steps, WARM_UP_SINGLE, || model.predict_on_batch(&one).map(drop))?;

    let threads = args.machine.n_threads();
    let net = Path::new(&args.model).file_name().map(|name| name.to_string_lossy().into_owned());
    let figures = Figures {
        engine: "cornu",
        net: net.unwrap_or_default(),
        batch: args.batch,
        threads,
        train_img_s: rounded(args.batch as f64 / train, 1),
        infer_img_s: rounded(args.batch as f64 / infer, 1),
        latency_b1_ms: rounded(1e3 * latency, 3),
        first_step_s: rounded(first_step_s, 3),
        peak_rss_mb: peak_rss_mb(),
    };
    if args.json {
        return output::json(&figures);
    }
    output::result(format!(
        "{}, batch {}, {} threads\n\
         training        {:>10.1} images/s\n\
         inference       {:>10.1} images/s\n\
         one image       {:>10.3} ms\n\
         first step after{:>10.3} s\n\
         peak memory     {:>10} MiB",
        figures.net,
        figures.batch,
        figures.threads,
        figures.train_img_s,
        figures.infer_img_s,
        figures.latency_b1_ms,
        figures.first_step_s,
        figures.peak_rss_mb
    ))
}

/// Compiles the model and makes `n` samples with targets for it.
fn random_batch(model: &mut Model, n: usize) -> Result<Batch, CliError> {
    let mut random = cornu::data::SplitMix64::new(0);
    let mut sizes = Vec::new();
    for shape in model.input_shapes().iter().chain(&model.output_shapes()) {
        sizes.push(shape.sample().ok_or_else(|| {
            CliError::message(format!("bench: every axis must have a size, got shape {shape}"))
        })?);
    }
    let n_inputs = model.input_shapes().len();
    let (x, y) = (sizes[..n_inputs].to_vec(), sizes[n_inputs..].to_vec());
    model.check_batch(&Layout { x, y, ..Layout::default() }, n)?;
    let mut uniform = |dims: &[usize]| {
        let dims = [&[n], dims].concat();
        Tensor::try_from_fn(dims, |_| (random.next_u64() >> 40) as f32 / (1u64 << 24) as f32)
            .ok_or_else(|| {
                let problem = "there is too little memory for their data; use a smaller --batch";
                CliError::message(format!("{n} samples: {problem}"))
            })
    };
    let mut all = |sizes: &[Vec<usize>]| {
        sizes.iter().map(|dims| uniform(dims)).collect::<Result<Vec<_>, _>>()
    };
    let x = all(&sizes[..n_inputs])?;
    let outputs = &sizes[n_inputs..];
    let y = match (last_activation(model).as_str(), outputs) {
        ("softmax", [dims]) => {
            model.compile(Adam::new(), SparseCategoricalCrossentropy::new(), [])?;
            let classes = dims.last().copied().unwrap_or(1);
            let mut label_dims = dims.clone();
            if let Some(last) = label_dims.last_mut() {
                *last = 1;
            }
            vec![all(&[label_dims])?.remove(0).map(|x| (x * classes as f32).floor())]
        }
        ("sigmoid", _) => {
            model.compile(Adam::new(), BinaryCrossentropy::new(), [])?;
            all(outputs)?.iter().map(|y| y.map(|x| x.round())).collect()
        }
        _ => {
            model.compile(Adam::new(), MeanSquaredError::new(), [])?;
            all(outputs)?
        }
    };
    Ok(Batch { x, y, ..Batch::default() })
}

fn median_seconds<E>(
    n: usize,
    warm_up: usize,
    mut step: impl FnMut() -> Result<(), E>,
) -> Result<f64, E> {
    for _ in 0..warm_up {
        step()?;
    }
    let mut seconds = Vec::with_capacity(n);
    for _ in 0..n {
        let start = Instant::now();
        step()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(0.5 * (seconds[(n - 1) / 2] + seconds[n / 2]))
}

fn rounded(x: f64, digits: i32) -> f64 {
    let unit = 10f64.powi(digits);
    (x * unit).round() / unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        let mut calls = 0;
        let seconds = median_seconds(4, 2, || {
            calls += 1;
            Ok::<(), ()>(())
        });
        assert!(seconds.unwrap() < 1.0);
        assert_eq!(calls, 6);
        assert_eq!((rounded(1.25, 1), rounded(-0.0004, 3)), (1.3, 0.0));
    }
}
