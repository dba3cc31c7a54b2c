//! Loads what the real Keras saved of the models of `write_formats`, and compares.
//!
//! `cargo run -p cornu-model --example read_formats -- FOLDER`; `conformance/keras/run` calls it.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::path::Path;

use cornu_model::{Batch, Model};
use cornu_tensor::Tensor;

/// Most that predictions may differ by, relative to the largest.
const TOLERANCE: f32 = 1e-5;

/// What `write_formats` wrote: the dimensions, then one number per line.
fn read(path: &Path) -> Result<Tensor, Box<dyn Error>> {
    let text = std::fs::read_to_string(path)?;
    let (dims, numbers) = text.split_once('\n').ok_or("no dimensions")?;
    let dims =
        dims.trim_matches(['[', ']']).split(", ").map(str::parse).collect::<Result<Vec<_>, _>>()?;
    let numbers = numbers.lines().map(str::parse).collect::<Result<Vec<f32>, _>>()?;
    Ok(Tensor::new(dims, numbers)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: read_formats FOLDER")?;
    let folder = Path::new(&folder);
    for name in ["pictures", "nested", "sequences"] {
        let path = |part: &str| folder.join(format!("{name}.{part}"));
        let check = |what: &str, got: &Tensor, expected: &str| -> Result<(), Box<dyn Error>> {
            let expected = read(&path(&format!("{expected}.txt")))?;
            let scale = expected.data().iter().fold(1.0f32, |m, v| m.max(v.abs()));
            let pairs = got.data().iter().zip(expected.data());
            let worst = pairs.fold(0.0f32, |m, (a, b)| m.max((a - b).abs() / scale));
            if worst.is_nan() || TOLERANCE < worst {
                return Err(format!("{name}: {what} differs by {worst:e}").into());
            }
            println!("ok      {name}: {what}: worst difference {worst:.1e}");
            Ok(())
        };
        let (x, y) = (read(&path("x.txt"))?, read(&path("y.txt"))?);
        let mut whole = Model::load(path("again.h5"))?;
        if let [note, ..] = whole.load_notes() {
            return Err(format!("{name}.again.h5: {note}").into());
        }
        check("again.h5", &whole.predict(&x)?, "prediction")?;
        whole.train_on_batch(&Batch::new(x.clone(), y))?;
        check("again.h5, one step on", &whole.predict(&x)?, "next")?;
        let mut network = Model::from_json(&std::fs::read_to_string(path("again.json"))?)?;
        network.load_weights(path("again.weights.h5"))?;
        check("again.json and again.weights.h5", &network.predict(&x)?, "prediction")?;
        let mut network = Model::from_json(&std::fs::read_to_string(path("json"))?)?;
        network.load_weights(path("safetensors"))?;
        check("json and safetensors", &network.predict(&x)?, "prediction")?;
    }
    Ok(())
}
