use serde_json::{Map, Value, json};

use super::{Origin, drop_if, plain, rename};

/// Names of losses and metrics that Keras 3 no longer has.
const NAMES: &[(&str, &str)] = &[
    ("cosine", "cosine_similarity"),
    ("cosine_proximity", "cosine_similarity"),
    ("kullback_leibler_divergence", "kl_divergence"),
    ("CosineProximity", "CosineSimilarity"),
    ("KullbackLeiblerDivergence", "KLDivergence"),
    ("LogLoss", "BinaryCrossentropy"),
    ("Logcosh", "LogCosh"),
];

/// What Keras 1 or 2 noted in `training_config`, or Keras 3 in `compile_config`, as Keras 3's
/// `compile_config`.
pub(crate) fn training_config(config: &Value, origin: Origin) -> Value {
    let mut config = plain(config);
    let Some(keys) = config.as_object_mut() else { return config };
    rename(keys, "optimizer_config", "optimizer");
    drop_if(keys, "sample_weight_mode", &[]);
    drop_if(keys, "weight_metrics", &[]);
    if let Some(value) = keys.get_mut("optimizer")
        && origin == Origin::Older
    {
        optimizer(value);
    }
    for key in ["loss", "metrics", "weighted_metrics"] {
        if let Some(value) = keys.get_mut(key) {
            object_or_name(value, origin);
        }
    }
    // No metrics for any output, in the words of Keras 2.
    for key in ["metrics", "weighted_metrics", "loss_weights"] {
        drop_if(keys, key, &[json!({})]);
    }
    config
}

fn optimizer(value: &mut Value) {
    let class = value["class_name"].as_str().map(|name| {
        let name = name.rsplit('>').next().unwrap_or(name);
        name.strip_suffix("V2").unwrap_or(name).to_owned()
    });
    if let Some(class) = class {
        value["class_name"] = json!(class);
    }
    let is_nadam = value["class_name"] == "Nadam";
    let Some(config) = value.get_mut("config").and_then(Value::as_object_mut) else { return };
    rename(config, "lr", "learning_rate");
    drop_if(config, "jit_compile", &[json!(true), json!(false)]);
    drop_if(config, "is_legacy_optimizer", &[json!(true), json!(false)]);
    // Keras's own default.
    drop_if(config, "epsilon", &[]);
    if is_nadam {
        drop_if(config, "schedule_decay", &[json!(0.004)]);
        // TensorFlow kept it under the other name.
        drop_if(config, "decay", &[json!(0.004)]);
    }
    if let Some(schedule) = config.get_mut("learning_rate").and_then(|rate| rate.get_mut("config"))
        && let Some(schedule) = schedule.as_object_mut()
    {
        drop_if(schedule, "name", &[]);
    }
    decay(config);
}

/// The learning rate that Keras 2 divided by `1 + decay * iterations` at each step is today's
/// schedule `InverseTimeDecay`.
fn decay(config: &mut Map<String, Value>) {
    drop_if(config, "decay", &[json!(0.0), json!(0)]);
    let Some(rate) = config.get("learning_rate").filter(|rate| rate.is_number()).cloned() else {
        return;
    };
    let Some(decay) = config.remove("decay") else { return };
    let schedule = json!({
        "module": "keras.optimizers.schedules",
        "class_name": "InverseTimeDecay",
        "config": {
            "initial_learning_rate": rate,
            "decay_steps": 1,
            "decay_rate": decay,
            "staircase": false,
        },
        "registered_name": null,
    });
    config.insert("learning_rate".to_owned(), schedule);
}

/// A loss or metric, or lists and objects of them.
fn object_or_name(value: &mut Value, origin: Origin) {
    match value {
        Value::String(_) if origin == Origin::Keras3 => {}
        Value::String(name) => {
            let new = NAMES.iter().find(|(old, _)| *old == name.as_str());
            if let Some((_, new)) = new {
                *value = json!(new);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| object_or_name(value, origin)),
        Value::Object(object) if object.contains_key("class_name") => {
            keras_object(value, origin);
        }
        Value::Object(named) => {
            named.values_mut().for_each(|value| object_or_name(value, origin));
        }
        _ => {}
    }
}

fn keras_object(value: &mut Value, origin: Origin) {
    object_or_name(&mut value["class_name"], origin);
    let wraps = value["class_name"].as_str().is_some_and(|class| {
        matches!(
            class,
            "MeanMetricWrapper" | "SumOverBatchSizeMetricWrapper" | "LossFunctionWrapper"
        )
    });
    let Some(config) = value.get_mut("config").and_then(Value::as_object_mut) else { return };
    let is_old_word = |reduction: &Value| origin == Origin::Older && reduction == "auto";
    if config.get("reduction").is_some_and(is_old_word) {
        config.insert("reduction".to_owned(), json!("sum_over_batch_size"));
    }
    // A class of its own needs no function; a wrapper is nothing but one.
    let Some(mut function) = config.remove("fn") else { return };
    if function["class_name"] == "function" {
        function = function["config"].take();
    }
    object_or_name(&mut function, origin);
    if wraps {
        value["class_name"] = function;
    }
}
