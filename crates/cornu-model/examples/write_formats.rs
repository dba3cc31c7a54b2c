//! Writes trained models in every format, with inputs and predictions, for the real Keras to load.
//!
//! `cargo run -p cornu-model --example write_formats -- FOLDER`; `conformance/keras/run` does the rest.

use std::error::Error;
use std::path::Path;

use cornu_model::{
    Batch, Dataset, Fit, Input, LayerExt, LayerHandle, Model, Sequential, metrics, set_random_seed,
};
use cornu_nn::Activation;
use cornu_nn::layers::{
    Add, BatchNormalization, Bidirectional, Conv2D, Dense, Flatten, GRU, LSTM, MultiHeadAttention,
    Padding, SeparableConv2D,
};
use cornu_nn::losses::{BinaryCrossentropy, MeanSquaredError, SparseCategoricalCrossentropy};
use cornu_nn::optimizers::{Adam, RMSprop, SGD};
use cornu_tensor::Tensor;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A model, the sizes of a sample, and the number of classes or outputs.
type Made = (Model, Vec<usize>, usize);

/// Layers with weights that no optimizer changes, one of them frozen.
fn pictures() -> Result<Made> {
    let mut model = Sequential::new([8, 8, 2])
        .add(Conv2D::new(4, 3).padding(Padding::Same).use_bias(false))
        .add(BatchNormalization::new())
        .add(SeparableConv2D::new(5, 3).activation(Activation::Relu))
        .add(BatchNormalization::new())
        .add(Flatten::new())
        .add(Dense::new(4).activation(Activation::Softmax))
        .build()?
        .named("pictures");
    model.set_trainable("conv2d", false)?;
    let loss = SparseCategoricalCrossentropy::new();
    model.compile(Adam::new().learning_rate(0.01), loss, metrics(["accuracy"]))?;
    Ok((model, vec![8, 8, 2], 4))
}

/// A model in a model, called twice, one of its layers normalizing.
fn nested() -> Result<Made> {
    let inner = Input::named("inner", [5]);
    let hidden = Dense::new(5).activation(Activation::Tanh).apply(&inner)?;
    let hidden = BatchNormalization::new().apply(&hidden)?;
    let inner = Model::new(&inner, &hidden)?.named("base");
    let input = Input::new([5]);
    let once = inner.apply(&input)?;
    let twice = inner.apply(&once)?;
    let sum = Add::new().apply_list(&[once, twice])?;
    // A name of its own: Keras does not save two optimizer variables of one name as .h5.
    let head = LayerHandle::new(Dense::new(1).activation(Activation::Sigmoid)).named("head");
    let output = head.apply(&sum)?;
    let mut model = Model::new(&input, &output)?;
    model.compile(
        SGD::new().learning_rate(0.1).momentum(0.9),
        BinaryCrossentropy::new(),
        metrics(["accuracy"]),
    )?;
    Ok((model, vec![5], 1))
}

/// Layers whose weights lie in layers of theirs.
fn sequences() -> Result<Made> {
    let input = Input::new([6, 3]);
    let x = Bidirectional::new(LSTM::new(3).return_sequences(true))?.apply(&input)?;
    let x = MultiHeadAttention::new(2, 3).apply_to(&[x.clone(), x])?;
    let x = GRU::new(4).apply(&x)?;
    let output = Dense::new(2).apply(&x)?;
    let mut model = Model::new(&input, &output)?;
    model.compile(RMSprop::new().momentum(0.5), MeanSquaredError::new(), metrics(["mse"]))?;
    Ok((model, vec![6, 3], 2))
}

fn write(folder: &Path, name: &str, part: &str, tensor: &Tensor) -> Result<()> {
    let mut text = format!("{:?}\n", tensor.dims());
    for value in tensor.data() {
        text += &format!("{value:e}\n");
    }
    Ok(std::fs::write(folder.join(format!("{name}.{part}.txt")), text)?)
}

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).ok_or("usage: write_formats FOLDER")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let makers: [(&str, fn() -> Result<Made>); 3] =
        [("pictures", pictures), ("nested", nested), ("sequences", sequences)];
    for (name, make) in makers {
        set_random_seed(7);
        let (mut model, sample, outputs) = make()?;
        let dims = [&[6], &sample[..]].concat();
        let x =
            Tensor::from_fn(dims, |i| (i.wrapping_mul(2_654_435_761) >> 7 & 0xff) as f32 / 64.0);
        let y = match name {
            "pictures" => Tensor::from_fn([6, 1], |i| (i % 4) as f32),
            _ => Tensor::from_fn([6, outputs], |i| (i % 2) as f32),
        };
        model.fit(&Dataset::new(x.clone(), y.clone())?, Fit::epochs(2).batch_size(3))?;
        model.save(folder.join(format!("{name}.keras")))?;
        model.save(folder.join(format!("{name}.h5")))?;
        model.save_weights(folder.join(format!("{name}.weights.h5")))?;
        model.save_weights(folder.join(format!("{name}.safetensors")))?;
        std::fs::write(folder.join(format!("{name}.json")), model.to_json())?;
        write(folder, name, "x", &x)?;
        write(folder, name, "y", &y)?;
        write(folder, name, "prediction", &model.predict(&x)?)?;
        // One more step tells whether the state of the optimizer came along.
        model.train_on_batch(&Batch::new(x.clone(), y))?;
        write(folder, name, "next", &model.predict(&x)?)?;
    }
    Ok(())
}
