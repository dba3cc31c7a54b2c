//! Loads the models that the real Keras saved again, and compares their predictions.
//!
//! `cargo run -p cornu-model --example read_models -- FOLDER`, after `write_models` and Keras's turn;
//! `conformance/keras/run` does all three.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::path::Path;

use cornu_model::Model;
use cornu_tensor::Tensor;

/// Most that predictions may differ by, relative to the largest.
const TOLERANCE: f32 = 1e-5;

/// What `write_models` wrote: the dimensions, then one number per line.
fn read(path: &Path) -> Result<Tensor, Box<dyn Error>> {
    let text = std::fs::read_to_string(path)?;
    let (dims, numbers) = text.split_once('\n').ok_or("no dimensions")?;
    let dims =
        dims.trim_matches(['[', ']']).split(", ").map(str::parse).collect::<Result<Vec<_>, _>>()?;
    let numbers = numbers.lines().map(str::parse).collect::<Result<Vec<f32>, _>>()?;
    Ok(Tensor::new(dims, numbers)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: read_models FOLDER")?;
    let folder = Path::new(&folder);
    for name in ["sequential", "branches", "activations", "lesson"] {
        let mut model = Model::load(folder.join(format!("{name}.again.keras")))?;
        let x = read(&folder.join(format!("{name}.x.txt")))?;
        let expected = read(&folder.join(format!("{name}.prediction.txt")))?;
        let got = model.predict(&x)?;
        let scale = expected.data().iter().fold(1.0f32, |m, v| m.max(v.abs()));
        let pairs = got.data().iter().zip(expected.data());
        let worst = pairs.fold(0.0f32, |m, (a, b)| m.max((a - b).abs() / scale));
        let steps = model.iterations()?;
        if TOLERANCE < worst || steps != 4 {
            return Err(format!("{name}: differs by {worst:e}, {steps} steps instead of 4").into());
        }
        println!("ok      {name}.again.keras  worst difference {worst:.1e}");
    }
    Ok(())
}
