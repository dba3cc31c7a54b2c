use serde_json::{Map, Value, json};

use super::{drop_if, rename};
use crate::ModelError;
use crate::config::RECURRENT;

/// Class names that Keras 3 no longer has.
const CLASSES: &[(&str, &str)] = &[
    ("AtrousConvolution1D", "Conv1D"),
    ("AtrousConvolution2D", "Conv2D"),
    ("BatchNormalizationV1", "BatchNormalization"),
    ("BatchNormalizationV2", "BatchNormalization"),
    ("ConvLSTM2DV2", "ConvLSTM2D"),
    ("Deconvolution2D", "Conv2DTranspose"),
    ("Deconvolution3D", "Conv3DTranspose"),
    ("GRUV2", "GRU"),
    ("LSTMV2", "LSTM"),
    ("SyncBatchNormalization", "BatchNormalization"),
    ("ThresholdedReLU", "ReLU"),
    ("UnifiedGRU", "GRU"),
    ("UnifiedLSTM", "LSTM"),
];

/// Keys of Keras 1 whose new name is the same for all layers that had them.
const KEYS: &[(&str, &str)] = &[
    ("atrous_rate", "dilation_rate"),
    ("b_constraint", "bias_constraint"),
    ("b_regularizer", "bias_regularizer"),
    ("beta_init", "beta_initializer"),
    ("bias", "use_bias"),
    ("border_mode", "padding"),
    ("depthwise_init", "depthwise_initializer"),
    ("dim_ordering", "data_format"),
    ("dropout_U", "recurrent_dropout"),
    ("dropout_W", "dropout"),
    ("filter_length", "kernel_size"),
    ("gamma_init", "gamma_initializer"),
    ("inner_activation", "recurrent_activation"),
    ("inner_init", "recurrent_initializer"),
    ("nb_filter", "filters"),
    ("pointwise_init", "pointwise_initializer"),
    ("pool_length", "pool_size"),
    ("stride", "strides"),
    ("subsample", "strides"),
    ("subsample_length", "strides"),
    ("U_regularizer", "recurrent_regularizer"),
];

/// Keys of any layer that say how it was made or run, not what it computes.
const DROPPED: &[&str] = &[
    "batch_input_shape",
    "batch_shape",
    "consume_less",
    "experimental_autocast",
    "implementation",
    "input_dtype",
    "input_length",
    "input_shape",
];

/// A layer's object in Keras 3's form, with those of the layers in it.
pub(super) fn layer(object: &mut Value, place: &str) -> Result<(), ModelError> {
    let Some(old_class) = object["class_name"].as_str().map(str::to_owned) else { return Ok(()) };
    let class = CLASSES.iter().find(|(old, _)| *old == old_class).map_or(&*old_class, |c| c.1);
    let class = without_version(class);
    if class != old_class {
        object["class_name"] = json!(class);
    }
    if old_class == "Merge" {
        return merge(object, place);
    }
    let Some(config) = object["config"].as_object_mut() else { return Ok(()) };
    if class == "InputLayer" {
        rename(config, "batch_input_shape", "batch_shape");
        drop_if(config, "input_dtype", &[]);
        rename(config, "input_dtype", "dtype");
        return Ok(());
    }
    for key in ["layer", "backward_layer", "cell"] {
        if let Some(inner) = config.get_mut(key) {
            layer(inner, place)?;
        }
    }
    for inner in config.get_mut("cells").and_then(Value::as_array_mut).into_iter().flatten() {
        layer(inner, place)?;
    }
    for (old, new) in KEYS {
        rename(config, old, new);
    }
    for key in DROPPED {
        config.remove(*key);
    }
    drop_if(config, "dynamic", &[json!(false)]);
    drop_if(config, "autocast", &[json!(true)]);
    own_keys(&old_class, class, config);
    for (key, value) in config.iter_mut() {
        if key == "data_format" {
            match value.as_str() {
                Some("tf") => *value = json!("channels_last"),
                Some("th") => *value = json!("channels_first"),
                Some("default") => *value = Value::Null,
                _ => {}
            }
        } else if key.ends_with("_initializer") {
            initializer(value);
        } else if key.ends_with("_regularizer") {
            regularizer(value);
        } else if key.ends_with("_constraint") {
            constraint(value);
        }
    }
    Ok(())
}

/// The name of a class whose version TensorFlow noted: `GRUV2`, `BatchNormalizationV1`.
fn without_version(class: &str) -> &str {
    let plain = class.strip_suffix("V1").or_else(|| class.strip_suffix("V2"));
    plain
        .filter(|plain| cornu_nn::layers::LAYERS.iter().any(|l| l.class_name == *plain))
        .unwrap_or(class)
}

/// Keys that only some layers had, or that had another meaning elsewhere.
fn own_keys(old_class: &str, class: &str, config: &mut Map<String, Value>) {
    let is_recurrent = RECURRENT.contains(&class.strip_suffix("Cell").unwrap_or(class));
    match class {
        "Embedding" => {
            rename(config, "init", "embeddings_initializer");
            rename(config, "W_regularizer", "embeddings_regularizer");
            rename(config, "W_constraint", "embeddings_constraint");
            drop_if(config, "dropout", &[json!(0.0), json!(0)]);
            return;
        }
        "PReLU" => rename(config, "init", "alpha_initializer"),
        "LeakyReLU" => rename(config, "alpha", "negative_slope"),
        "ReLU" if old_class == "ThresholdedReLU" => rename(config, "theta", "threshold"),
        "UpSampling1D" => rename(config, "length", "size"),
        "GaussianNoise" => rename(config, "sigma", "stddev"),
        "Dropout" | "GaussianDropout" | "SpatialDropout1D" | "SpatialDropout2D"
        | "SpatialDropout3D" | "AlphaDropout" => rename(config, "p", "rate"),
        "BatchNormalization" => {
            drop_if(config, "mode", &[json!(0)]);
            // How TensorFlow computes it.
            drop_if(config, "fused", &[json!(true), json!(false)]);
            for key in ["virtual_batch_size", "adjustment"] {
                drop_if(config, key, &[]);
            }
            if let Some(Value::Array(axes)) = config.get("axis")
                && let [axis] = &axes[..]
            {
                let axis = axis.clone();
                config.insert("axis".to_owned(), axis);
            }
        }
        // Keras had only this kind of GRU before it noted which; Keras 3 always notes a seed too.
        "GRU" | "GRUCell" if !config.contains_key("seed") => {
            config.entry("reset_after").or_insert(json!(false));
        }
        "Dot" => rename(config, "dot_axes", "axes"),
        "MultiHeadAttention" => {
            for key in ["query_shape", "key_shape", "value_shape"] {
                config.remove(key);
            }
            drop_if(config, "softmax_robust_masking", &[json!(false)]);
        }
        _ => {}
    }
    if matches!(old_class, "Deconvolution2D" | "Deconvolution3D") {
        config.remove("output_shape");
    }
    if class.ends_with("Transpose")
        || class.starts_with("Separable")
        || class.starts_with("Depthwise")
    {
        // Inherited from the plain convolution, where it means something.
        drop_if(config, "groups", &[json!(1)]);
    }
    if class.starts_with("Separable") || class.starts_with("Depthwise") {
        for key in ["kernel_initializer", "kernel_regularizer", "kernel_constraint"] {
            config.remove(key);
        }
    }
    if class.starts_with("Depthwise") {
        config.remove("filters");
    }
    if class.starts_with("SpatialDropout") {
        drop_if(config, "noise_shape", &[]);
    }
    if class == "Dense" || is_recurrent {
        rename(config, "output_dim", "units");
        config.remove("input_dim");
    }
    if is_recurrent {
        if let Some(init) = config.remove("forget_bias_init") {
            let is_one = init == "one" || init == "ones";
            config.insert("unit_forget_bias".to_owned(), json!(is_one));
        }
        drop_if(config, "time_major", &[json!(false)]);
    }
    rename(config, "init", "kernel_initializer");
    rename(config, "W_regularizer", "kernel_regularizer");
    rename(config, "W_constraint", "kernel_constraint");
    let kernel: Vec<Value> = ["nb_row", "nb_col", "kernel_dim1", "kernel_dim2", "kernel_dim3"]
        .iter()
        .filter_map(|key| config.remove(*key))
        .collect();
    if !kernel.is_empty() && !config.contains_key("kernel_size") {
        config.insert("kernel_size".to_owned(), Value::Array(kernel));
    }
}

/// The one merging layer of Keras 1, whose settings say which of today's it is.
fn merge(object: &mut Value, place: &str) -> Result<(), ModelError> {
    let config = &object["config"];
    let name = config["name"].clone();
    let (class, own) = match config["mode"].as_str() {
        Some("sum") => ("Add", json!({})),
        Some("mul") => ("Multiply", json!({})),
        Some("ave") => ("Average", json!({})),
        Some("max") => ("Maximum", json!({})),
        Some("concat") => ("Concatenate", json!({"axis": config["concat_axis"]})),
        Some("dot") => ("Dot", json!({"axes": config["dot_axes"]})),
        Some("cos") => ("Dot", json!({"axes": config["dot_axes"], "normalize": true})),
        _ => {
            return Err(ModelError::unsupported(
                place,
                format!("`Merge` with mode={} is not supported", config["mode"]),
            ));
        }
    };
    object["class_name"] = json!(class);
    object["config"] = own;
    object["config"]["name"] = name;
    Ok(())
}

fn initializer(value: &mut Value) {
    match value.as_str() {
        Some("zero") => *value = json!("zeros"),
        Some("one") => *value = json!("ones"),
        _ => {}
    }
    let Some(config) = value.get_mut("config").and_then(Value::as_object_mut) else { return };
    // The type of what is drawn, which is the layer's.
    drop_if(config, "dtype", &[json!("float32")]);
    if config.get("distribution").is_some_and(|d| d == "normal") {
        config.insert("distribution".to_owned(), json!("truncated_normal"));
    }
}

/// Keras 1 wrote the settings beside the class name, which it called `name`.
fn regularizer(value: &mut Value) {
    let Some(object) = value.as_object() else { return };
    if !object.contains_key("class_name") && object.contains_key("name") {
        let number = |key: &str| object.get(key).cloned().unwrap_or(json!(0.0));
        let config = json!({"l1": number("l1"), "l2": number("l2")});
        *value = json!({"class_name": "L1L2", "config": config});
    }
}

fn constraint(value: &mut Value) {
    let Some(object) = value.as_object() else { return };
    if object.contains_key("class_name") || !object.contains_key("name") {
        return;
    }
    let mut config = object.clone();
    let name = config.remove("name").unwrap_or_default();
    *value = json!({"class_name": name, "config": config});
    if let Some(config) = value["config"].as_object_mut() {
        rename(config, "m", "max_value");
    }
}
