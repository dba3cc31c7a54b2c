//! Pictures and labels mixed in training.

use cornu_model::{Batch, Dataset, Fit, LossSpec, Model, Sequential, metrics};
use cornu_nn::layers::{CutMix, Dense, GlobalAveragePooling2D, MixUp};
use cornu_nn::optimizers::SGD;
use cornu_tensor::Tensor;

/// Pictures of one colour: the class is the channel that is 1.
fn data(n: usize) -> Dataset {
    let x = Tensor::from_fn([n, 4, 4, 3], |i| f32::from(u8::from(i % 3 == i / 48 % 3)));
    let y = Tensor::from_fn([n, 3], |i| f32::from(u8::from(i % 3 == i / 3 % 3)));
    Dataset::new(x, y).unwrap()
}

fn model(loss: &str) -> Model {
    let mut model = Sequential::new([4, 4, 3])
        .add(GlobalAveragePooling2D::new())
        .add(Dense::new(3).use_bias(false))
        .build()
        .unwrap()
        .seed(2);
    model.compile(SGD::new().learning_rate(0.5), LossSpec::named(loss), metrics(["mse"])).unwrap();
    model
}

#[test]
fn labels_are_mixed_as_pictures_are() {
    // What maps channels to labels does so for mixtures, if labels are mixed alike.
    let (data, mut exact) = (data(12), model("mse"));
    exact.set_weights(&[Tensor::from_fn([3, 3], |i| f32::from(u8::from(i % 4 == 0)))]).unwrap();
    let weights = exact.get_weights();
    let fit = || Fit::epochs(2).batch_size(5);
    let history = exact.fit(&data, fit().mixing(MixUp::new(0.4)).validation(&data)).unwrap();
    for name in ["loss", "mse", "val_loss"] {
        assert!(history.get(name).unwrap().iter().all(|loss| *loss < 1e-12), "{history:?}");
    }
    for (before, after) in weights.iter().zip(exact.get_weights()) {
        assert!(before.data().iter().zip(after.data()).all(|(a, b)| (a - b).abs() < 1e-6));
    }

    let trained = |fit: Fit<'_>| {
        let mut model = model("mse");
        model.fit(&data, fit).unwrap();
        model.get_weights()
    };
    let mixed = trained(fit().mixing(MixUp::new(0.4)));
    assert_eq!(mixed, trained(fit().mixing(MixUp::new(0.4))), "the seed decides");
    assert_ne!(mixed, trained(fit()));
    assert_ne!(mixed, trained(fit().mixing(CutMix::default())));
}

#[test]
fn what_cannot_be_mixed_is_an_error() {
    let (data, mut model) = (data(6), model("sparse_categorical_crossentropy"));
    let classes = Tensor::from_fn([6], |i| (i % 3) as f32);
    let mut batch = Batch::default();
    cornu_model::Batches::fill(&data, &[0, 1, 2, 3, 4, 5], &mut batch).unwrap();
    let numbers = Dataset::new(batch.x[0].clone(), classes).unwrap();
    let fit = || Fit::epochs(1).mixing(MixUp::new(1.0));
    let error = model.fit(&numbers, fit()).unwrap_err().to_string();
    assert!(error.contains("class"), "{error}");
    let weighted = data.sample_weight(Tensor::full([6], 1.0)).unwrap();
    let error = model.fit(&weighted, fit()).unwrap_err().to_string();
    assert!(error.starts_with("mixing: expected data without sample weights"), "{error}");
    let error = model.fit(&numbers, Fit::epochs(1).mixing(MixUp::new(-1.0))).unwrap_err();
    assert!(error.to_string().contains("alpha"), "{error}");
}
