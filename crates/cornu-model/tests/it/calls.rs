//! What a call of a layer is given besides its inputs.

use cornu_model::{CallOptions, Input, LayerExt, Model};
use cornu_nn::layers::{
    Attention, CategoryEncoding, Dense, GroupQueryAttention, LSTM, Masking, MultiHeadAttention,
    OutputMode,
};
use cornu_tensor::Tensor;
use serde_json::{Value, json};

fn sequence(steps: usize) -> Tensor {
    Tensor::from_fn([2, steps, 3], |i| ((i * 7 % 11) as f32 - 5.0) / 4.0)
}

/// The same model made of its own configuration, with the same weights.
fn read_back(model: &Model) -> Model {
    let mut again = Model::from_json(&model.to_json()).unwrap();
    again.set_weights(&model.get_weights()).unwrap();
    assert_eq!(again.to_config(), model.to_config());
    again
}

/// The node of the first call of layer `name`.
fn node(model: &Model, name: &str) -> Value {
    let config = model.to_config();
    let layers = config["config"]["layers"].as_array().unwrap();
    layers.iter().find(|layer| layer["name"] == name).unwrap()["inbound_nodes"][0].clone()
}

#[test]
fn an_attention_mask_is_a_tensor_of_the_model() {
    let [query, value, seen] = [Input::new([4, 3]), Input::new([5, 3]), Input::new([4, 5])];
    let options = CallOptions::new().attention_mask(&seen).return_attention_scores(true);
    for grouped in [false, true] {
        let attention = match grouped {
            false => MultiHeadAttention::new(2, 3).named("attention"),
            true => GroupQueryAttention::new(3, 4, 2).named("attention"),
        };
        let outputs = attention.apply_with(&[&query, &value], &options).unwrap();
        let mut model = Model::new([&query, &value, &seen], outputs).unwrap();
        let kwargs = &node(&model, "attention")["kwargs"];
        assert_eq!(kwargs["return_attention_scores"], true);
        assert_eq!(kwargs["attention_mask"]["config"]["keras_history"][1], 0, "{kwargs}");

        let mask = Tensor::from_fn([2, 4, 5], |i| f32::from(i % 3 != 0));
        let layers = model.to_config();
        let layers = layers["config"]["layers"].as_array().unwrap();
        let shapes = &layers.iter().find(|l| l["name"] == "attention").unwrap()["build_config"];
        assert_eq!(shapes["shapes_dict"]["value_shape"], json!([null, 5, 3]));

        let inputs = [sequence(4), sequence(5), mask.clone()];
        let outputs = model.predict_on_batch(&inputs).unwrap();
        let heads = if grouped { 4 } else { 2 };
        assert_eq!(outputs[1].dims(), [2, heads, 4, 5]);
        for (i, score) in outputs[1].data().iter().enumerate() {
            let (sample, pair) = (i / (heads * 20), i % 20);
            assert_eq!(*score > 0.0, mask.data()[sample * 20 + pair] == 1.0, "{i}: {score}");
        }
        assert_eq!(read_back(&model).predict_on_batch(&inputs).unwrap(), outputs);
    }
}

#[test]
fn a_mask_that_is_given_is_as_good_as_one_that_came() {
    let (x, seen) = (Input::new([3, 3]), Input::new([3]));
    let lstm = LSTM::new(2).named("lstm");
    let masked = Masking::new(0.0).apply(&x).unwrap();
    let mut came = Model::new(&x, lstm.apply(&masked).unwrap()).unwrap();
    let options = CallOptions::new().mask(0, &seen);
    let mut given = Model::new([&x, &seen], lstm.apply_with(&[&x], &options).unwrap()).unwrap();
    given.set_weights(&came.get_weights()).unwrap();
    let mut pictures = sequence(3);
    pictures.data_mut()[3..6].fill(0.0);
    let mask = Tensor::new([2, 3], vec![1.0, 0.0, 1.0, 1.0, 1.0, 1.0]).unwrap();
    let expected = came.predict_on_batch(std::slice::from_ref(&pictures)).unwrap();
    let inputs = [pictures, mask];
    assert_eq!(given.predict_on_batch(&inputs).unwrap(), expected);
    assert_eq!(read_back(&given).predict_on_batch(&inputs).unwrap(), expected);
}

#[test]
fn masks_of_a_list_of_inputs_are_a_list() {
    let [query, value, seen] = [Input::new([4, 3]), Input::new([5, 3]), Input::new([5])];
    let options = CallOptions::new().mask(1, &seen).use_causal_mask(true);
    let attention = Attention::new().named("attention");
    let outputs = attention.apply_with(&[&query, &value], &options).unwrap();
    let mut model = Model::new([&query, &value, &seen], outputs).unwrap();
    let masks = &node(&model, "attention")["kwargs"]["mask"];
    assert!(masks[0].is_null() && masks[1].is_object(), "{masks}");
    let inputs = [sequence(4), sequence(5), Tensor::from_fn([2, 5], |i| f32::from(i % 5 < 2))];
    let outputs = model.predict_on_batch(&inputs).unwrap();
    assert_eq!(read_back(&model).predict_on_batch(&inputs).unwrap(), outputs);
}

#[test]
fn what_a_layer_does_not_take_is_an_error() {
    let (x, seen) = (Input::new([3, 3]), Input::new([3, 3]));
    let error = |layer: cornu_model::LayerHandle, options: CallOptions| {
        layer.apply_with(&[&x], &options).unwrap_err().to_string()
    };
    let text = error(Dense::new(2).handle(), CallOptions::new().attention_mask(&seen));
    assert!(text.contains("attention_mask"), "{text}");
    let text = error(Dense::new(2).handle(), CallOptions::new().return_attention_scores(true));
    assert!(text.contains("return_attention_scores"), "{text}");
    let text = error(Dense::new(2).handle(), CallOptions::new().use_causal_mask(true));
    assert!(text.contains("use_causal_mask"), "{text}");
    let text = error(LSTM::new(2).handle(), CallOptions::new().mask(1, &seen));
    assert!(text.contains("mask of input 1"), "{text}");
}

/// A model of a Masking layer as Keras writes it, which notes the operations that make the mask.
fn keras_masking(output: Value) -> Value {
    let tensor = |name: &str| {
        json!({"class_name": "__keras_tensor__", "config": {
        "shape": [null, 3, 3], "dtype": "float32", "keras_history": [name, 0, 0]}})
    };
    let layer = |module: &str, class_name: &str, config: Value, args: Value, kwargs: Value| {
        json!({"module": module, "class_name": class_name, "name": config["name"],
            "config": config, "inbound_nodes": [{"args": args, "kwargs": kwargs}]})
    };
    let numpy = "keras.src.ops.numpy";
    let layers = json!([
        {"module": "keras.layers", "class_name": "InputLayer", "name": "x", "inbound_nodes": [],
            "config": {"batch_shape": [null, 3, 3], "dtype": "float32", "name": "x"}},
        layer(numpy, "NotEqual", json!({"name": "not_equal"}), json!([tensor("x"), 0.0]), json!({})),
        layer("keras.layers", "Masking", json!({"name": "masking", "mask_value": 0.0}),
            json!([tensor("x")]), json!({})),
        layer(numpy, "Any", json!({"name": "any"}), json!([tensor("not_equal")]), json!({})),
        layer(numpy, "Negative", json!({"name": "negative"}), json!([tensor("any")]), json!({})),
        layer("keras.layers", "LSTM", json!({"name": "lstm", "units": 2}),
            json!([]), json!({"sequences": tensor("masking"), "mask": tensor("any")})),
    ]);
    json!({"module": "keras.src.models.functional", "class_name": "Functional", "config": {
        "name": "model", "trainable": true, "layers": layers,
        "input_layers": [["x", 0, 0]], "output_layers": output}})
}

#[test]
fn operations_that_only_masks_need_may_be_unknown() {
    let mut model = Model::from_config(&keras_masking(json!(["lstm", 0, 0]))).unwrap();
    let mut long = sequence(3);
    long.data_mut()[6..9].fill(0.0);
    let mut short = long.clone();
    short.data_mut()[3..6].fill(0.0);
    let last = |model: &mut Model, x: Tensor| model.predict_on_batch(&[x]).unwrap().remove(0);
    assert_ne!(last(&mut model, long), last(&mut model, short));
    for output in ["any", "negative"] {
        let error = Model::from_config(&keras_masking(json!([output, 0, 0]))).unwrap_err();
        assert!(error.to_string().contains("keras.src.ops.numpy.Any"), "{error}");
    }
}

#[test]
fn counts_are_weighted_by_a_tensor_of_the_model() {
    let (words, weights) = (Input::new([3]), Input::new([3]));
    let options = CallOptions::new().count_weights(&weights);
    let count = CategoryEncoding::new(4).output_mode(OutputMode::Count).named("count");
    let y = count.apply_with(&[&words], &options).unwrap();
    let mut model = Model::new([&words, &weights], y).unwrap();
    let kwargs = &node(&model, "count")["kwargs"];
    assert_eq!(kwargs["count_weights"]["class_name"], "__keras_tensor__", "{kwargs}");
    let inputs = [
        Tensor::new([1, 3], vec![3.0, 1.0, 3.0]).unwrap(),
        Tensor::new([1, 3], vec![0.5, 2.0, 0.25]).unwrap(),
    ];
    for model in [&mut read_back(&model), &mut model] {
        let y = model.predict_on_batch(&inputs).unwrap();
        assert_eq!(y[0].data(), [0.0, 2.0, 0.0, 0.75]);
    }
    let error = Dense::new(2).handle().apply_with(&[&words], &options).unwrap_err().to_string();
    assert!(error.contains("count_weights") && error.contains("CategoryEncoding"), "{error}");
}

#[test]
fn a_query_mask_counts_for_grouped_attention_only() {
    let [query, value, seen] = [Input::new([4, 3]), Input::new([5, 3]), Input::new([4])];
    let options = CallOptions::new().mask(0, &seen);
    let grouped = GroupQueryAttention::new(3, 4, 2).named("attention");
    let y = grouped.apply_with(&[&query, &value], &options).unwrap();
    let mut model = Model::new([&query, &value, &seen], y).unwrap();
    let mut predict = |mask: Vec<f32>| {
        let mask = Tensor::new([2, 4], mask).unwrap();
        model.predict_on_batch(&[sequence(4), sequence(5), mask]).unwrap().remove(0)
    };
    let all = predict(vec![1.0; 8]);
    let but_one = predict([vec![1.0; 7], vec![0.0]].concat());
    assert_eq!(all.data()[..21], but_one.data()[..21]);
    assert_ne!(all.data()[21..], but_one.data()[21..]);

    let attention = MultiHeadAttention::new(2, 3).named("attention");
    let error = attention.apply_with(&[&query, &value], &options).unwrap_err().to_string();
    assert!(error.contains("query_mask"), "{error}");
    // A file may have one, and Keras forgets it.
    let mut config = grouped_config(&model);
    config["config"]["layers"][3]["class_name"] = json!("MultiHeadAttention");
    config["config"]["layers"][3]["config"] =
        json!({"name": "attention", "num_heads": 2, "key_dim": 3});
    let mut forgetful = Model::from_config(&config).unwrap();
    let mut predict = |mask: f32| {
        let mask = Tensor::full([2, 4], mask);
        forgetful.predict_on_batch(&[sequence(4), sequence(5), mask]).unwrap()
    };
    assert_eq!(predict(0.0), predict(1.0));
}

/// The configuration of a model whose only layer comes after its three inputs.
fn grouped_config(model: &Model) -> Value {
    let mut config = model.to_config();
    let layer = &mut config["config"]["layers"][3];
    assert_eq!(layer["name"], "attention");
    assert!(layer["inbound_nodes"][0]["kwargs"]["query_mask"].is_object());
    layer.as_object_mut().unwrap().remove("build_config");
    config
}
