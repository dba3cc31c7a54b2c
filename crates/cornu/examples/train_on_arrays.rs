//! Trains a small CNN on arrays: shrunken pictures of the synthetic chest X-ray set.
//!
//! `cargo run --release -p cornu --example train_on_arrays`

#![allow(clippy::print_stdout, reason = "a program, not a library")]

use cornu::data::{Picture, Pixels, Resize, phantom};
use cornu::prelude::*;

/// Side of a picture.
const SIDE: usize = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    cornu::set_random_seed(7);
    let (train, val) = (pictures(0..240)?, pictures(240..320)?);

    let inputs = Input::new([SIDE, SIDE, 1]);
    let mut x = Rescaling::new(1.0 / 255.0).apply(&inputs)?;
    for filters in [8, 16, 16] {
        x = Conv2D::new(filters, 3)
            .padding(Padding::Same)
            .activation(Activation::Relu)
            .kernel_initializer(Initializer::HeUniform { seed: None })
            .apply(&x)?;
        x = MaxPooling2D::new().apply(&x)?;
    }
    x = Flatten::new().apply(&x)?;
    let outputs = Dense::new(1).activation(Activation::Sigmoid).apply(&x)?;
    let mut model = Model::new(&inputs, &outputs)?;
    println!("{}", model.summary());

    model.compile(Adam::new(), BinaryCrossentropy::new(), [Metric::accuracy(), Metric::auc()])?;
    let print = LambdaCallback::new().on_epoch_end(|_, epoch, logs| {
        println!("epoch {}: loss {:.3}, val_auc {:.3}", epoch + 1, logs["loss"], logs["val_auc"]);
        Ok(())
    });
    model.fit(&train, Fit::epochs(10).batch_size(16).validation(&val).callback(print))?;

    let scores = model.evaluate(&val)?;
    println!("synthetic pictures, accuracy {:.3}", scores["accuracy"]);
    Ok(())
}

/// Pictures of the set as arrays of samples and labels.
fn pictures(indices: std::ops::Range<usize>) -> Result<Dataset, Box<dyn std::error::Error>> {
    let n = indices.len();
    let (mut samples, mut labels) = (Vec::new(), Vec::new());
    for index in indices {
        let drawn = phantom::draw(1, index, phantom::SIZE);
        let (height, width) = (drawn.size, drawn.size);
        let picture = Picture { height, width, channels: 1, pixels: Pixels::U8(drawn.pixels) };
        let small = picture.resized(SIDE, SIDE, Resize { antialias: true, ..Resize::default() });
        samples.extend(small.pixels.to_f32());
        labels.push(drawn.class.index() as f32);
    }
    let samples = Tensor::new([n, SIDE, SIDE, 1], samples)?;
    Ok(Dataset::new(samples, Tensor::new([n, 1], labels)?)?)
}
