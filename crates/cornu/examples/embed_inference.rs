//! Inference inside of another program: load a model once, then ask it picture by picture.
//!
//! `cargo run --release -p cornu --example embed_inference -- run/best.keras picture.png ...`

#![allow(clippy::print_stdout, reason = "a program, not a library")]

use std::path::Path;

use cornu::data::{Resize, SampleShape, load_picture};
use cornu::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let Some(file) = arguments.next() else {
        return Err("expected a .keras file and pictures".into());
    };
    let mut model = Model::load_without_compile(&file)?;
    let input = model.input_shapes().first().and_then(|shape| shape.sample());
    let Some([height, width, channels]) = input.as_deref() else {
        return Err(format!("{file}: expected a model of pictures, got input {input:?}").into());
    };
    let shape = SampleShape { height: *height, width: *width, channels: *channels };
    for picture in arguments {
        // Any size and colour type; preprocessing is part of the model.
        let pixels = load_picture(Path::new(&picture), shape, Resize::default())?.pixels.to_f32();
        let batch = Tensor::new([1, shape.height, shape.width, shape.channels], pixels)?;
        let output = model.predict(&batch)?;
        println!("{picture}: {:?}", output.data());
    }
    Ok(())
}
