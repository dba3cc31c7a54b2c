//! Putting models together: shared layers, branches, names, errors.

use cornu_model::{Input, LayerExt, LayerHandle, Model, Sequential};
use cornu_nn::layers::{Add, Concatenate, Conv2D, Dense, Flatten};
use cornu_tensor::Tensor;

#[test]
fn a_handle_applied_twice_is_one_layer() {
    let (a, b) = (Input::named("a", [4]), Input::named("b", [4]));
    let tower = Dense::new(3).named("tower");
    let outputs = [tower.apply(&a).unwrap(), tower.apply(&b).unwrap()];
    let mut model = Model::new([&a, &b], outputs).unwrap();
    assert_eq!(model.count_params(), 15);
    assert_eq!(model.layers().len(), 3);
    let x = Tensor::from_fn([2, 4], |i| i as f32 / 7.0);
    let outputs = model.predict_on_batch(&[x.clone(), x]).unwrap();
    assert_eq!(outputs[0], outputs[1]);
}

#[test]
fn a_layer_value_applied_twice_is_two_layers() {
    let input = Input::new([4]);
    let dense = Dense::new(4);
    let x = dense.apply(&dense.apply(&input).unwrap()).unwrap();
    let model = Model::new(&input, &x).unwrap();
    let names: Vec<&str> = model.layers().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["input_layer", "dense", "dense_1"]);
    assert_eq!(model.count_params(), 40);
}

#[test]
fn names_count_per_class_and_model_in_the_order_of_creation() {
    for _ in 0..2 {
        let input = Input::new([4]);
        let late = Dense::new(2).handle();
        let early = Dense::new(2).apply(&input).unwrap();
        let x = Add::new().apply_list(&[&early, &late.apply(&input).unwrap()]).unwrap();
        let model = Model::new(&input, &x).unwrap();
        // `late` was created first, and met second.
        let names: Vec<&str> = model.layers().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["input_layer", "dense_1", "dense", "add"]);
    }
    let input = Input::new([4]);
    let x = Dense::new(4).named("dense").apply(&Dense::new(4).apply(&input).unwrap()).unwrap();
    let model = Model::new(&input, &x).unwrap();
    assert_eq!(model.layers()[1].0, "dense_1");
}

#[test]
fn errors_name_the_layer() {
    let input = Input::new([8, 8, 1]);
    let x = Conv2D::new(2, 3).apply(&Conv2D::new(2, 3).apply(&input).unwrap()).unwrap();
    let flat = Flatten::new().apply(&x).unwrap();
    let error = Conv2D::new(2, 3).apply(&flat).unwrap_err().to_string();
    assert!(error.starts_with("layer `conv2d_2`: input: expected"), "{error}");
    assert!(error.ends_with("got shape (None, 32)"), "{error}");
}

#[test]
fn models_that_cannot_be_are_refused() {
    let (a, b) = (Input::named("left", [4]), Input::named("right", [4]));
    let sum = Add::new().apply_list(&[&a, &b]).unwrap();
    let error = Model::new(&a, &sum).unwrap_err().to_string();
    assert_eq!(
        error,
        "model: the outputs depend on the input `right`, which is not among the model's inputs"
    );
    let x = Dense::new(3).named("same").apply(&a).unwrap();
    let x = Dense::new(3).named("same").apply(&x).unwrap();
    let error = Model::new(&a, &x).unwrap_err().to_string();
    assert!(error.starts_with("model: two layers are named `same`"), "{error}");
    assert!(Model::new(&x, &x).is_err());
    assert!(Model::new([&a, &a], &x).is_err());
}

#[test]
fn a_model_as_a_layer_brings_its_weights_and_freezes_as_a_whole() {
    let base = Sequential::new([4]).add(Dense::new(3)).named("base").build().unwrap().seed(5);
    let input = Input::new([4]);
    let features = base.handle().trainable(false).apply(&input).unwrap();
    let outputs = Dense::new(2).apply(&features).unwrap();
    let model = Model::new(&input, &outputs).unwrap();
    assert_eq!(model.get_weights()[..2], base.get_weights()[..]);
    let infos = model.weight_infos();
    assert_eq!(infos[0].path, "base/dense/kernel");
    let trainable: Vec<bool> = infos.iter().map(|weight| weight.trainable).collect();
    assert_eq!(trainable, [false, false, true, true]);
    let again = Model::from_json(&model.to_json()).unwrap();
    assert_eq!(again.to_json(), model.to_json());
    let wrong = Input::new([5]);
    let error = base.apply(&wrong).unwrap_err().to_string();
    assert_eq!(
        error,
        "model: `base` used as a layer: input: expected shape (None, 4), got (None, 5)"
    );
}

#[test]
fn layers_are_frozen_by_name() {
    let base = Sequential::new([4]).add(Dense::new(3)).named("base").build().unwrap();
    let mut model =
        Sequential::new([4]).add(base.handle()).add(Dense::new(2).named("head")).build().unwrap();
    let trainable = |model: &Model| -> Vec<bool> {
        model.weight_infos().iter().map(|weight| weight.trainable).collect()
    };
    let before = model.get_weights();
    model.set_trainable("base/dense", false).unwrap();
    assert_eq!(trainable(&model), [false, false, true, true]);
    model.set_trainable("base/dense", true).unwrap();
    model.set_trainable("head", false).unwrap();
    assert_eq!(trainable(&model), [true, true, false, false]);
    assert_eq!(model.get_weights(), before);
    let error = model.set_trainable("base/dens", true).unwrap_err().to_string();
    assert_eq!(error, "model: there is no layer `base/dens`; there are base, head");
}

#[test]
fn branches_meet_in_keras_s_order() {
    let input = Input::new([6, 6, 1]);
    let left = Conv2D::new(2, 3).named("left").apply(&input).unwrap();
    let right = Conv2D::new(2, 3).named("right").apply(&input).unwrap();
    let right = Conv2D::new(2, 1).named("right2").apply(&right).unwrap();
    let both: LayerHandle = Concatenate::new().handle();
    let x = both.apply_list(&[left, right]).unwrap();
    assert_eq!(x.shape().to_string(), "(None, 4, 4, 4)");
    let model = Model::new(&input, &x).unwrap();
    let names: Vec<&str> = model.layers().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["input_layer", "right", "left", "right2", "concatenate"]);
    let again = Model::from_json(&model.to_json()).unwrap();
    assert_eq!(again.layers(), model.layers());
}

#[test]
fn configurations_that_are_not_understood_name_layer_and_key() {
    let model = Sequential::new([4]).add(Dense::new(3)).build().unwrap();
    let mut config = model.to_config();
    config["config"]["layers"][1]["config"]["lora_rank"] = 4.into();
    let error = Model::from_config(&config).unwrap_err().to_string();
    assert!(error.contains("layer `dense`") && error.contains("lora_rank"), "{error}");
    config["config"]["layers"][1]["class_name"] = "Dens".into();
    let error = Model::from_config(&config).unwrap_err().to_string();
    assert!(error.starts_with("layer `dense`: layer `Dens` is not supported"), "{error}");
    let error = Model::from_json("{\"class_name\": \"Functional\"}").unwrap_err().to_string();
    assert_eq!(error, "model: `layers`: expected a list, got null");
}

#[test]
fn models_can_be_sent_and_shared() {
    fn is_data<T: Send + Sync>(_: &T) {}
    is_data(&Sequential::new([4]).add(Dense::new(3)).build().unwrap());
}
