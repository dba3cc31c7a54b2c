//! Writes the networks of `benchmarks/run` as Keras's `.json` configurations: kinds of work that the
//! usual networks do not have much of.
//!
//! `cargo run --release -p cornu --example benchmark_networks -- FOLDER`

use std::error::Error;
use std::path::PathBuf;

use cornu::graph::ops::Interpolation;
use cornu::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("a folder to write to is expected")?;
    let folder = PathBuf::from(folder);
    std::fs::create_dir_all(&folder)?;
    let networks: [(&str, fn() -> Result<Model, ModelError>); 11] = [
        ("odd_sizes", odd_sizes),
        ("depthwise", depthwise),
        ("strided", strided),
        ("dilated", dilated),
        ("branches", branches),
        ("up_again", up_again),
        ("narrow_and_deep", narrow_and_deep),
        ("grouped", grouped),
        ("multiplied", multiplied),
        ("u_net", u_net),
        ("overlapping_pools", overlapping_pools),
    ];
    for (name, network) in networks {
        std::fs::write(folder.join(format!("{name}.json")), network()?.to_json())?;
    }
    Ok(())
}

fn conv(filters: usize, size: usize) -> Conv2D {
    Conv2D::new(filters, size).padding(Padding::Same).activation(Activation::Relu)
}

fn classifier(inputs: &KerasTensor, x: &KerasTensor) -> Result<Model, ModelError> {
    let x = GlobalAveragePooling2D::new().apply(x)?;
    let outputs = Dense::new(10).activation(Activation::Softmax).apply(&x)?;
    Model::new(inputs, &outputs)
}

/// Nothing divides by a vector: 61 x 45 pixels, 7 to 19 channels, 3x5 and 7x7 kernels.
fn odd_sizes() -> Result<Model, ModelError> {
    let inputs = Input::new([61, 45, 3]);
    let mut x = Conv2D::new(7, 7).activation(Activation::Relu).apply(&inputs)?;
    x = MaxPooling2D::new().apply(&x)?;
    x = Conv2D::new(13, [3, 5]).activation(Activation::Relu).apply(&x)?;
    x = AveragePooling2D::new(2).apply(&x)?;
    x = Conv2D::new(19, 3).activation(Activation::Relu).apply(&x)?;
    classifier(&inputs, &x)
}

/// Depthwise and 1x1 convolutions with batch normalisation, as in MobileNet.
fn depthwise() -> Result<Model, ModelError> {
    let inputs = Input::new([96, 96, 3]);
    let mut x = Conv2D::new(16, 3).strides(2).padding(Padding::Same).apply(&inputs)?;
    for (filters, strides) in [(32, 1), (64, 2), (64, 1), (128, 2), (128, 1)] {
        x = DepthwiseConv2D::new(3).strides(strides).padding(Padding::Same).apply(&x)?;
        x = BatchNormalization::new().apply(&x)?;
        x = ReLU::new().max_value(6.0).apply(&x)?;
        x = Conv2D::new(filters, 1).apply(&x)?;
        x = BatchNormalization::new().apply(&x)?;
        x = ReLU::new().max_value(6.0).apply(&x)?;
    }
    classifier(&inputs, &x)
}

/// No pooling: convolutions step over the pixels.
fn strided() -> Result<Model, ModelError> {
    let inputs = Input::new([64, 64, 3]);
    let mut x = inputs.clone();
    for filters in [32, 64, 128] {
        x = conv(filters, 3).strides(2).apply(&x)?;
        x = conv(filters, 3).apply(&x)?;
    }
    classifier(&inputs, &x)
}

/// Holes in the kernels.
fn dilated() -> Result<Model, ModelError> {
    let inputs = Input::new([64, 64, 1]);
    let mut x = conv(24, 3).apply(&inputs)?;
    for dilation in [2, 4, 8] {
        x = conv(24, 3).dilation_rate(dilation).apply(&x)?;
    }
    classifier(&inputs, &x)
}

/// Four ways side by side, joined along the channels, as in Inception.
fn branches() -> Result<Model, ModelError> {
    let inputs = Input::new([32, 32, 16]);
    let mut x = inputs.clone();
    for _ in 0..2 {
        let one = conv(16, 1).apply(&x)?;
        let three = conv(24, 3).apply(&conv(16, 1).apply(&x)?)?;
        let five = conv(8, 5).apply(&conv(8, 1).apply(&x)?)?;
        let pooled =
            MaxPooling2D::new().pool_size(3).strides(1).padding(Padding::Same).apply(&x)?;
        let pooled = conv(8, 1).apply(&pooled)?;
        x = Concatenate::new().apply_list(&[one, three, five, pooled])?;
    }
    classifier(&inputs, &x)
}

/// Down and up again with transposed convolutions; a picture comes out.
fn up_again() -> Result<Model, ModelError> {
    let inputs = Input::new([64, 64, 1]);
    let mut x = conv(16, 3).strides(2).apply(&inputs)?;
    x = conv(32, 3).strides(2).apply(&x)?;
    for filters in [32, 16] {
        x = Conv2DTranspose::new(filters, 3)
            .strides(2)
            .padding(Padding::Same)
            .activation(Activation::Relu)
            .apply(&x)?;
    }
    let outputs =
        Conv2D::new(1, 3).padding(Padding::Same).activation(Activation::Sigmoid).apply(&x)?;
    Model::new(&inputs, &outputs)
}

/// Twenty convolutions of four channels.
fn narrow_and_deep() -> Result<Model, ModelError> {
    let inputs = Input::new([64, 64, 4]);
    let mut x = inputs.clone();
    for _ in 0..20 {
        x = conv(4, 3).apply(&x)?;
    }
    classifier(&inputs, &x)
}

/// Residual blocks around convolutions of 4, 16 and 32 groups, as in ResNeXt.
fn grouped() -> Result<Model, ModelError> {
    let inputs = Input::new([32, 32, 64]);
    let mut x = inputs.clone();
    for groups in [4_usize, 16, 32] {
        let y = conv(64, 1).apply(&x)?;
        let y = conv(64, 3).groups(groups).apply(&y)?;
        let y = Conv2D::new(64, 1).apply(&y)?;
        x = ReLU::new().apply(&Add::new().apply_list(&[x, y])?)?;
    }
    x = conv(128, 3).groups(16_usize).strides(2).apply(&x)?;
    x = conv(128, 3).groups(16_usize).apply(&x)?;
    classifier(&inputs, &x)
}

/// Depthwise convolutions with several kernels per channel, of three channels and of many.
fn multiplied() -> Result<Model, ModelError> {
    let inputs = Input::new([48, 48, 3]);
    let mut x = inputs.clone();
    for (size, strides, multiplier, filters) in [(3, 1, 8_usize, 32), (3, 1, 2, 32), (5, 2, 3, 64)]
    {
        x = DepthwiseConv2D::new(size)
            .strides(strides)
            .depth_multiplier(multiplier)
            .padding(Padding::Same)
            .activation(Activation::Relu)
            .apply(&x)?;
        x = conv(filters, 1).apply(&x)?;
    }
    classifier(&inputs, &x)
}

/// Down, and up again by resizing, with what was there on the way down; a picture comes out.
fn u_net() -> Result<Model, ModelError> {
    let inputs = Input::new([64, 64, 1]);
    let large = conv(16, 3).apply(&inputs)?;
    let middle = conv(32, 3).apply(&MaxPooling2D::new().apply(&large)?)?;
    let small = conv(64, 3).apply(&MaxPooling2D::new().apply(&middle)?)?;
    let x = UpSampling2D::new(2).apply(&small)?;
    let x = conv(32, 3).apply(&Concatenate::new().apply_list(&[x, middle])?)?;
    let x = UpSampling2D::new(2).interpolation(Interpolation::Bilinear).apply(&x)?;
    let x = conv(16, 3).apply(&Concatenate::new().apply_list(&[x, large])?)?;
    let outputs = Conv2D::new(1, 1).activation(Activation::Sigmoid).apply(&x)?;
    Model::new(&inputs, &outputs)
}

/// Windows of 3x3 pixels at a distance of 2, and normalisation that needs no batch.
fn overlapping_pools() -> Result<Model, ModelError> {
    let inputs = Input::new([56, 56, 8]);
    let x = conv(8, 3).apply(&inputs)?;
    let x = MaxPooling2D::new().pool_size(3).strides(2).padding(Padding::Same).apply(&x)?;
    let x = conv(12, 3).apply(&x)?;
    let x = AveragePooling2D::new(3).strides(2).padding(Padding::Same).apply(&x)?;
    let x = conv(24, 3).apply(&x)?;
    let x = GroupNormalization::new().groups(4).apply(&x)?;
    let x = LayerNormalization::new().apply(&x)?;
    classifier(&inputs, &x)
}
