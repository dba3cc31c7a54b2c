//! Where the maps of a trained network have their maximum, on synthetic X-rays whose fluid is known:
//!
//! ```text
//! cornu demo --out cornu-demo
//! cargo run --release -p cornu --example localisation -- cornu-demo/best.keras
//! ```
//!
//! Draws pictures that no `cornu demo` trains on, explains the class `effusion` for the positives that
//! the network finds, and counts those whose maximum lies inside the fluid, or next to it: not farther
//! away than half the distance between neighbours of the map (half a cell of the layer; 4 pixels for maps
//! of single pixels), and beside that within 16 pixels, a sixteenth of the picture. `by chance` counts
//! the same for the middles of all cells of the layer.

#![allow(clippy::print_stdout, reason = "an example talks")]

use cornu::data::phantom;
use cornu::explain::{Explainer, Method, Target};
use cornu::model::Model;
use cornu::tensor::Tensor;

/// Beyond the largest set that `cornu demo` draws.
const FIRST: usize = 20_000;

/// More of a pixel than this lies behind fluid (0 to 255): what an eye sees of it.
const SEEN: u8 = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("give a model trained by `cornu demo`")?;
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
        for (map, picture) in maps.iter().zip(&drawn).filter(|(map, _)| map.class == 0) {
            found += 1;
            let cell = map.coarse.as_ref().map_or(8.0, |c| height as f64 / c.dims()[0] as f64);
            let (row, column) = map.peak();
            let away = distance(picture, row as f64, column as f64);
            inside += usize::from(away == 0.0);
            near += usize::from(away <= cell / 2.0);
            close += usize::from(away <= 16.0 * height as f64 / 256.0);
            let side = (height as f64 / cell) as usize;
            for i in 0..side * side {
                let at = |k: usize| (k as f64 + 0.5) * cell - 0.5;
                let away = distance(picture, at(i / side), at(i % side));
                chance += usize::from(away <= cell / 2.0);
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

/// Layers that Grad-CAM++ can look at: convolutions.
fn layers(model: &Model) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let layers = model.layers().into_iter();
    Ok(layers.filter(|layer| layer.1.contains("Conv")).map(|layer| layer.0.to_owned()).collect())
}

/// Pixels from a place to the nearest one behind fluid; 0 inside.
fn distance(picture: &phantom::PhantomPicture, row: f64, column: f64) -> f64 {
    let mut nearest = f64::INFINITY;
    for (i, _) in picture.fluid.iter().enumerate().filter(|(_, fluid)| SEEN < **fluid) {
        let (y, x) = ((i / picture.size) as f64, (i % picture.size) as f64);
        // A pixel reaches half a pixel to each side.
        let (dy, dx) = (((y - row).abs() - 0.5).max(0.0), ((x - column).abs() - 0.5).max(0.0));
        nearest = nearest.min(dy * dy + dx * dx);
    }
    nearest.sqrt()
}
