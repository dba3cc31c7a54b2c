//! Rules that every layer of the catalogue keeps, whatever it computes.

use cornu_graph::{Graph, ValueId};
use cornu_nn::layers::{ALIASES, CallArguments, LAYERS};
use cornu_nn::{ConfigReader, Layer, LayerError, LowerCx, SymbolicShape, layer_from_config};
use cornu_tensor::Shape;
use serde_json::{Value, json};

/// The least configuration of a class, and shapes of samples that it takes.
pub(crate) fn example(class_name: &str) -> (Value, Vec<Vec<usize>>) {
    let (vector, picture) = (vec![6], vec![6, 5, 4]);
    let (sequence, volume) = (vec![6, 4], vec![6, 5, 5, 4]);
    match class_name {
        "InputLayer" => (json!({"batch_shape": [null, 6]}), vec![vector]),
        "Dense" => (json!({"units": 3}), vec![vec![2, 6]]),
        "LayerScale" => (json!({"init_values": 1e-6, "projection_dim": 4}), vec![picture]),
        "Conv1D" => (json!({"filters": 3, "kernel_size": 2, "padding": "causal"}), vec![sequence]),
        "SeparableConv1D" => (json!({"filters": 3, "kernel_size": 2}), vec![sequence]),
        "Conv2D" | "SeparableConv2D" => {
            (json!({"filters": 3, "kernel_size": [2, 3], "padding": "same"}), vec![picture])
        }
        "Conv3D" => (json!({"filters": 3, "kernel_size": [2, 3, 1], "strides": 2}), vec![volume]),
        "Conv1DTranspose" => {
            let config = json!({"filters": 3, "kernel_size": 3, "strides": 2, "output_padding": 1});
            (config, vec![sequence])
        }
        "Conv3DTranspose" => (json!({"filters": 3, "kernel_size": 2, "strides": 2}), vec![volume]),
        "DepthwiseConv1D" => (json!({"kernel_size": 2, "depth_multiplier": 2}), vec![sequence]),
        "Conv2DTranspose" => (json!({"filters": 3, "kernel_size": 3, "strides": 2}), vec![picture]),
        "DepthwiseConv2D" => (json!({"kernel_size": 2, "depth_multiplier": 2}), vec![picture]),
        "AveragePooling1D" => (json!({"pool_size": 2}), vec![sequence]),
        "AveragePooling2D" => (json!({"pool_size": 2}), vec![picture]),
        "AveragePooling3D" => (json!({"pool_size": 2}), vec![volume]),
        "AdaptiveAveragePooling1D" | "AdaptiveMaxPooling1D" => {
            (json!({"output_size": 4}), vec![sequence])
        }
        "AdaptiveAveragePooling2D" | "AdaptiveMaxPooling2D" => {
            (json!({"output_size": [4, 2], "data_format": "channels_first"}), vec![picture])
        }
        "AdaptiveAveragePooling3D" | "AdaptiveMaxPooling3D" => {
            (json!({"output_size": 2}), vec![volume])
        }
        "SpatialDropout1D" => (json!({"rate": 0.5}), vec![sequence]),
        "SpatialDropout3D" => (json!({"rate": 0.5}), vec![volume]),
        "Cropping1D" => (json!({"cropping": [1, 2]}), vec![sequence]),
        "UpSampling1D" => (json!({"size": 3}), vec![sequence]),
        "EinsumDense" => {
            let config = json!({"equation": "abcd,de->abce", "output_shape": [null, null, 3],
                "bias_axes": "e"});
            (config, vec![picture])
        }
        "Embedding" => (json!({"input_dim": 7, "output_dim": 3, "mask_zero": true}), vec![vector]),
        "ReversibleEmbedding" => {
            let config = json!({"input_dim": 7, "output_dim": 3, "tie_weights": false,
                "logit_soft_cap": 2.0});
            (config, vec![vector])
        }
        "SimpleRNN" | "LSTM" | "GRU" => {
            let config = json!({"units": 3, "dropout": 0.2, "recurrent_dropout": 0.3});
            (config, vec![sequence])
        }
        "ConvLSTM1D" => (json!({"filters": 3, "kernel_size": 2, "dropout": 0.1}), vec![picture]),
        "ConvLSTM2D" => {
            let config = json!({"filters": 3, "kernel_size": 2, "return_sequences": true});
            (config, vec![volume])
        }
        "ConvLSTM3D" => (json!({"filters": 2, "kernel_size": 2}), vec![vec![2, 3, 3, 3, 1]]),
        "RNN" => {
            let cell = |class_name: &str, units: usize| json!({"class_name": class_name, "config": {"units": units, "dropout": 0.1}});
            let cells = json!([cell("LSTMCell", 3), cell("GRUCell", 2), cell("SimpleRNNCell", 5)]);
            let stack = json!({"class_name": "StackedRNNCells", "config": {"cells": cells}});
            (json!({"cell": stack, "return_sequences": true}), vec![sequence])
        }
        "Bidirectional" => {
            let layer = json!({"class_name": "GRU", "config": {"units": 3, "name": "gru"}});
            (json!({"layer": layer, "merge_mode": "ave"}), vec![sequence])
        }
        "SpectralNormalization" => {
            let layer = json!({"class_name": "Dense", "config": {"units": 3, "name": "dense"}});
            (json!({"layer": layer, "power_iterations": 2}), vec![vector])
        }
        "TimeDistributed" => {
            let layer = json!({"class_name": "BatchNormalization", "config": {"name": "norm"}});
            (json!({"layer": layer}), vec![picture])
        }
        "Attention" | "AdditiveAttention" => {
            (json!({"use_scale": true, "dropout": 0.5}), vec![vec![3, 4], vec![5, 4]])
        }
        "MultiHeadAttention" => {
            let config = json!({"num_heads": 2, "key_dim": 3, "output_shape": [2, 4],
                "use_gate": true});
            (config, vec![sequence, vec![5, 2], vec![5, 3]])
        }
        "GroupQueryAttention" => {
            let config = json!({"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2,
                "sliding_window": 2, "dropout": 0.1});
            (config, vec![sequence.clone(), sequence])
        }
        "Activation" => (json!({"activation": "swish"}), vec![vector]),
        "CenterCrop" => (json!({"height": 3, "width": 3}), vec![picture]),
        "CategoryEncoding" => (json!({"num_tokens": 7}), vec![vector]),
        "GroupNormalization" => (json!({"groups": 2}), vec![picture]),
        "Dropout" | "GaussianDropout" | "AlphaDropout" => (json!({"rate": 0.5}), vec![vector]),
        "SpatialDropout2D" => (json!({"rate": 0.5}), vec![picture]),
        "GaussianNoise" => (json!({"stddev": 0.5}), vec![vector]),
        "Reshape" => (json!({"target_shape": [3, -1]}), vec![vector]),
        "Permute" => (json!({"dims": [3, 1, 2]}), vec![picture]),
        "RepeatVector" => (json!({"n": 3}), vec![vector]),
        "Cropping2D" => (json!({"cropping": [[1, 0], [2, 1]]}), vec![picture]),
        "Add" | "Subtract" | "Multiply" | "Average" | "Maximum" | "Minimum" => {
            (json!({}), vec![picture, vec![5, 1]])
        }
        "Dot" => (json!({"axes": [1, 2]}), vec![vec![4, 3], vec![2, 4]]),
        "Concatenate" => (json!({"axis": -1}), vec![picture, vec![6, 5, 2]]),
        "Rescaling" => (json!({"scale": 0.5, "offset": [1.0, 2.0, 3.0, 4.0]}), vec![picture]),
        "Normalization" => (json!({"axis": [1, -1]}), vec![picture]),
        "Resizing" => (json!({"height": 3, "width": 8}), vec![picture]),
        "Discretization" => {
            let config = json!({"bin_boundaries": [-1.0, 2.5], "output_mode": "one_hot"});
            (config, vec![vector])
        }
        "RandomCrop" => (json!({"height": 6, "width": 5}), vec![picture]),
        "RandomSharpness" | "RandomInvert" => (json!({"factor": 0.3}), vec![picture]),
        "RandomPosterization" => (json!({"factor": [2, 5]}), vec![picture]),
        "RandomHue" | "RandomSaturation" | "RandomColorDegeneration" | "RandomGrayscale" => {
            (json!({"factor": 0.4}), vec![vec![6, 5, 3]])
        }
        "RandomRotation" | "RandomContrast" | "RandomBrightness" => {
            (json!({"factor": [0.1, 0.5]}), vec![picture])
        }
        "RandomTranslation" => {
            (json!({"height_factor": 0.5, "width_factor": [-0.1, 0.2]}), vec![picture])
        }
        "RandAugment" | "AugMix" => (json!({"factor": [0.1, 0.2]}), vec![vec![6, 5, 3]]),
        "RandomColorJitter" => {
            let config = json!({"brightness_factor": 0.2, "contrast_factor": [0.1, 0.3],
                "saturation_factor": 0.4, "hue_factor": 0.1});
            (config, vec![vec![6, 5, 3]])
        }
        "RandomElasticTransform" => (json!({"fill_mode": "wrap", "scale": 0.5}), vec![picture]),
        "MaxNumBoundingBoxes" => (json!({"max_number": 3, "fill_value": 0}), vec![picture]),
        "Pipeline" => {
            let layer = |class_name: &str, config: Value| json!({"class_name": class_name, "config": config});
            let layers = json!([
                layer("RandomFlip", json!({"name": "flip", "mode": "vertical"})),
                layer("Normalization", json!({"name": "norm"})),
                layer("BatchNormalization", json!({"name": "batch_norm"})),
                layer("Conv2D", json!({"name": "conv", "filters": 2, "kernel_size": 2})),
            ]);
            (json!({"layers": layers}), vec![picture])
        }
        "RandomZoom" => (json!({"height_factor": 0.5}), vec![picture]),
        one_axis if one_axis.ends_with("1D") => (json!({}), vec![sequence]),
        three_axes if three_axes.ends_with("3D") => (json!({}), vec![volume]),
        _ => (json!({}), vec![picture]),
    }
}

fn read(class_name: &str, config: &Value) -> Result<std::sync::Arc<dyn Layer>, LayerError> {
    let mut reader = ConfigReader::new(config)?;
    let layer = layer_from_config(class_name, &mut reader)?;
    reader.finish()?;
    Ok(layer)
}

fn lower(layer: &dyn Layer, samples: &[Vec<usize>], training: bool) -> (SymbolicShape, usize) {
    let mut graph = Graph::new();
    let shapes: Vec<SymbolicShape> = samples.iter().map(SymbolicShape::batched).collect();
    let inputs: Vec<ValueId> = samples
        .iter()
        .enumerate()
        .map(|(i, sample)| graph.input(format!("{i}"), Shape::batched(sample)).unwrap())
        .collect();
    let weights: Vec<ValueId> = layer
        .weights(&shapes)
        .unwrap()
        .iter()
        .map(|spec| {
            assert_eq!(spec.values(1).dims(), spec.dims);
            let id = graph.add_variable(spec.name.clone(), spec.dims.clone());
            graph.variable(id).unwrap()
        })
        .collect();
    let mut updates = Vec::new();
    let y = layer
        .lower(
            &mut LowerCx {
                graph: &mut graph,
                training,
                trainable: true,
                weights: &weights,
                weight_updates: &mut updates,
                losses: &mut Vec::new(),
                next_stream: &mut 0,
                call: &CallArguments::default(),
            },
            &inputs,
        )
        .unwrap();
    for (position, value) in &updates {
        assert_eq!(graph.shape(*value), graph.shape(weights[*position]));
    }
    (SymbolicShape::from_graph(graph.shape(y)), updates.len())
}

#[test]
fn every_layer_survives_a_round_trip_of_its_configuration() {
    for entry in LAYERS {
        let (config, _) = example(entry.class_name);
        let layer = read(entry.class_name, &config).unwrap();
        assert_eq!(layer.class_name(), entry.class_name);
        let written = Value::Object(layer.config());
        let again = read(entry.class_name, &written).unwrap();
        // Pooling writes its window for strides that were not given.
        if !entry.class_name.contains("Pooling") {
            assert_eq!(format!("{layer:?}"), format!("{again:?}"), "{}", entry.class_name);
        }
        assert_eq!(Value::Object(again.config()), written);
    }
}

#[test]
fn every_layer_refuses_a_key_it_does_not_know() {
    for entry in LAYERS {
        let (mut config, _) = example(entry.class_name);
        config["no_such_key"] = json!(1);
        let error = read(entry.class_name, &config).unwrap_err();
        assert!(error.to_string().contains("no_such_key"), "{}: {error}", entry.class_name);
    }
}

#[test]
fn the_shape_rule_is_the_shape_of_what_is_lowered() {
    for entry in LAYERS {
        let (config, samples) = example(entry.class_name);
        let layer = read(entry.class_name, &config).unwrap();
        let shapes: Vec<SymbolicShape> = samples.iter().map(SymbolicShape::batched).collect();
        let said = layer.output_shape(&shapes).unwrap();
        for training in [false, true] {
            let (lowered, n_updates) = lower(&*layer, &samples, training);
            assert_eq!(said, lowered, "{} training={training}", entry.class_name);
            assert!(training || n_updates == 0, "{} changes at inference", entry.class_name);
        }
        // Sizes that are not known stay unknown, and nothing is wrong with that.
        let unknown: Vec<SymbolicShape> =
            shapes.iter().map(|shape| SymbolicShape::new(vec![None; shape.rank()])).collect();
        let said_less = layer.output_shape(&unknown).unwrap();
        assert_eq!(said_less.rank(), said.rank(), "{}", entry.class_name);
        for (less, more) in said_less.dims().iter().zip(said.dims()) {
            assert!(less.is_none() || less == more, "{}: {said_less} {said}", entry.class_name);
        }
    }
}

#[test]
fn no_inputs_are_an_error_and_not_a_panic() {
    for entry in LAYERS.iter().filter(|entry| entry.class_name != "InputLayer") {
        let layer = read(entry.class_name, &example(entry.class_name).0).unwrap();
        assert!(layer.output_shape(&[]).is_err(), "{}", entry.class_name);
        let scalar = SymbolicShape::new([]);
        let n = if layer.takes_list() { 2 } else { 1 };
        assert!(layer.output_shape(&vec![scalar; n]).is_err(), "{}", entry.class_name);
    }
}

#[test]
fn aliases_name_layers_of_the_catalogue() {
    for (alias, class_name) in ALIASES {
        assert!(LAYERS.iter().any(|entry| entry.class_name == *class_name), "{alias}");
        let layer = read(alias, &example(class_name).0).unwrap();
        assert_eq!(layer.class_name(), *class_name);
    }
    let error = read("NoSuchLayer", &json!({})).unwrap_err();
    assert!(error.to_string().starts_with("layer `NoSuchLayer` is not supported"), "{error}");
}

#[test]
fn values_out_of_range_are_errors() {
    let refused = |class_name: &str, config: Value, sample: &[usize]| {
        let inputs = [SymbolicShape::batched(sample)];
        let result = read(class_name, &config)
            .and_then(|layer| layer.output_shape(&inputs).and(layer.weights(&inputs)));
        assert!(result.is_err(), "{class_name} {config} takes {inputs:?}");
    };
    refused("Dropout", json!({"rate": 1.5}), &[3]);
    refused("Dropout", json!({"rate": 0.5, "noise_shape": [null, 2]}), &[3]);
    refused("GaussianNoise", json!({"stddev": -1}), &[3]);
    refused("ReLU", json!({"negative_slope": -1}), &[3]);
    refused("Dense", json!({"units": 0}), &[3]);
    refused("LayerScale", json!({"init_values": 1, "projection_dim": 2}), &[3]);
    refused("LayerScale", json!({"init_values": 1, "projection_dim": 0}), &[0]);
    refused("Dense", json!({"units": 2.5}), &[3]);
    refused("Dense", json!({"units": 2, "kernel_initializer": "no_such"}), &[3]);
    refused("Dense", json!({"units": 2, "bias_initializer": "orthogonal"}), &[3]);
    refused("Conv2D", json!({"filters": 2, "kernel_size": 3}), &[2, 2, 1]);
    refused("Conv2D", json!({"filters": 2, "kernel_size": 3}), &[5, 5]);
    refused("Conv2D", json!({"filters": 3, "kernel_size": 1, "groups": 2}), &[5, 5, 2]);
    refused("Conv2D", json!({"filters": 2, "kernel_size": 1, "groups": 2}), &[5, 5, 3]);
    let both = json!({"filters": 2, "kernel_size": 2, "strides": 2, "dilation_rate": 2});
    refused("Conv2D", both, &[9, 9, 1]);
    refused("Reshape", json!({"target_shape": [-1, -1]}), &[6]);
    refused("Reshape", json!({"target_shape": [4]}), &[6]);
    refused("Permute", json!({"dims": [1, 1]}), &[6, 5]);
    refused("Cropping2D", json!({"cropping": 3}), &[6, 6, 1]);
    refused("RandomRotation", json!({"factor": [1.5, 2.0]}), &[6, 6, 1]);
    refused("RandomHue", json!({"factor": -0.2}), &[6, 6, 3]);
    refused("RandomShear", json!({"x_factor": -0.3}), &[6, 6, 1]);
    refused("RandomZoom", json!({"height_factor": [-1.0, 0.5]}), &[6, 6, 1]);
    refused("RandomContrast", json!({"factor": 1.5}), &[6, 6, 1]);
    refused("RandAugment", json!({"factor": 1.5}), &[6, 6, 3]);
    refused("RandAugment", json!({"num_ops": -1}), &[6, 6, 3]);
    refused("RandAugment", json!({"interpolation": "bicubic"}), &[6, 6, 3]);
    refused("AugMix", json!({"alpha": 0}), &[6, 6, 3]);
    refused("RandAugment", json!({"num_ops": 1_001}), &[6, 6, 3]);
    refused("AugMix", json!({"num_chains": 1_u64 << 40, "chain_depth": 0}), &[6, 6, 3]);
    refused("AugMix", json!({"num_chains": 0, "chain_depth": 1_u64 << 40}), &[6, 6, 3]);
    refused("CutMix", json!({"factor": 1.5}), &[6, 6, 1]);
    refused("CutMix", json!({}), &[6, 6]);
    refused("RandomElasticTransform", json!({"fill_mode": "mirror"}), &[6, 6, 1]);
    refused("RandomElasticTransform", json!({"scale": 2}), &[6, 6, 1]);
    refused("MaxNumBoundingBoxes", json!({}), &[6, 6, 1]);
    refused("Pipeline", json!({"layers": []}), &[6, 6, 1]);
    refused("Resizing", json!({"height": 2, "width": 2, "interpolation": "area"}), &[6, 6, 1]);
    refused("Conv2D", json!({"filters": 2, "kernel_size": 3, "padding": "causal"}), &[9, 9, 1]);
    refused("Conv1D", json!({"filters": 2, "kernel_size": [3, 3]}), &[9, 1]);
    refused(
        "Conv1DTranspose",
        json!({"filters": 2, "kernel_size": 3, "output_padding": 1}),
        &[9, 1],
    );
    refused("AdaptiveMaxPooling2D", json!({"output_size": 0}), &[9, 9, 1]);
    refused("Cropping3D", json!({"cropping": [1, 2]}), &[9, 9, 9, 1]);
    refused("BatchNormalization", json!({"axis": 3}), &[6, 6]);
    refused("BatchNormalization", json!({"axis": 0}), &[6, 6]);
}

#[test]
fn counts_beyond_all_graphs_are_refused_by_name() {
    let open = SymbolicShape::new([None, None, None, Some(3)]);
    for (class_name, config, text) in [
        ("RandAugment", json!({"num_ops": i64::MAX}), "`num_ops`: expected at most 1000"),
        (
            "AugMix",
            json!({"num_chains": 11, "chain_depth": 91}),
            "`chain_depth`: expected at most 1000 for num_chains * chain_depth together, got 91",
        ),
        (
            "ContrastLimitedAdaptiveHistogramEqualization",
            json!({"tile_grid_size": [1_u64 << 40, 1_u64 << 40]}),
            "tile_grid_size",
        ),
    ] {
        let layer = read(class_name, &config).unwrap();
        let error = layer.output_shape(std::slice::from_ref(&open)).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
    let largest = json!({"num_chains": 10, "chain_depth": 100});
    assert!(read("AugMix", &largest).unwrap().output_shape(&[open]).is_ok());
}
