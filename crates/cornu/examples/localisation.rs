//! Where the maps of a trained network have their maximum, on synthetic X-rays whose fluid is known:
//!
//! ```text
//! cornu demo --out cornu-demo
//! cargo run --release -p cornu --example localisation -- cornu-demo/best.keras
//! ```
//!
//! A network made to keep places, trained on the same pictures:
//!
//! ```text
//! cornu demo --out cornu-demo --export pictures
//! cargo run --release -p cornu --example localisation -- config > place.json
//! cornu train pictures --model place.json --out place --epochs 60
//! cargo run --release -p cornu --example localisation -- place/best.keras
//! ```
//!
//! Draws pictures that no `cornu demo` trains on, explains the class `effusion` for the positives that
//! the network finds, and counts those whose maximum lies inside the fluid, or next to it: not farther
//! away than half a cell of the layer (4 pixels for maps of single pixels), and beside that within 16 of
//! 256 pixels. `by chance` counts the latter for the middles of all cells of the layer.

#![allow(clippy::print_stdout, reason = "an example talks")]

use cornu::data::phantom;
use cornu::explain::{Explainer, Method, Target};
use cornu::prelude::*;

/// Beyond the largest set that `cornu demo` draws.
const FIRST: usize = 20_000;

/// More of a pixel than this lies behind fluid (0 to 255): what an eye sees of it.
const SEEN: u8 = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("give a model trained by `cornu demo`")?;
    if file == "config" {
        println!("{}", place_cnn()?.to_json());
        return Ok(());
    }
    let n: usize = arguments.next().map_or(Ok(200), |n| n.parse())?;
    let only: Vec<String> = arguments.collect();
    let model = Model::load(std::path::Path::new(&file))?;
    let shape = model.input_shapes()[0].sample().ok_or("the model takes pictures of one size")?;
    let [height, width, 1] = shape[..] else { return Err("expected grey pictures".into()) };
    if height != width {
        return Err("expected square pictures".into());
    }

    // Effusion is class 0 and drawn at even indices.
    let drawn: Vec<phantom::PhantomPicture> =
        (0..n).map(|i| phantom::draw(42, FIRST + 2 * i, height)).collect();
    let pixels: Vec<f32> = drawn.iter().flat_map(|p| &p.pixels).map(|&x| f32::from(x)).collect();
    let pictures = Tensor::new([n, height, width, 1], pixels)?;
    let distances: Vec<Vec<f64>> = drawn.iter().map(distances).collect();
    let mut explainer = Explainer::new(&model)?;
    let layers = layers(&model)?;
    let last = explainer.default_layer()?;
    println!("{n} pictures with effusion; the last convolution is `{last}`");
    println!(
        "method                 layer                found  inside  half a cell  16 px  by chance"
    );

    let mut methods: Vec<Method> = vec![Method::grad_cam_plus_plus()];
    for layer in &layers {
        methods.push(Method::grad_cam_plus_plus().at_layer(layer));
    }
    for name in Method::NAMES {
        methods.push(Method::named(name)?);
    }
    let is_asked = |method: &Method| only.is_empty() || only.iter().any(|m| m == method.name());
    for method in methods.iter().filter(|method| is_asked(method)) {
        let maps = explainer.explain_batch(&pictures, method, &vec![Target::Predicted; n])?;
        let (mut found, mut inside, mut near, mut close) = (0, 0, 0, 0);
        let (mut chance, mut cells) = (0usize, 0usize);
        for (map, distances) in maps.iter().zip(&distances).filter(|(map, _)| map.class == 0) {
            found += 1;
            let cell = map.coarse.as_ref().map_or(8.0, |c| height as f64 / c.dims()[0] as f64);
            let (row, column) = map.peak();
            let away = distances[row * width + column];
            inside += usize::from(away == 0.0);
            near += usize::from(away <= cell / 2.0);
            close += usize::from(away <= 16.0 * height as f64 / 256.0);
            let side = (height as f64 / cell) as usize;
            for i in 0..side * side {
                let at = |k: usize| ((k as f64 + 0.5) * cell) as usize;
                let away = distances[at(i / side) * width + at(i % side)];
                chance += usize::from(away <= 16.0 * height as f64 / 256.0);
            }
            cells += side * side;
        }
        let share = |n: usize, of: usize| 100.0 * n as f64 / of.max(1) as f64;
        println!(
            "{:<22} {:<20} {found:>5}  {:>4.1} %  {:>9.1} %  {:>3.1} %  {:>7.1} %",
            method.name(),
            maps[0].layer.as_deref().unwrap_or("-"),
            share(inside, found),
            share(near, found),
            share(close, found),
            share(chance, cells)
        );
    }
    Ok(())
}

/// A network whose last feature maps still know where something is: 16 x 16 cells, of which each sees a
/// part of the picture, under a global maximum that is reached in one place; an output for each class.
fn place_cnn() -> Result<Model, ModelError> {
    let inputs = Input::new([256, 256, 1]);
    let conv = |n| Conv2D::new(n, 3).padding(Padding::Same).activation(Activation::Relu);
    let mut x = inputs.clone();
    for filters in [8, 8, 12, 20] {
        x = MaxPooling2D::new().apply(&conv(filters).apply(&x)?)?;
    }
    x = GlobalMaxPooling2D::new().apply(&conv(32).apply(&x)?)?;
    let outputs = Dense::new(2).activation(Activation::Softmax).apply(&x)?;
    Ok(Model::new(&inputs, &outputs)?.named("place_cnn"))
}

/// Layers that Grad-CAM++ can look at: convolutions.
fn layers(model: &Model) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let layers = model.layers().into_iter();
    Ok(layers.filter(|layer| layer.1.contains("Conv")).map(|layer| layer.0.to_owned()).collect())
}

/// For each pixel how far it is from the nearest one behind fluid; 0 inside.
fn distances(picture: &phantom::PhantomPicture) -> Vec<f64> {
    let n = picture.size;
    // Pass 1: to the nearest pixel of the same row. Pass 2: over all rows.
    let mut in_row = vec![f64::INFINITY; n * n];
    for (fluid, out) in picture.fluid.chunks(n).zip(in_row.chunks_mut(n)) {
        for step in [1, n - 1] {
            let mut away = f64::INFINITY;
            for i in 0..n {
                let x = if step == 1 { i } else { n - 1 - i };
                away = if SEEN < fluid[x] { 0.0 } else { away + 1.0 };
                out[x] = away.min(out[x]);
            }
        }
    }
    let mut out = vec![0.0; n * n];
    for x in 0..n {
        for y in 0..n {
            let square = |row: usize| {
                let (dy, dx) = (y.abs_diff(row) as f64, in_row[row * n + x]);
                dy * dy + dx * dx
            };
            out[y * n + x] = (0..n).map(square).fold(f64::INFINITY, f64::min).sqrt();
        }
    }
    out
}
