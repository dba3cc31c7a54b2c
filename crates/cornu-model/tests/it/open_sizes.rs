//! Models that leave sizes of their inputs open: `None` beyond the first axis.

use cornu_model::{Batch, Compile, Model, ModelError};
use cornu_tensor::Tensor;
use serde_json::{Value, json};

/// A model of one layer over inputs of this shape.
fn single(class: &str, config: &Value, shape: &Value) -> Model {
    let mut config = config.clone();
    config["name"] = json!("layer");
    let input = json!({"class_name": "InputLayer", "config": {"name": "x", "batch_shape": shape}});
    let layers = [input, json!({"class_name": class, "config": config})];
    let config = json!({"name": "single", "layers": layers});
    Model::from_config(&json!({"class_name": "Sequential", "config": config})).unwrap()
}

/// Convolutions over pictures of any size: a map of scores as the first output, a class as the second.
fn model() -> Model {
    let layer = |class: &str, name: &str, config: serde_json::Value, from: Option<&str>| {
        let inbound = from.map_or(json!([]), |from| json!([[[from, 0, 0, {}]]]));
        let mut config = config;
        config["name"] = json!(name);
        json!({"class_name": class, "name": name, "config": config, "inbound_nodes": inbound})
    };
    let layers = [
        layer("InputLayer", "x", json!({"batch_shape": [null, null, null, 2]}), None),
        layer(
            "Conv2D",
            "map",
            json!({"filters": 3, "kernel_size": 3, "padding": "same"}),
            Some("x"),
        ),
        layer("GlobalAveragePooling2D", "mean", json!({}), Some("map")),
        layer("Dense", "class", json!({"units": 4, "activation": "softmax"}), Some("mean")),
    ];
    let outputs = json!([["map", 0, 0], ["class", 0, 0]]);
    let config = json!({
        "name": "open", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": outputs,
    });
    Model::from_config(&json!({"class_name": "Functional", "config": config})).unwrap()
}

fn picture(n: usize, height: usize, width: usize) -> Tensor {
    Tensor::from_fn([n, height, width, 2], |i| (i % 7) as f32 - 3.0)
}

#[test]
fn batches_of_several_sizes_are_predicted_and_trained_with() {
    let mut model = model();
    for (height, width) in [(5, 8), (9, 3)] {
        let batch = [picture(3, height, width)];
        let outputs = model.predict_on_batch(&batch).unwrap();
        assert_eq!(outputs[0].dims(), [3, height, width, 3]);
        assert_eq!(outputs[1].dims(), [3, 4]);
        // Batches of one sample, put together.
        let data = cornu_model::Dataset::inputs(batch.to_vec()).unwrap();
        let together = model.predict_batches(&data, 1).unwrap();
        assert_eq!(together[0].dims(), outputs[0].dims());
        assert_eq!(together[0].data(), outputs[0].data());
    }
    let losses = json!(["mse", "sparse_categorical_crossentropy"]);
    let settings = json!({"optimizer": "sgd", "loss": losses});
    model.compile_with(Compile::from_config(&settings).unwrap()).unwrap();
    let batch = |class: f32| Batch {
        x: vec![picture(2, 4, 6)],
        y: vec![Tensor::zeros([2, 4, 6, 3]), Tensor::full([2, 1], class)],
        ..Batch::default()
    };
    let first = model.train_on_batch(&batch(1.0)).unwrap()["loss"];
    model.reset_metrics();
    assert!(model.train_on_batch(&batch(1.0)).unwrap()["loss"] < first);
    // Labels are checked though the model does not say how large its outputs are.
    let error = model.train_on_batch(&batch(4.0)).unwrap_err().to_string();
    assert!(error.contains("class"), "{error}");
}

#[test]
fn samples_that_do_not_fit_are_refused_with_the_open_shape() {
    let mut model = model();
    let error = model.predict_on_batch(&[Tensor::zeros([1, 4, 4, 3])]).unwrap_err().to_string();
    assert!(error.contains("(None, None, None, 2), got [4, 4, 3]"), "{error}");
    let error = model.predict_on_batch(&[Tensor::zeros([1, 4, 2])]).unwrap_err().to_string();
    assert!(error.contains("got [4, 2]"), "{error}");
    assert!(model.predict_on_batch(&[Tensor::zeros([1, 0, 4, 2])]).is_err());
    assert!(model.plan_text(false, 1).unwrap_err().to_string().contains("known size"));
}

#[test]
fn pictures_that_are_too_small_for_a_layer_are_errors_of_that_layer() {
    let kernel = json!({"filters": 2, "kernel_size": 3});
    let window = json!({"kernel_size": 3});
    let pool = json!({"pool_size": 3});
    let crop = json!({"cropping": 1});
    let cases = [
        (1, "Conv1D", kernel.clone()),
        (1, "DepthwiseConv1D", window.clone()),
        (1, "SeparableConv1D", kernel.clone()),
        (1, "MaxPooling1D", pool.clone()),
        (1, "AveragePooling1D", pool.clone()),
        (1, "Cropping1D", crop.clone()),
        (1, "Cropping1D", json!({"cropping": [u64::MAX, u64::MAX]})),
        (2, "Conv2D", kernel.clone()),
        (2, "Conv2D", json!({"filters": 2, "kernel_size": 2, "dilation_rate": 2})),
        (2, "DepthwiseConv2D", window.clone()),
        (2, "SeparableConv2D", kernel.clone()),
        (2, "MaxPooling2D", pool.clone()),
        (2, "AveragePooling2D", pool.clone()),
        (2, "Cropping2D", crop.clone()),
        (2, "Cropping2D", json!({"cropping": [[0, 0], [2, 0]]})),
        (2, "ZeroPadding2D", json!({"padding": u64::MAX})),
        (2, "UpSampling2D", json!({"size": 1_u64 << 40})),
        (2, "ContrastLimitedAdaptiveHistogramEqualization", json!({"tile_grid_size": [8, 8]})),
        (3, "Conv3D", kernel.clone()),
        (3, "MaxPooling3D", pool.clone()),
        (3, "AveragePooling3D", pool),
        (3, "Cropping3D", crop),
    ];
    for (rank, class, config) in cases {
        for channels_first in [false, true] {
            let mut config = config.clone();
            let mut shape = vec![json!(null); rank + 2];
            let mut sizes = vec![2; rank + 2];
            let channels = if channels_first { 1 } else { rank + 1 };
            if channels_first && rank != 1 {
                config["data_format"] = json!("channels_first");
            } else if channels_first {
                continue;
            }
            shape[channels] = json!(3);
            sizes[channels] = 3;
            let mut model = single(class, &config, &json!(shape));
            let error = model.predict_on_batch(&[Tensor::zeros(sizes)]).unwrap_err();
            assert!(matches!(error, ModelError::Layer { .. }), "{class} {config}: {error}");
            assert!(error.to_string().starts_with("layer `layer`: "), "{class}: {error}");
        }
    }
}

#[test]
fn layers_that_keep_at_least_one_cell_take_the_smallest_picture() {
    for (class, config) in [
        ("Conv2D", json!({"filters": 2, "kernel_size": 3, "padding": "same"})),
        ("Conv2DTranspose", json!({"filters": 2, "kernel_size": 3})),
        ("MaxPooling2D", json!({"pool_size": 2, "padding": "same"})),
        ("AveragePooling2D", json!({"pool_size": 2, "padding": "same"})),
        ("AdaptiveMaxPooling2D", json!({"output_size": 1})),
        ("AdaptiveAveragePooling2D", json!({"output_size": 1})),
        ("GlobalMaxPooling2D", json!({})),
        ("Cropping2D", json!({"cropping": 0})),
        ("CenterCrop", json!({"height": 4, "width": 4})),
        ("RandomCrop", json!({"height": 4, "width": 4})),
        ("Resizing", json!({"height": 4, "width": 4})),
        ("Resizing", json!({"height": 4, "width": 4, "crop_to_aspect_ratio": true})),
        ("ZeroPadding2D", json!({"padding": 1})),
        ("UpSampling2D", json!({"size": 2})),
        ("RandomElasticTransform", json!({})),
        ("RandomErasing", json!({})),
        ("RandomGaussianBlur", json!({})),
        ("RandomRotation", json!({"factor": 0.1})),
    ] {
        let mut model = single(class, &config, &json!([null, null, null, 3]));
        for sizes in [[1, 1], [1, 2], [5, 1]] {
            let x = [Tensor::full([2, sizes[0], sizes[1], 3], 0.5)];
            let answer = model.predict_on_batch(&x);
            assert!(answer.is_ok(), "{class} {config} of {sizes:?}: {answer:?}");
        }
    }
}

#[test]
fn layers_answer_to_pictures_of_several_sizes() {
    let mut model = model();
    for (height, width) in [(5, 8), (9, 3)] {
        let batch = [picture(2, height, width)];
        let layers = model.layer_outputs(&batch).unwrap();
        let outputs = model.predict_on_batch(&batch).unwrap();
        assert_eq!(layers[0].outputs, batch);
        assert_eq!((&layers[1].name[..], &layers[1].outputs[0]), ("map", &outputs[0]));
        assert_eq!(layers[3].outputs[0].data(), outputs[1].data());
    }
    assert!(model.layer_outputs(&[Tensor::zeros([1, 4, 2])]).is_err());
}
