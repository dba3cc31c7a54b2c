//! Masks: what a layer leaves out of a sequence is left out by all that come after it.

use cornu_model::{Compile, Input, LayerExt, Model, Sequential};
use cornu_nn::layers::{Dense, Embedding, GRU, GlobalAveragePooling1D, LSTM, MAX_STEPS, Masking};
use cornu_tensor::Tensor;
use serde_json::json;

/// Embedding, two recurrent layers and a dense one over sequences of `steps` numbers.
fn recurrent(steps: usize, mask_zero: bool) -> Model {
    Sequential::new([steps])
        .add(Embedding::new(7, 3).mask_zero(mask_zero))
        .add(LSTM::new(4).return_sequences(true))
        .add(GRU::new(3))
        .add(Dense::new(2))
        .build()
        .unwrap()
}

#[test]
fn steps_that_are_masked_change_nothing() {
    let mut short = recurrent(2, true);
    let mut long = recurrent(5, true);
    let mut unmasked = recurrent(5, false);
    long.set_weights(&short.get_weights()).unwrap();
    unmasked.set_weights(&short.get_weights()).unwrap();
    let x = Tensor::new([1, 2], vec![3.0, 5.0]).unwrap();
    let padded = Tensor::new([1, 5], vec![0.0, 3.0, 0.0, 5.0, 0.0]).unwrap();
    let expected = short.predict_on_batch(&[x]).unwrap();
    assert_eq!(long.predict_on_batch(std::slice::from_ref(&padded)).unwrap(), expected);
    assert_ne!(unmasked.predict_on_batch(&[padded]).unwrap(), expected);
}

#[test]
fn a_mean_over_steps_counts_those_that_are_there() {
    let input = Input::new([3, 2]);
    let masked = Masking::new(0.0).apply(&input).unwrap();
    let mean = GlobalAveragePooling1D::new().apply(&masked).unwrap();
    let mut model = Model::new(&input, &mean).unwrap();
    let x = Tensor::new([1, 3, 2], vec![1.0, 5.0, 0.0, 0.0, 3.0, 0.0]).unwrap();
    assert_eq!(model.predict_on_batch(&[x]).unwrap()[0].data(), [2.0, 2.5]);
}

#[test]
fn losses_of_masked_steps_do_not_count() {
    let mut model =
        Sequential::new([3, 1]).add(Masking::new(0.0)).add(Dense::new(1)).build().unwrap();
    let weights = [Tensor::full([1, 1], 1.0), Tensor::full([1], 0.0)];
    model.set_weights(&weights).unwrap();
    let compile = json!({"optimizer": "sgd", "loss": "mse"});
    model.compile_with(Compile::from_config(&compile).unwrap()).unwrap();
    let x = Tensor::new([1, 3, 1], vec![1.0, 2.0, 0.0]).unwrap();
    let y = Tensor::new([1, 3, 1], vec![2.0, 5.0, 100.0]).unwrap();
    let data = cornu_model::Dataset::several(vec![x], vec![y]).unwrap();
    let logs = model.evaluate_batches(&data, 1).unwrap();
    assert!((logs["loss"] - 5.0).abs() < 1e-6, "{logs:?}");
}

/// As losses, metrics that are means of a function leave out masked steps; others count them.
#[test]
fn metrics_of_masked_steps_do_not_count() {
    let mut model =
        Sequential::new([3, 1]).add(Masking::new(0.0)).add(Dense::new(1)).build().unwrap();
    model.set_weights(&[Tensor::full([1, 1], 1.0), Tensor::full([1], 0.0)]).unwrap();
    let compile = json!({"optimizer": "sgd", "loss": "mse", "metrics": ["mae", "Mean"],
        "weighted_metrics": ["MeanAbsoluteError"]});
    model.compile_with(Compile::from_config(&compile).unwrap()).unwrap();
    let x = Tensor::new([2, 3, 1], vec![1.0, 2.0, 0.0, 4.0, 0.0, 0.0]).unwrap();
    let y = Tensor::new([2, 3, 1], vec![2.0, 5.0, 100.0, 4.0, 9.0, 9.0]).unwrap();
    let weights = Tensor::new([2, 3], vec![1.0, 0.5, 7.0, 2.0, 7.0, 7.0]).unwrap();
    let data = cornu_model::Dataset::several(vec![x], vec![y]).unwrap();
    let data = data.sample_weights(vec![weights]).unwrap();
    let logs = model.evaluate_batches(&data, 2).unwrap();
    // Keras averages values and weights of a sample before it adds the samples.
    assert!((logs["mae"] - 4.0 / 3.0).abs() < 1e-6, "{logs:?}");
    assert!((logs["MeanAbsoluteError"] - 2.5 / 3.5).abs() < 1e-6, "{logs:?}");
    assert!((logs["Mean"] - 7.0 / 6.0).abs() < 1e-6, "{logs:?}");
}

#[test]
fn sequences_too_long_to_unroll_are_refused() {
    let input = Input::new([MAX_STEPS + 1, 2]);
    let error = LSTM::new(3).apply(&input).unwrap_err().to_string();
    assert!(error.contains("at most 1024 steps"), "{error}");
}
