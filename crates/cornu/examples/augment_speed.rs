//! Compares training steps of `lesson-cnn` behind each kind of augmentation with steps without any.
//!
//! A few steps with and a few without alternate, and their times are divided, so that the medians of
//! the ratios bear other work on the machine.
//!
//! `cargo run --release -p cornu --example augment_speed -- [rounds] [kind]`

#![allow(clippy::print_stdout, reason = "a program, not a library")]

use std::error::Error;
use std::time::Instant;

use cornu::networks::{Head, LESSON_CNN_INPUT, lesson_cnn_on};
use cornu::prelude::*;

const BATCH: usize = 16;
const ROUNDS: usize = 30;
const STEPS: usize = 5;
const NONE: &str = "none";
const KINDS: [&str; 8] =
    [NONE, "flip", "translation", "rotation", "zoom", "contrast", "brightness", "strong"];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().map(|rounds| rounds.parse()).transpose()?.unwrap_or(ROUNDS);
    let only = arguments.next();
    let chosen = |kind: &str| only.as_ref().is_none_or(|only| kind == NONE || kind == only);
    let x = Tensor::from_fn([BATCH, 256, 256, 1], |i| (i * 31 % 251) as f32);
    let y = Tensor::from_fn([BATCH, 1], |i| (i % 2) as f32);
    let batch = Batch::new(x, y);
    let mut plain = model(NONE)?;
    let mut models = KINDS
        .into_iter()
        .filter(|kind| chosen(kind))
        .map(|kind| Ok((kind, model(kind)?, Vec::new())))
        .collect::<Result<Vec<(&str, Model, Vec<f64>)>, Box<dyn Error>>>()?;
    steps(&mut plain, &batch)?;
    for (_, model, _) in &mut models {
        steps(model, &batch)?;
    }
    let mut seconds = Vec::new();
    for _ in 0..rounds.max(1) {
        for (_, model, ratios) in &mut models {
            let without = steps(&mut plain, &batch)?;
            ratios.push(steps(model, &batch)? / without);
            seconds.push(without);
        }
    }
    let ms = median(seconds) * 1e3 / STEPS as f64;
    println!("none: {ms:.1} ms per step of {BATCH}");
    for (kind, _, ratios) in models {
        println!("{kind:12} {:.3}", median(ratios));
    }
    Ok(())
}

/// The network behind `kind` of augmentation, with the factors of `cornu train --augment strong`, and
/// standardisation of each picture.
fn model(kind: &str) -> Result<Model, Box<dyn Error>> {
    let inputs = Input::new(LESSON_CNN_INPUT);
    let is = |one: &str| kind == one || kind == "strong";
    let mut x = inputs.clone();
    if is("flip") {
        x = RandomFlip::new(FlipMode::Horizontal).apply(&x)?;
    }
    if is("translation") {
        x = RandomTranslation::new(0.1, 0.1).apply(&x)?;
    }
    if is("rotation") {
        x = RandomRotation::new(0.04).apply(&x)?;
    }
    if is("zoom") {
        x = RandomZoom::new(0.15).apply(&x)?;
    }
    if kind == "contrast" {
        x = RandomContrast::new(0.3).apply(&x)?;
    }
    if kind == "brightness" {
        x = RandomBrightness::new(0.2).apply(&x)?;
    }
    x = LayerNormalization::new().axis(vec![1, 2, 3]).center(false).scale(false).apply(&x)?;
    let outputs = lesson_cnn_on(&x, Head::Binary)?;
    let mut model = Model::new(&inputs, &outputs)?;
    model.compile(Adam::new(), BinaryCrossentropy::new(), [])?;
    Ok(model)
}

/// Seconds of some training steps.
fn steps(model: &mut Model, batch: &Batch) -> Result<f64, ModelError> {
    let start = Instant::now();
    for _ in 0..STEPS {
        model.train_on_batch(batch)?;
    }
    Ok(start.elapsed().as_secs_f64())
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
