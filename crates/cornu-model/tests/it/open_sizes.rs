//! Models that leave sizes of their inputs open: `None` beyond the first axis.

use cornu_model::{Batch, Compile, Model};
use cornu_tensor::Tensor;
use serde_json::json;

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
