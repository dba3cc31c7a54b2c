//! Writes trained models of many layers with inputs and predictions, for the real Keras to load.
//!
//! `cargo run -p cornu-model --example write_models -- FOLDER`; `conformance/keras/run` does the rest.

use std::error::Error;
use std::path::Path;

use cornu_model::{
    Dataset, Fit, Input, LayerExt, LayerHandle, Model, Sequential, metrics, set_random_seed,
};
use cornu_nn::layers::{
    Add, AveragePooling2D, BatchNormalization, Concatenate, Conv2D, Dense, Dropout, Flatten,
    FlipMode, GlobalAveragePooling2D, GlobalMaxPooling2D, LayerNormalization, LeakyReLU,
    MaxPooling2D, Normalization, Numbers, Padding, RandomBrightness, RandomContrast, RandomFlip,
    RandomRotation, RandomTranslation, RandomZoom, ReLU, Rescaling, Reshape, Softmax,
};
use cornu_nn::losses::{BinaryCrossentropy, MeanSquaredError, SparseCategoricalCrossentropy};
use cornu_nn::optimizers::{Adam, AdamW, RMSprop, SGD};
use cornu_nn::schedules::CosineDecay;
use cornu_nn::{Activation, Regularizer, layers};
use cornu_tensor::Tensor;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A convolutional network in a row, with every pooling and regularizer.
fn sequential() -> Result<(Model, Vec<usize>, usize)> {
    let mut model = Sequential::new([20, 18, 3])
        .add(Rescaling::new(1.0 / 255.0))
        .add(RandomFlip::new(FlipMode::HorizontalAndVertical))
        .add(RandomRotation::new(0.05))
        .add(RandomTranslation::new(0.1, 0.1))
        .add(RandomZoom::new(0.1))
        .add(RandomContrast::new(0.2))
        .add(RandomBrightness::new(0.1))
        .add(Conv2D::new(8, 3).padding(Padding::Same).kernel_regularizer(Regularizer::l2(1e-4)))
        .add(BatchNormalization::new())
        .add(ReLU::new())
        .add(MaxPooling2D::new())
        .add(Conv2D::new(6, (3, 2)).strides(2).use_bias(false))
        .add(LeakyReLU::new())
        .add(AveragePooling2D::new(2))
        .add(Flatten::new())
        .add(Dense::new(8).activation(Activation::Tanh))
        .add(Reshape::new([2, 4]))
        .add(layers::Activation::new(Activation::Gelu))
        .add(Flatten::new())
        .add(Dropout::new(0.3))
        .add(Dense::new(4))
        .add(Softmax::new())
        .build()?;
    let schedule = CosineDecay::new(1e-2, 100).warmup(2e-2, 10);
    let optimizer = SGD::new().learning_rate(schedule).momentum(0.9);
    model.compile(optimizer, SparseCategoricalCrossentropy::new(), metrics(["accuracy"]))?;
    Ok((model, vec![20, 18, 3], 4))
}

/// Branches, a shared layer, merging, dilation and groups.
fn branches() -> Result<(Model, Vec<usize>, usize)> {
    let input = Input::named("picture", [12, 10, 2]);
    let mut x = RandomFlip::new(FlipMode::Horizontal).apply(&input)?;
    x = RandomRotation::new(0.1).apply(&x)?;
    x = Normalization::new().mean(Numbers::from(2.0)).variance(Numbers::from(4.0)).apply(&x)?;
    x = LayerNormalization::new().axis([1, 2, 3]).center(false).scale(false).apply(&x)?;
    let shared = LayerHandle::new(Conv2D::new(4, 3).padding(Padding::Same));
    let a = shared.named("shared");
    let left = a.apply(&x)?;
    let right = Conv2D::new(2, 3).padding(Padding::Same).dilation_rate(2).apply(&x)?;
    let again = a.apply(&right)?;
    let sum = Add::new().apply_list(&[left, again])?;
    let grouped = Conv2D::new(8, 3).groups(2usize).activation(Activation::Silu).apply(&sum)?;
    let mean = GlobalAveragePooling2D::new().apply(&grouped)?;
    let max = GlobalMaxPooling2D::new().apply(&grouped)?;
    let both = Concatenate::new().apply_list(&[mean, max])?;
    let output = Dense::new(1).activation(Activation::Sigmoid).apply(&both)?;
    let mut model = Model::new(&input, &output)?;
    let loss = BinaryCrossentropy::new().label_smoothing(0.1);
    model.compile(AdamW::new(), loss, metrics(["accuracy", "auc"]))?;
    Ok((model, vec![12, 10, 2], 1))
}

/// One dense layer for each activation function.
fn activations() -> Result<(Model, Vec<usize>, usize)> {
    let input = Input::new([6]);
    let mut parts = Vec::new();
    for activation in [
        Activation::Linear,
        Activation::Relu,
        Activation::Relu6,
        Activation::LeakyRelu,
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Softmax,
        Activation::Elu,
        Activation::Selu,
        Activation::Gelu,
        Activation::Silu,
        Activation::Softplus,
        Activation::Softsign,
        Activation::Exponential,
        Activation::HardSigmoid,
    ] {
        parts.push(Dense::new(3).activation(activation).apply(&input)?);
    }
    let joined = Concatenate::new().apply_list(&parts)?;
    let output = Dense::new(2).apply(&joined)?;
    let mut model = Model::new(&input, &output)?;
    model.compile(RMSprop::new(), MeanSquaredError::new(), metrics(["mse"]))?;
    Ok((model, vec![6], 2))
}

/// The lesson's network.
fn lesson() -> Result<(Model, Vec<usize>, usize)> {
    let input = Input::new([256, 256, 1]);
    let mut x = input.clone();
    for (filters, size) in [(8, 3), (8, 3), (12, 3), (12, 3), (20, 5), (20, 5)] {
        let conv = Conv2D::new(filters, size).padding(Padding::Same);
        x = conv.activation(Activation::Relu).apply(&x)?;
        x = MaxPooling2D::new().apply(&x)?;
    }
    x = Conv2D::new(50, 5).padding(Padding::Same).activation(Activation::Relu).apply(&x)?;
    x = GlobalAveragePooling2D::new().apply(&x)?;
    x = Dense::new(128).activation(Activation::Relu).apply(&x)?;
    x = Dropout::new(0.6).apply(&x)?;
    x = Dense::new(32).activation(Activation::Relu).apply(&x)?;
    let output = Dense::new(1).activation(Activation::Sigmoid).apply(&x)?;
    let mut model = Model::new(&input, &output)?;
    model.compile(Adam::new(), BinaryCrossentropy::new(), metrics(["accuracy"]))?;
    Ok((model, vec![256, 256, 1], 1))
}

/// Numbers that look like pixels and need no generator.
fn pixels(dims: Vec<usize>) -> Tensor {
    Tensor::from_fn(dims, |i| (i.wrapping_mul(2_654_435_761) >> 7 & 0xff) as f32 / 16.0)
}

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).ok_or("usage: write_models FOLDER")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let makers: [(&str, fn() -> Result<(Model, Vec<usize>, usize)>); 4] = [
        ("sequential", sequential),
        ("branches", branches),
        ("activations", activations),
        ("lesson", lesson),
    ];
    for (name, make) in makers {
        set_random_seed(7);
        let (mut model, sample, outputs) = make()?;
        let mut dims = vec![6];
        dims.extend(sample);
        let x = pixels(dims);
        let y = match name {
            "sequential" => Tensor::from_fn([6, 1], |i| (i % 4) as f32),
            _ => Tensor::from_fn([6, outputs], |i| (i % 2) as f32),
        };
        model.fit(&Dataset::new(x.clone(), y)?, Fit::epochs(2).batch_size(3))?;
        model.save(folder.join(format!("{name}.keras")))?;
        let prediction = model.predict(&x)?;
        for (part, tensor) in [("x", &x), ("prediction", &prediction)] {
            let mut text = format!("{:?}\n", tensor.dims());
            for value in tensor.data() {
                text += &format!("{value:e}\n");
            }
            std::fs::write(folder.join(format!("{name}.{part}.txt")), text)?;
        }
    }
    Ok(())
}
