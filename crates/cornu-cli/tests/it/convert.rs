use cornu::data::write_npy;
use cornu::prelude::*;
use cornu::tensor::Tensor;

use crate::cornu::Place;

/// A place with a small compiled and trained network in `net.keras`, and an array in `x.npy`.
fn place() -> Place {
    let place = Place::new();
    place.write_net("net.json", 3);
    let x = Tensor::from_fn([4, 32, 32, 1], |i| (i % 7) as f32);
    write_npy(&place.path("x.npy"), &x).unwrap();
    let text = std::fs::read_to_string(place.path("net.json")).unwrap();
    let mut model = Model::from_json(&text).unwrap();
    model.compile(Adam::default(), SparseCategoricalCrossentropy::default(), []).unwrap();
    let y = Tensor::from_fn([4, 1], |i| (i % 3) as f32);
    model.fit(&Dataset::new(x, y).unwrap(), Fit::epochs(1).batch_size(2)).unwrap();
    model.save(place.path("net.keras")).unwrap();
    place
}

#[test]
fn every_format_predicts_the_same() {
    let place = place();
    let outputs = |model: &str| -> Vec<serde_json::Value> {
        let lines = place.run(&format!("predict {model} x.npy --json")).json();
        lines.into_iter().map(|line| line["output"].clone()).collect()
    };
    let expected = outputs("net.keras");
    for (line, message) in [
        ("net.keras whole.h5", ""),
        ("whole.h5 old.hdf5", ""),
        ("net.keras w.weights.h5", "without the network and what it is compiled with"),
        (
            "old.hdf5 w.safetensors",
            "without the network, what it is compiled with and the optimizer",
        ),
        ("net.keras arch.json", "without the weights and the optimizer's state"),
    ] {
        let ran = place.run(&format!("convert {line}"));
        assert!(
            ran.stderr.contains(message) && ran.stderr.is_empty() == message.is_empty(),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.ok(), "");
    }
    for weights in ["w.weights.h5", "w.safetensors", "old.hdf5", "net.keras"] {
        place.run(&format!("convert arch.json again.keras --weights {weights}")).ok();
        assert_eq!(outputs("again.keras"), expected, "{weights}");
    }
    for model in ["whole.h5", "old.hdf5"] {
        assert_eq!(outputs(model), expected, "{model}");
        let same = place.run(&format!("summary {model}")).ok();
        assert_eq!(same, place.run("summary net.keras").ok());
    }
    // There and back again, not a bit is lost.
    place.run("convert whole.h5 back.keras").ok();
    assert_eq!(place.bytes("back.keras"), place.bytes("net.keras"));
}

#[test]
fn what_a_format_cannot_hold_is_said() {
    let place = place();
    place.run("convert net.keras w.weights.h5").ok();
    place.run("convert w.weights.h5 out.keras").error(&[
        "w.weights.h5: this file has weights but no network",
        "cornu convert NETWORK out.keras --weights w.weights.h5",
    ]);
    place.run("convert net.json out.safetensors").error(&["no weights to write", "--weights"]);
    place.run("convert net.keras out.onnx").error(&["out.onnx: expected a name that ends in"]);
    place.run("convert net.keras out.weights.json").error(&["weights in several parts"]);
    place.run("convert none.h5 out.keras").error(&["none.h5: no such file"]);
    place.run("predict w.weights.h5 x.npy").error(&["this file has weights but no model"]);
    std::fs::write(place.path("cut.h5"), &place.bytes("w.weights.h5")[..500]).unwrap();
    place.run("convert cut.h5 out.keras").error(&["cut.h5: ", "damaged or incomplete"]);
    assert!(!place.path("out.keras").exists());
    std::fs::write(place.path("mine.keras"), "mine").unwrap();
    place.run("convert net.json mine.keras --weights cut.h5").error(&["cut.h5"]);
    assert_eq!(place.bytes("mine.keras"), b"mine");
    let ran = place.run("convert net.json new.keras");
    assert!(ran.stderr.contains("its weights are random"), "{}", ran.stderr);
    ran.ok();
}

#[test]
fn weights_are_listed() {
    let place = place();
    place.run("convert net.keras w.weights.h5").ok();
    place.run("convert net.keras w.safetensors").ok();
    let text = place.run("summary w.safetensors").ok();
    assert!(text.contains("conv2d/kernel  (3, 3, 1, 4)  float32      36\n"), "{text}");
    assert!(text.ends_with("\n4 variables, 55 values\n"), "{text}");
    let text = place.run("summary w.weights.h5").ok();
    assert!(text.contains("layers/conv2d/vars/0 ") && text.contains("optimizer/vars/0 "), "{text}");
}

#[test]
fn the_table_of_keras_2() {
    let text = Place::new().run("summary lesson-cnn --style keras2").ok();
    let expected = "Model: \"functional\"
_________________________________________________________________
 Layer (type)                Output Shape              Param #   
=================================================================
 input_layer (InputLayer)    [(None, 256, 256, 1)]     0         
                                                                 
 conv2d (Conv2D)             (None, 256, 256, 8)       80        
";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains(
        "
 global_average_pooling2d (G  (None, 50)               0         
 lobalAveragePooling2D)                                          
                                                                 
"
    ));
    assert!(text.ends_with(
        "
=================================================================
Total params: 54,627
Trainable params: 54,627
Non-trainable params: 0
_________________________________________________________________
"
    ));
}
