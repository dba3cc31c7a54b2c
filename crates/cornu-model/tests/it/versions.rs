//! Files of other formats (`.h5` of whole models, safetensors) and of other versions of Keras.

use std::fs;

use cornu_formats::{Attribute, Data, Dataset as Stored, Group, read_h5, write_h5};
use cornu_model::{Batch, Fit, Model, ModelError, Sequential};
use cornu_nn::Activation;
use cornu_nn::layers::Dense;
use cornu_tensor::Tensor;
use serde_json::json;
use tempfile::tempdir;

use crate::training::{data, model};

#[test]
fn a_whole_model_comes_back_from_h5_and_trains_on() {
    let folder = tempdir().unwrap();
    let data = data(20);
    let mut whole = model(1);
    whole.fit(&data, Fit::epochs(2).batch_size(8)).unwrap();
    for name in ["a.h5", "a.hdf5"] {
        let path = folder.path().join(name);
        whole.save(&path).unwrap();
        let mut again = Model::load(&path).unwrap();
        assert!(again.load_notes().is_empty(), "{:?}", again.load_notes());
        assert_eq!(again.get_weights(), whole.get_weights());
        assert_eq!(again.optimizer_variables(), whole.optimizer_variables());
        assert_eq!(again.summary(), whole.summary());
        assert_eq!(again.iterations().unwrap(), whole.iterations().unwrap());
        assert_eq!(again.evaluate(&data).unwrap().len(), 2);
        again.save(folder.path().join("b.h5")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), fs::read(folder.path().join("b.h5")).unwrap());
        let mut other = model(2);
        other.load_weights(&path).unwrap();
        assert_eq!(other.get_weights(), whole.get_weights());
    }
}

#[test]
fn the_tree_of_an_h5_file_is_that_of_keras() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let mut whole = model(1);
    whole.fit(&data(20), Fit::epochs(1).batch_size(8)).unwrap();
    whole.save(&path).unwrap();
    let root = read_h5(fs::read(&path).unwrap()).unwrap();
    let config: serde_json::Value =
        serde_json::from_str(root.text("model_config").unwrap()).unwrap();
    assert_eq!(config.as_object().unwrap().len(), 2);
    for layer in config["config"]["layers"].as_array().unwrap() {
        assert!(layer.get("module").is_none() && layer.get("build_config").is_none(), "{layer}");
    }
    let training: serde_json::Value =
        serde_json::from_str(root.text("training_config").unwrap()).unwrap();
    assert!(
        training["optimizer_config"]["class_name"].is_string()
            && training.get("optimizer").is_none()
    );
    let names = |group: &str, name: &str| match &root.group(group).unwrap().attributes[name] {
        Attribute::Texts(names) => names.clone(),
        other => panic!("{other:?}"),
    };
    let layers = names("model_weights", "layer_names");
    let first = &names(&format!("model_weights/{}", layers[0]), "weight_names")[0];
    assert!(root.dataset(&format!("model_weights/{}/{first}", layers[0])).is_some(), "{first}");
    let optimizer = names("optimizer_weights", "weight_names");
    assert!(optimizer[0].ends_with("/iteration"), "{optimizer:?}");
    assert_eq!(optimizer.len(), whole.optimizer_variables().len());
}

#[test]
fn many_layers_have_more_names_than_one_attribute_holds() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("deep.h5");
    let mut chain = Sequential::new([1]);
    for i in 0..4_100 {
        chain = chain.add(Dense::new(1).use_bias(i == 0));
    }
    let deep = chain.build().unwrap();
    deep.save(&path).unwrap();
    let root = read_h5(fs::read(&path).unwrap()).unwrap();
    let weights = root.group("model_weights").unwrap();
    assert!(
        weights.attributes.contains_key("layer_names0")
            && weights.attributes.contains_key("layer_names1")
    );
    assert_eq!(Model::load(&path).unwrap().get_weights(), deep.get_weights());
}

#[test]
fn weights_go_by_name_through_safetensors() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let whole = model(1);
    whole.save_weights(&path).unwrap();
    let mut other = model(2);
    assert_ne!(other.get_weights(), whole.get_weights());
    other.load_weights(&path).unwrap();
    assert_eq!(other.get_weights(), whole.get_weights());
    let mut fewer = Sequential::new([3]).add(Dense::new(5)).build().unwrap();
    let error = fewer.load_weights(&path).unwrap_err().to_string();
    assert!(error.contains("the model has no such weights: dense_1/bias"), "{error}");
    let mut wider = Sequential::new([3]).add(Dense::new(7)).add(Dense::new(1)).build().unwrap();
    let before = wider.get_weights();
    let error = wider.load_weights(&path).unwrap_err().to_string();
    assert!(error.contains("weight `dense/kernel`: expected shape [3, 7], got [3, 5]"), "{error}");
    assert_eq!(wider.get_weights(), before);
    let error = Model::load(&path).unwrap_err().to_string();
    assert!(error.contains("weights but no model"), "{error}");
}

#[test]
fn names_say_what_is_written_and_bytes_what_is_read() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let whole = model(1);
    let error = whole.save(at("a.weights.h5")).unwrap_err().to_string();
    assert!(error.contains("`save_weights`"), "{error}");
    assert!(whole.save(at("a.onnx")).is_err() && whole.save_weights(at("a.h5")).is_err());
    whole.save(at("a.keras")).unwrap();
    whole.save(at("a.h5")).unwrap();
    fs::rename(at("a.keras"), at("b.h5")).unwrap();
    fs::rename(at("a.h5"), at("c")).unwrap();
    for name in ["b.h5", "c"] {
        assert_eq!(Model::load(at(name)).unwrap().get_weights(), whole.get_weights(), "{name}");
    }
    whole.save_weights(at("a.weights.h5")).unwrap();
    let error = Model::load(at("a.weights.h5")).unwrap_err().to_string();
    assert!(error.contains("this file has weights but no model"), "{error}");
    fs::write(at("a.weights.json"), "{}").unwrap();
    let error = Model::load(at("a.weights.json")).unwrap_err().to_string();
    assert!(error.contains("weights in several parts"), "{error}");
    fs::write(at("net.json"), whole.to_json()).unwrap();
    let error = Model::load(at("net.json")).unwrap_err().to_string();
    assert!(error.contains("has no weights"), "{error}");
}

#[test]
fn an_unzipped_keras_folder_loads() {
    let folder = tempdir().unwrap();
    let whole = model(1);
    let archive = whole.to_archive();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("metadata.json"), archive.metadata.to_string()).unwrap();
    fs::write(at("config.json"), archive.config.to_string()).unwrap();
    fs::write(at("model.weights.h5"), write_h5(&archive.weights).unwrap()).unwrap();
    assert_eq!(Model::load(folder.path()).unwrap().get_weights(), whole.get_weights());
}

/// A file as Keras 2.2 wrote it: a Sequential without an input layer, old names, weights with `:0`.
fn old_file(optimizer_names: &[&str], optimizer: serde_json::Value) -> Group {
    let mut root = Group::default();
    root.set_text("keras_version", "2.2.4");
    root.set_text("backend", "tensorflow");
    let config = json!({"class_name": "Sequential", "config": [
        {"class_name": "Dense", "config": {"name": "d1", "batch_input_shape": [null, 2], "units": 2,
            "kernel_initializer": {"class_name": "VarianceScaling", "config": {"scale": 1.0,
                "mode": "fan_avg", "distribution": "normal", "seed": null}}}},
        {"class_name": "BatchNormalizationV1", "config": {"name": "bn", "axis": [1], "fused": true}},
        {"class_name": "Dropout", "config": {"name": "drop", "p": 0.5}},
    ]});
    root.set_text("model_config", config.to_string());
    let training = json!({"optimizer_config": optimizer, "loss": "mse", "metrics": [],
        "sample_weight_mode": null, "loss_weights": null});
    root.set_text("training_config", training.to_string());
    let weights = root.group_mut("model_weights");
    let texts = |names: &[&str]| Attribute::Texts(names.iter().map(|&n| n.to_owned()).collect());
    weights.attributes.insert("layer_names".to_owned(), texts(&["d1", "bn", "drop"]));
    for (layer, names) in [
        ("d1", &["d1_1/kernel:0", "d1_1/bias:0"][..]),
        ("bn", &["bn_1/gamma:0", "bn_1/beta:0", "bn_1/moving_mean:0", "bn_1/moving_variance:0"]),
        ("drop", &[]),
    ] {
        let group = weights.group_mut(layer);
        group.attributes.insert("weight_names".to_owned(), texts(names));
        for (i, name) in names.iter().enumerate() {
            let dims: &[usize] = if name.contains("kernel") { &[2, 2] } else { &[2] };
            group.set_dataset(name, Tensor::full(dims, i as f32 + 1.0));
        }
    }
    let group = root.group_mut("optimizer_weights");
    group.attributes.insert("weight_names".to_owned(), texts(optimizer_names));
    for (i, name) in optimizer_names.iter().enumerate() {
        let dims: &[usize] = match i {
            0 => &[],
            // The kernel is the first of the four variables of each slot.
            i if (i - 1) % 4 == 0 => &[2, 2],
            _ => &[2],
        };
        group.set_dataset(name, Stored::from(Tensor::full(dims, i as f32)));
    }
    root
}

fn load(root: &Group) -> Model {
    let folder = tempdir().unwrap();
    let path = folder.path().join("old.hdf5");
    fs::write(&path, write_h5(root).unwrap()).unwrap();
    Model::load(path).unwrap()
}

/// Keras 3 gave the name to another function; what an old file says of it is not silently another.
#[test]
fn a_file_from_before_keras_3_with_hard_sigmoid_says_that_it_changed() {
    let adam = json!({"class_name": "Adam", "config": {}});
    let mut root = old_file(&["Adam/iter:0"], adam);
    let config = root
        .text("model_config")
        .unwrap()
        .replace("\"units\":2", "\"units\":2,\"activation\":\"hard_sigmoid\"");
    root.set_text("model_config", config);
    let changed = |model: &Model| model.load_notes().iter().any(|n| n.contains("`hard_sigmoid`"));
    assert!(changed(&load(&root)));
    let chain = Sequential::new([2]).add(Dense::new(2).activation(Activation::HardSigmoid));
    let folder = tempdir().unwrap();
    let path = folder.path().join("new.h5");
    chain.build().unwrap().save(&path).unwrap();
    assert!(!changed(&Model::load(&path).unwrap()));
}

#[test]
fn a_file_of_keras_2_loads_with_its_optimizer() {
    let adam = json!({"class_name": "Adam", "config": {"lr": 0.5, "beta_1": 0.9, "beta_2": 0.999,
        "epsilon": null, "decay": 0.25, "amsgrad": false}});
    let variables = ["d1/kernel", "d1/bias", "bn/gamma", "bn/beta"];
    let slots = |slot: &str| variables.map(|name| format!("Adam/{name}/{slot}:0"));
    let named: Vec<String> =
        std::iter::once("Adam/iter:0".to_owned()).chain(slots("m")).chain(slots("v")).collect();
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    let unnamed: Vec<String> = (0..9).map(|i| format!("training/Adam/Variable_{i}:0")).collect();
    let unnamed: Vec<&str> = unnamed.iter().map(String::as_str).collect();
    for names in [named, unnamed] {
        let mut model = load(&old_file(&names, adam.clone()));
        assert!(model.load_notes().is_empty(), "{:?}", model.load_notes());
        let layers = [("d1", "Dense"), ("bn", "BatchNormalization"), ("drop", "Dropout")];
        assert_eq!(model.layers(), layers);
        let weights = model.get_weights();
        assert_eq!(weights[0].data(), [1.0; 4]);
        assert_eq!(weights[5].data(), [4.0, 4.0]);
        let p = model.predict(&Tensor::full([1, 2], 1.0)).unwrap();
        let expected = (4.0f32 - 3.0) / (4.0f32 + 1e-3).sqrt() + 2.0;
        assert!((p.data()[0] - expected).abs() < 1e-6, "{p:?}");
        let state: Vec<(String, f32)> = model
            .optimizer_variables()
            .into_iter()
            .map(|(name, value)| (name, value.data()[0]))
            .collect();
        // No learning rate: decay makes it a schedule. Momentum and velocity take turns.
        assert_eq!(state[1], ("adam/d1_kernel_momentum".to_owned(), 1.0));
        assert_eq!(state[2], ("adam/d1_kernel_velocity".to_owned(), 5.0));
        assert_eq!(state[8], ("adam/bn_beta_velocity".to_owned(), 8.0));
        assert_eq!(model.learning_rate().unwrap(), 0.5);
        for _ in 0..2 {
            let batch = Batch::new(Tensor::full([4, 2], 1.0), Tensor::full([4, 2], 0.0));
            model.train_on_batch(&batch).unwrap();
        }
        assert!((model.learning_rate().unwrap() - 0.5 / 1.5).abs() < 1e-6);
    }
}

#[test]
fn the_number_of_steps_is_exact() {
    let sgd = json!({"class_name": "SGD", "config": {"lr": 0.5}});
    let mut root = old_file(&["SGD/iter:0"], sgd);
    let mut steps = |data: Data| {
        let group = root.group_mut("optimizer_weights");
        group.set_dataset("SGD/iter:0", Stored::new([], data));
        let model = load(&root);
        (model.iterations().unwrap(), model.load_notes().len())
    };
    assert_eq!(steps(Data::I64(vec![16_777_217])), (16_777_217, 0));
    assert_eq!(steps(Data::I64(vec![i64::MAX])), (i64::MAX as u64, 0));
    assert_eq!(steps(Data::F32(vec![7.0])), (7, 0));
    for wrong in [Data::I64(vec![-1]), Data::F32(vec![0.5]), Data::F64(vec![f64::NAN])] {
        assert_eq!(steps(wrong), (0, 1));
    }
}

#[test]
fn an_optimizer_that_does_not_fit_starts_anew_and_says_so() {
    let sgd = json!({"class_name": "SGD", "config": {"lr": 0.5, "momentum": 0.9, "decay": 0.0,
        "nesterov": false}});
    let model = load(&old_file(&["SGD/iter:0", "SGD/d1/kernel/strange:0"], sgd));
    assert_eq!(model.load_notes().len(), 1);
    assert!(model.load_notes()[0].contains("starts anew"), "{:?}", model.load_notes());
    assert_eq!(model.iterations().unwrap(), 0);
}

#[test]
fn a_functional_model_of_keras_2_is_wired_as_it_says() {
    let tensor = |name: &str| json!([name, 0, 0, {}]);
    let config = json!({"class_name": "Model", "config": {"name": "model_1", "layers": [
        {"class_name": "InputLayer", "name": "a", "inbound_nodes": [],
            "config": {"batch_input_shape": [null, 4], "dtype": "float32", "name": "a"}},
        {"class_name": "Dense", "name": "d", "inbound_nodes": [[tensor("a")], [tensor("d")]],
            "config": {"name": "d", "output_dim": 4, "init": "uniform", "bias": false,
                "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.5},
                "W_constraint": {"name": "MaxNorm", "m": 3, "axis": 0}}},
        {"class_name": "Merge", "name": "m", "inbound_nodes": [[tensor("d"), json!(["d", 1, 0, {}])]],
            "config": {"name": "m", "mode": "concat", "concat_axis": -1}},
        {"class_name": "TFOpLambda", "name": "tf.math.multiply",
            "config": {"name": "tf.math.multiply", "function": "math.multiply"},
            "inbound_nodes": [["m", 0, 0, {"y": 2.0, "name": null}]]},
        {"class_name": "LeakyReLU", "name": "l", "inbound_nodes": [[["tf.math.multiply", 0, 0, {}]]],
            "config": {"name": "l", "alpha": 0.5}},
    ], "input_layers": [["a", 0, 0]], "output_layers": [["l", 0, 0]]}});
    let mut model = Model::from_config(&config).unwrap();
    model.set_weights(&[Tensor::from_fn([4, 4], |i| if i % 5 == 0 { -3.0 } else { 0.0 })]).unwrap();
    let y = model.predict(&Tensor::full([1, 4], 1.0)).unwrap();
    assert_eq!(y.data(), [-3.0, -3.0, -3.0, -3.0, 18.0, 18.0, 18.0, 18.0]);
    let written = model.to_config();
    let dense = &written["config"]["layers"][1]["config"];
    assert_eq!(dense["kernel_regularizer"]["config"], json!({"l1": 0.0, "l2": 0.5}));
    assert_eq!(dense["kernel_constraint"]["config"]["max_value"], 3.0);
    assert_eq!(dense["kernel_initializer"]["class_name"], "RandomUniform");
}

#[test]
fn names_with_slashes_become_such_as_keras_3_allows() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let mut root = old_file(&[], json!(null));
    root.attributes.remove("training_config");
    let text = root.text("model_config").unwrap().replace("\"d1\"", "\"top/d1\"");
    root.set_text("model_config", text);
    let weights = root.group_mut("model_weights");
    let dense = weights.groups.remove(0).1;
    *weights.group_mut("top/d1") = dense;
    let names = ["top/d1", "bn", "drop"].map(str::to_owned).to_vec();
    weights.attributes.insert("layer_names".to_owned(), Attribute::Texts(names));
    fs::write(&path, write_h5(&root).unwrap()).unwrap();
    let model = Model::load(&path).unwrap();
    assert_eq!(model.layers()[0], ("top_d1", "Dense"));
    assert_eq!(model.get_weights()[0].data(), [1.0; 4]);
}

/// Any part of a configuration may be anything else.
#[test]
fn configurations_with_changed_parts_never_panic() {
    let convolution = json!({"class_name": "Sequential", "config": [
        {"class_name": "Convolution1D", "config": {"name": "c", "batch_input_shape": [null, 4, 2],
            "nb_filter": 3, "filter_length": 3, "init": {"class_name": "VarianceScaling",
                "config": {"scale": 1.0, "mode": "fan_in", "distribution": "normal"}},
            "W_regularizer": {"name": "L2", "l2": 0.1}}},
        {"class_name": "Bidirectional", "config": {"name": "b",
            "layer": {"class_name": "LSTM", "config": {"name": "l", "units": 2}}}},
    ]});
    let nested = json!({"class_name": "Model", "config": {"name": "m", "layers": [
        {"class_name": "InputLayer", "name": "a", "inbound_nodes": [],
            "config": {"batch_input_shape": [null, 4], "name": "a"}},
        {"class_name": "Sequential", "name": "s", "inbound_nodes": [[["a", 0, 0, {}]]],
            "config": {"name": "s", "layers": [{"class_name": "Dense",
                "config": {"name": "d", "batch_input_shape": [null, 4], "units": 4}}]}},
        {"class_name": "TFOpLambda", "name": "t", "inbound_nodes": [["s", 1, 0, {"y": ["a", 0, 0]}]],
            "config": {"name": "t", "function": "math.add"}},
    ], "input_layers": [["a", 0, 0]], "output_layers": [["t", 0, 0], ["s", 1, 0]]}});
    let training = json!({"class_name": "Adam", "config": {"lr": 0.1, "decay": 0.1},
        "fn": {"class_name": "function", "config": "mse"}});
    let others = [json!(null), json!(-1), json!("x"), json!([]), json!({}), json!([[["a", 0, 0]]])];
    let mut random = cornu_testkit::Random::new(5);
    for sound in [convolution, nested] {
        Model::from_config(&sound).unwrap();
        for path in paths(&sound) {
            for other in &others {
                let mut changed = sound.clone();
                *changed.pointer_mut(&path).unwrap() = other.clone();
                let _ = Model::from_config(&changed);
            }
        }
    }
    let compile = json!({"optimizer_config": training, "loss": training, "metrics": [[training]]});
    for path in paths(&compile) {
        let mut changed = compile.clone();
        *changed.pointer_mut(&path).unwrap() = others[random.below(others.len())].clone();
        let _ = cornu_model::Compile::from_config(&changed);
    }
}

/// JSON pointers to every part of a value.
fn paths(value: &serde_json::Value) -> Vec<String> {
    let below = |key: String, value: &serde_json::Value| -> Vec<String> {
        paths(value).into_iter().map(|path| format!("/{key}{path}")).collect()
    };
    let mut all = vec![String::new()];
    match value {
        serde_json::Value::Array(items) => {
            all.extend(items.iter().enumerate().flat_map(|(i, item)| below(i.to_string(), item)));
        }
        serde_json::Value::Object(items) => {
            all.extend(items.iter().flat_map(|(key, item)| below(key.clone(), item)));
        }
        _ => {}
    }
    all
}

#[test]
fn what_keras_3_cannot_do_is_an_error_that_names_it() {
    let layer = |class: &str, config: serde_json::Value| {
        let mut object = json!({"class_name": class, "config": config, "name": "x",
            "inbound_nodes": [[["a", 0, 0, {}]]]});
        object["config"]["name"] = json!("x");
        let config = json!({"class_name": "Functional", "config": {"name": "m", "layers": [
            {"class_name": "InputLayer", "name": "a", "inbound_nodes": [],
                "config": {"batch_input_shape": [null, 4, 4, 2], "name": "a"}}, object],
            "input_layers": [["a", 0, 0]], "output_layers": [["x", 0, 0]]}});
        Model::from_config(&config).unwrap_err().to_string()
    };
    for (class, config, text) in [
        ("TFOpLambda", json!({"function": "image.resize"}), "`tf.image.resize` is not supported"),
        ("SlicingOpLambda", json!({"function": "__operators__.getitem"}), "SlicingOpLambda"),
        ("Lambda", json!({"function": ["4wEAAA==", null, null]}), "Lambda"),
        ("CuDNNLSTM", json!({"units": 3}), "CuDNNLSTM"),
        ("Merge", json!({"mode": "function"}), "`Merge` with mode=\"function\""),
        ("BatchNormalization", json!({"mode": 1}), "mode"),
    ] {
        let message = layer(class, config);
        assert!(message.contains(text), "{message}");
    }
}

#[test]
fn a_convolution_of_keras_1_has_all_its_old_names() {
    let config = json!({"class_name": "Sequential", "config": [
        {"class_name": "Convolution2D", "config": {"name": "c", "batch_input_shape": [null, 8, 8, 2],
            "nb_filter": 3, "nb_row": 5, "nb_col": 3, "subsample": [2, 1], "border_mode": "same",
            "dim_ordering": "tf", "init": "glorot_uniform", "activation": "relu", "bias": true,
            "W_regularizer": null, "b_regularizer": null, "activity_regularizer": null,
            "W_constraint": null, "b_constraint": null, "input_dtype": "float32"}},
        {"class_name": "MaxPooling2D", "config": {"name": "p", "pool_size": [2, 2],
            "strides": [2, 2], "border_mode": "valid", "dim_ordering": "tf"}},
        {"class_name": "Flatten", "config": {"name": "f"}},
        {"class_name": "Dense", "config": {"name": "d", "output_dim": 4, "input_dim": null,
            "init": "zero", "activation": "softmax", "bias": true}},
    ]});
    let model = Model::from_config(&config).unwrap();
    let dims: Vec<&[usize]> =
        model.weight_infos().iter().map(|weight| &weight.spec.dims[..]).collect();
    assert_eq!(dims, [&[5, 3, 2, 3][..], &[3], &[24, 4], &[4]]);
}

#[test]
fn states_of_all_recurrent_layers_of_keras_2_are_found() {
    let input = |name: &str, shape: Vec<Option<usize>>| {
        json!({"class_name": "InputLayer", "name": name, "inbound_nodes": [],
            "config": {"batch_input_shape": shape, "name": name}})
    };
    let at = |name: &str| json!([name, 0, 0, {}]);
    for (class, rank) in [("ConvLSTM1D", 1), ("ConvLSTM2D", 2), ("ConvLSTM3D", 3)] {
        let shape = |steps: Option<usize>| {
            let spatial = vec![Some(4); rank];
            [vec![None], steps.map(Some).into_iter().collect(), spatial, vec![Some(2)]].concat()
        };
        let state = shape(None);
        let layer = json!({"class_name": class, "name": "r",
            "inbound_nodes": [[at("x"), at("h"), at("c")]],
            "config": {"name": "r", "filters": 2, "kernel_size": 3, "padding": "same"}});
        let config = json!({"class_name": "Functional", "config": {"name": "m", "layers": [
            input("x", shape(Some(3))), input("h", state.clone()), input("c", state), layer],
            "input_layers": [["x", 0, 0], ["h", 0, 0], ["c", 0, 0]],
            "output_layers": [["r", 0, 0]]}});
        let written = Model::from_config(&config).unwrap().to_config();
        let node = &written["config"]["layers"][3]["inbound_nodes"][0];
        assert_eq!(node["args"].as_array().unwrap().len(), 1, "{class}");
        assert_eq!(node["kwargs"]["initial_state"].as_array().unwrap().len(), 2, "{class}");
    }
}

/// A model of one layer, with what a file says of the Keras that wrote it.
fn of_one_layer(marks: &serde_json::Value, layer: serde_json::Value) -> serde_json::Value {
    let layers = json!([{"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [null, 3, 2]}},
        layer]);
    let mut object = json!({"class_name": "Sequential", "config": {"name": "m", "layers": layers}});
    object.as_object_mut().unwrap().extend(marks.as_object().unwrap().clone());
    object
}

#[test]
fn a_configuration_of_keras_3_has_todays_defaults_and_no_old_names() {
    let new = [
        json!({"module": "keras", "registered_name": "Sequential"}),
        json!({"registered_name": null}),
        json!({"keras_version": "3.0.0"}),
        json!({"keras_version": "10.1"}),
    ];
    let old = [
        json!({}),
        json!({"keras_version": "2.15.0", "module": "keras", "registered_name": null}),
        json!({"keras_version": "1.2.2"}),
    ];
    for (marks, is_new) in new.iter().map(|m| (m, true)).chain(old.iter().map(|m| (m, false))) {
        let gru = json!({"class_name": "GRU", "config": {"name": "g", "units": 2}});
        let model = Model::from_config(&of_one_layer(marks, gru)).unwrap();
        let written = model.to_config();
        let layers = written["config"]["layers"].as_array().unwrap();
        assert_eq!(layers[1]["config"]["reset_after"], is_new, "{marks}");
        for (class, config, key) in [
            ("Dense", json!({"units": 2, "W_regularizer": null}), "W_regularizer"),
            ("BatchNormalization", json!({"mode": 0}), "mode"),
            ("Dropout", json!({"rate": 0.5, "p": 0.5}), "p"),
            ("Conv1D", json!({"filters": 2, "kernel_size": 1, "nb_filter": 2}), "nb_filter"),
        ] {
            let mut layer = json!({"class_name": class, "config": config});
            layer["config"]["name"] = json!("l");
            // Inside of another model, too.
            let inner = of_one_layer(&json!({}), layer.clone());
            for layer in [layer, inner] {
                match Model::from_config(&of_one_layer(marks, layer)) {
                    Ok(_) => assert!(!is_new, "{marks} {class}"),
                    Err(error) => {
                        assert!(is_new && error.to_string().ends_with(key), "{marks}: {error}");
                    }
                }
            }
        }
    }
    // Keras 2.12 to 2.15 wrote the marks of Keras 3.
    let mut late =
        of_one_layer(&new[0], json!({"class_name": "GRU", "config": {"name": "g", "units": 2}}));
    let input = late["config"]["layers"][0]["config"].as_object_mut().unwrap();
    let shape = input.remove("batch_shape").unwrap();
    input.insert("batch_input_shape".to_owned(), shape);
    let written = Model::from_config(&late).unwrap().to_config();
    assert_eq!(written["config"]["layers"][1]["config"]["reset_after"], false);
}

#[test]
fn a_file_of_keras_3_has_no_old_names_in_its_training_configuration() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut archive = model(1).to_archive();
    let optimizer =
        archive.config["compile_config"]["optimizer"]["config"].as_object_mut().unwrap();
    let rate = optimizer.remove("learning_rate").unwrap();
    optimizer.insert("lr".to_owned(), rate);
    fs::write(at("config.json"), archive.config.to_string()).unwrap();
    fs::write(at("model.weights.h5"), write_h5(&archive.weights).unwrap()).unwrap();
    for (version, is_new) in [("2.15.0", false), ("3.0.5", true)] {
        fs::write(at("metadata.json"), json!({"keras_version": version}).to_string()).unwrap();
        match Model::load(folder.path()) {
            Ok(_) => assert!(!is_new, "{version}"),
            Err(error) => {
                let error = error.to_string();
                assert!(is_new && error.contains("not supported: lr"), "{version}: {error}");
            }
        }
    }
}

#[test]
fn a_block_of_convnext_is_read_and_written_as_keras_names_it() {
    let tensor = |name: &str| json!({"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}});
    let layer = |class: &str, name: &str, config: serde_json::Value, args: serde_json::Value| {
        let mut object = json!({"module": "keras.layers", "class_name": class, "config": config,
            "registered_name": null, "name": name,
            "inbound_nodes": [{"args": args, "kwargs": {}}]});
        object["config"]["name"] = json!(name);
        object
    };
    let mut input =
        layer("InputLayer", "x", json!({"batch_shape": [null, null, null, 2]}), json!([]));
    input["inbound_nodes"] = json!([]);
    let mut scale = layer(
        "LayerScale",
        "scale",
        json!({"init_values": 0.5, "projection_dim": 2}),
        json!([tensor("conv")]),
    );
    scale["module"] = json!("keras.src.applications.convnext");
    scale["registered_name"] = json!("LayerScale");
    let conv = json!({"kernel_size": 3, "padding": "same", "depthwise_initializer": "ones"});
    let layers = json!([
        input,
        layer("DepthwiseConv2D", "conv", conv, json!([tensor("x")])),
        scale,
        layer("Add", "sum", json!({}), json!([[tensor("x"), tensor("scale")]]))
    ]);
    let config = json!({"name": "block", "layers": layers, "input_layers": [["x", 0, 0]],
        "output_layers": [["sum", 0, 0]]});
    let object = json!({"module": "keras", "class_name": "Functional", "config": config,
        "registered_name": "Functional"});
    let mut model = Model::from_config(&object).unwrap();
    let y = model.predict_on_batch(&[Tensor::full([1, 1, 1, 2], 2.0)]).unwrap();
    assert_eq!(y[0].data(), [3.0, 3.0]);
    let written = model.to_config();
    let scale = &written["config"]["layers"][2];
    assert_eq!(scale["module"], "keras.src.applications.convnext");
    assert_eq!(scale["registered_name"], "LayerScale");
    assert_eq!(scale["config"]["projection_dim"], 2);
    let folder = tempdir().unwrap();
    let path = folder.path().join("block.keras");
    model.save(&path).unwrap();
    assert_eq!(Model::load(&path).unwrap().get_weights(), model.get_weights());
}

#[test]
fn only_an_input_can_ask_for_batches_of_one_size() {
    let dense = json!({"class_name": "Dense", "config": {"name": "d", "units": 2}});
    let config = json!({"name": "m", "layers": [dense], "build_input_shape": [8, 3]});
    let object = json!({"class_name": "Sequential", "config": config});
    let model = Model::from_config(&object).unwrap();
    let written = model.to_config();
    let input = &written["config"]["layers"][0]["config"];
    assert_eq!(input["batch_shape"], json!([null, 3]));
    assert!(Model::from_config(&written).is_ok());
    let mut fixed = written.clone();
    fixed["config"]["layers"][0]["config"]["batch_shape"] = json!([8, 3]);
    let error = Model::from_config(&fixed).unwrap_err();
    assert!(matches!(error, ModelError::Unsupported { .. }), "{error}");
    assert!(error.to_string().contains("a fixed batch size is not supported"), "{error}");
    for class in ["SimpleRNN", "LSTM", "GRU", "ConvLSTM1D"] {
        let mut layer = json!({"class_name": class,
            "config": {"name": "r", "units": 2, "filters": 2, "kernel_size": 1, "stateful": true}});
        let other =
            if class == "ConvLSTM1D" { &["units"][..] } else { &["filters", "kernel_size"] };
        other.iter().for_each(|key| drop(layer["config"].as_object_mut().unwrap().remove(*key)));
        for layer in [
            layer.clone(),
            json!({"class_name": "Bidirectional", "config": {"name": "b", "layer": layer}}),
        ] {
            let shape =
                if class == "ConvLSTM1D" { json!([null, 3, 4, 2]) } else { json!([null, 3, 2]) };
            let config = json!({"name": "m", "layers": [layer], "build_input_shape": shape});
            let object = json!({"class_name": "Sequential", "config": config});
            let error = Model::from_config(&object).unwrap_err().to_string();
            assert!(error.contains("stateful"), "{class}: {error}");
        }
    }
}
