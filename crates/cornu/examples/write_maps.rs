//! Writes a network, pictures and their maps of attribution, to be compared with those that Keras
//! makes: `cargo run -p cornu --example write_maps -- FOLDER`, then `conformance/keras/explain.py FOLDER`.

#![allow(clippy::print_stdout, reason = "an example talks")]

use std::path::PathBuf;

use cornu::data::{phantom, write_npy};
use cornu::explain::{Explainer, Method, SmoothGrad, Target};
use cornu::prelude::*;

const SIDE: usize = 64;
const PICTURES: usize = 4;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("give a folder to write to")?);
    std::fs::create_dir_all(&folder)?;
    cornu::set_random_seed(5);
    for (name, units) in [("binary", 1), ("classes", 2)] {
        let mut model = network(units)?;
        train(&mut model, units)?;
        model.save(folder.join(format!("{name}.keras")))?;
        let pictures: Vec<f32> = (0..PICTURES).flat_map(|i| pixels(1000 + i)).collect();
        let pictures = Tensor::new([PICTURES, SIDE, SIDE, 1], pictures)?;
        write_npy(&folder.join(format!("{name}-pictures.npy")), &pictures)?;
        let mut explainer = Explainer::new(&model)?;
        for class in 0..2 {
            let targets = [Target::Class(class); PICTURES];
            for method in Method::NAMES {
                let mut method = Method::named(method)?;
                if let Method::SmoothGrad(settings) = &mut method {
                    // Two means of so many noisy copies are close, whatever the noise.
                    *settings = SmoothGrad { samples: 2048, ..*settings };
                }
                let maps = explainer.explain_batch(&pictures, &method, &targets)?;
                let values: Vec<f32> =
                    maps.iter().flat_map(|map| map.values.data()).copied().collect();
                let maps_at = folder.join(format!("{name}-{class}-{}.npy", method.name()));
                write_npy(&maps_at, &Tensor::new([PICTURES, SIDE, SIDE], values)?)?;
                let steps: Vec<f32> = maps
                    .iter()
                    .filter_map(|map| map.completeness)
                    .flat_map(|c| [c.steps as f32, c.sum as f32, c.difference as f32])
                    .collect();
                if !steps.is_empty() {
                    let at = folder.join(format!("{name}-{class}-completeness.npy"));
                    write_npy(&at, &Tensor::new([PICTURES, 3], steps)?)?;
                }
            }
        }
        println!("{name}: maps of {PICTURES} pictures and 2 classes");
    }
    Ok(())
}

/// A small network with its preprocessing, batch normalization and a model used as a layer.
fn network(units: usize) -> Result<Model, ModelError> {
    let base_input = Input::new([SIDE, SIDE, 1]);
    let mut x = Conv2D::new(8, 3).padding(Padding::Same).apply(&base_input)?;
    x = BatchNormalization::new().apply(&x)?;
    x = cornu::nn::layers::Activation::new(Activation::Relu).apply(&x)?;
    x = MaxPooling2D::new().apply(&x)?;
    x = Conv2D::new(12, 5).activation(Activation::Relu).apply(&x)?;
    let base = Model::new(&base_input, &x)?.named("base");

    let inputs = Input::new([SIDE, SIDE, 1]);
    let x = Rescaling::new(1.0 / 255.0).apply(&inputs)?;
    let x = base.apply(&x)?;
    let x = MaxPooling2D::new().apply(&x)?;
    let x = Conv2D::new(16, 3).activation(Activation::Elu).apply(&x)?;
    let x = GlobalAveragePooling2D::new().apply(&x)?;
    let x = Dense::new(12).activation(Activation::Relu).apply(&x)?;
    let last = if units == 1 { Activation::Sigmoid } else { Activation::Softmax };
    let outputs = Dense::new(units).activation(last).apply(&x)?;
    Model::new(&inputs, &outputs)
}

fn pixels(index: usize) -> Vec<f32> {
    phantom::draw(7, index, SIDE).pixels.into_iter().map(f32::from).collect()
}

fn train(model: &mut Model, units: usize) -> Result<(), ModelError> {
    const N: usize = 64;
    let x = Tensor::from_fn([N, SIDE, SIDE, 1], {
        let all: Vec<f32> = (0..N).flat_map(pixels).collect();
        move |i| all[i]
    });
    let y = Tensor::from_fn([N, units], |i| {
        let (sample, unit) = (i / units, i % units);
        if units == 1 { (sample % 2) as f32 } else { f32::from(u8::from(sample % 2 == unit)) }
    });
    let data = Dataset::new(x, y)?;
    if units == 1 {
        model.compile(Adam::default(), BinaryCrossentropy::default(), [Metric::accuracy()])?;
    } else {
        model.compile(Adam::default(), CategoricalCrossentropy::default(), [Metric::accuracy()])?;
    }
    model.fit(&data, Fit::epochs(8).batch_size(16))?;
    Ok(())
}
