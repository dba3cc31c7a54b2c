//! Models that take and give tensors by name, as Keras's dicts.

use cornu_model::{Batch, Compile, Input, LayerExt, Model};
use cornu_nn::layers::{Concatenate, Dense};
use cornu_tensor::Tensor;
use serde_json::{Value, json};

fn model() -> Model {
    let (a, b) = (Input::named("zeta", [3]), Input::named("alpha", [2]));
    let x = Concatenate::new().apply_list(&[&a, &b]).unwrap();
    let kind = Dense::new(2).named("kind").apply(&x).unwrap();
    let size = Dense::new(1).named("size").apply(&x).unwrap();
    Model::new([("zeta", &a), ("alpha", &b)], [("y", &kind), ("b", &size)]).unwrap()
}

/// What Keras writes for such a model, in the order in which the names were given.
fn compile_config(loss: Value) -> Value {
    json!({
        "optimizer": "sgd",
        "loss": loss,
        "loss_weights": {"y": 0.5, "b": 2.0},
        "metrics": {"y": ["mae"], "b": ["mse", "mae"]},
        "weighted_metrics": null,
    })
}

#[test]
fn tensors_come_in_the_order_of_their_names_and_settings_go_by_them() {
    let mut model = model();
    assert_eq!(model.input_names(), ["alpha", "zeta"]);
    assert_eq!(model.output_names(), ["size", "kind"]);
    let config = compile_config(json!({"y": "mse", "b": "mae"}));
    model.compile_with(Compile::from_config(&config).unwrap()).unwrap();
    let batch = Batch {
        x: vec![Tensor::full([4, 2], 0.5), Tensor::full([4, 3], -1.0)],
        y: vec![Tensor::full([4, 1], 0.0), Tensor::full([4, 2], 1.0)],
        ..Batch::default()
    };
    let logs = model.test_on_batch(&batch).unwrap();
    for name in ["loss", "b_loss", "y_loss", "b_mse", "b_mae", "y_mae"] {
        assert!(logs.contains_key(name), "{name} is not in {logs:?}");
    }
    let weighted = 0.5 * logs["y_loss"] + 2.0 * logs["b_loss"];
    assert!((logs["loss"] - weighted).abs() < 1e-6, "{logs:?}");
    // The names of layers are not those of the outputs, as in Keras.
    let config = compile_config(json!({"kind": "mse", "size": "mae"}));
    let error = model.compile_with(Compile::from_config(&config).unwrap()).unwrap_err();
    assert!(error.to_string().contains("no output is named `kind`; there are b, y"), "{error}");
}

#[test]
fn names_are_written_and_read() {
    let config = model().to_config();
    let ends = |key: &str| config["config"][key].clone();
    assert_eq!(ends("input_layers"), json!({"alpha": ["alpha", 0, 0], "zeta": ["zeta", 0, 0]}));
    assert_eq!(ends("output_layers"), json!({"b": ["size", 0, 0], "y": ["kind", 0, 0]}));
    let mut again = config.clone();
    // Keras keeps the order in which they were given.
    again["config"]["output_layers"] = json!({"y": ["kind", 0, 0], "b": ["size", 0, 0]});
    let again = Model::from_config(&again).unwrap();
    assert_eq!(again.output_names(), ["size", "kind"]);
    assert_eq!(again.to_config()["config"]["output_layers"], ends("output_layers"));
}

#[test]
fn a_named_model_is_a_layer_that_takes_a_dict() {
    let inner = model();
    let (a, b) = (Input::named("first", [2]), Input::named("second", [3]));
    let outputs = inner.handle().named("inner").apply_all(&[&a, &b]).unwrap();
    let outer = Model::new([&a, &b], outputs).unwrap();
    let config = outer.to_config();
    let layers = config["config"]["layers"].as_array().unwrap();
    let inner = layers.iter().find(|layer| layer["name"] == "inner").unwrap();
    let argument = &inner["inbound_nodes"][0]["args"][0];
    assert_eq!(argument["alpha"]["config"]["keras_history"], json!(["first", 0, 0]));
    assert_eq!(argument["zeta"]["config"]["keras_history"], json!(["second", 0, 0]));
    let mut again = Model::from_config(&config).unwrap();
    assert_eq!(again.to_config()["config"], config["config"]);
    let x = [Tensor::full([2, 2], 1.0), Tensor::full([2, 3], 1.0)];
    assert_eq!(again.predict_on_batch(&x).unwrap()[0].dims(), [2, 1]);
}
