//! Whole models as the `.h5` files that Keras wrote before `.keras`.
//!
//! Source: Keras 3, `keras/src/legacy/saving/legacy_h5_format.py`.

use std::collections::BTreeSet;

use cornu_formats::keras_archive::KERAS_VERSION;
use cornu_formats::{Attribute, Data, Dataset, Group};
use cornu_nn::optimizers::LearningRate;
use serde_json::{Map, Value};

use super::{dataset, weight_dataset};
use crate::Model;
use crate::symbolic::LayerKind;

/// Short names of losses, which Keras 3 writes into an `.h5` file but does not read from one.
const SHORT_LOSSES: &[(&str, &str)] = &[
    ("bce", "binary_crossentropy"),
    ("kld", "kl_divergence"),
    ("logcosh", "log_cosh"),
    ("mae", "mean_absolute_error"),
    ("mape", "mean_absolute_percentage_error"),
    ("mse", "mean_squared_error"),
    ("msle", "mean_squared_logarithmic_error"),
];

/// Longer lists of names are split: HDF5 keeps 64 KiB of an attribute, 16 bytes for each text.
const MAX_NAMES: usize = 4_000;

impl Model {
    /// The tree of a whole-model file, or why this format cannot hold the model.
    pub(super) fn legacy_tree(&self) -> Result<Group, String> {
        if let Some(name) = self.operation() {
            return Err(format!(
                "an .h5 file cannot hold operations such as `{name}`, only layers; save the model as \
                 .keras"
            ));
        }
        let mut root = Group::default();
        stamp(&mut root);
        root.set_text("model_config", legacy_object(&self.to_config()).to_string());
        if let Some(config) = self.training_config() {
            root.set_text("training_config", config.to_string());
        }
        self.add_legacy_weights(root.group_mut("model_weights"));
        self.add_legacy_optimizer(&mut root);
        Ok(root)
    }

    /// The name of an operation in the model, if there is one.
    fn operation(&self) -> Option<&str> {
        fn of(network: &crate::network::Network) -> Option<&str> {
            network.layers.iter().find_map(|layer| match &layer.kind {
                LayerKind::Operation(_) => Some(layer.name.as_str()),
                LayerKind::Network { network, .. } => of(network),
                _ => None,
            })
        }
        of(&self.network)
    }

    fn training_config(&self) -> Option<Value> {
        self.compiled.as_ref()?;
        let mut config = self.compile_config();
        let optimizer = config["optimizer"].take();
        spell_out(&mut config["loss"]);
        let keys = config.as_object_mut()?;
        keys.remove("optimizer");
        keys.insert("optimizer_config".to_owned(), without_module(&optimizer));
        Some(config)
    }

    fn add_legacy_weights(&self, group: &mut Group) {
        stamp(group);
        let layers: Vec<(usize, &str)> = self
            .network
            .listed_layers()
            .map(|(index, layer)| (index, layer.name.as_str()))
            .collect();
        set_texts(
            group,
            "layer_names",
            layers.iter().map(|(_, name)| (*name).to_owned()).collect(),
        );
        let mut sorted = layers;
        sorted.sort_by_key(|(_, name)| *name);
        for (index, name) in sorted {
            let weights = self.in_legacy_order(&self.weights_below(&self.network, index));
            let layer = group.group_mut(name);
            let paths = weights.iter().map(|&weight| self.weights[weight].path.clone()).collect();
            set_texts(layer, "weight_names", paths);
            for weight in weights {
                let dataset = weight_dataset(self, weight);
                layer.set_dataset(&self.weights[weight].path, dataset);
            }
        }
        set_texts(group.group_mut("top_level_model_weights"), "weight_names", Vec::new());
    }

    fn add_legacy_optimizer(&self, root: &mut Group) {
        let Some(compiled) = &self.compiled else { return };
        let settings = compiled.optimizer.settings();
        let path = |name: &str| format!("{}/{name}", settings.name);
        let iteration = Dataset::new([], Data::I64(vec![compiled.iteration as i64]));
        let mut variables = vec![(path("iteration"), iteration)];
        if let LearningRate::Constant(rate) = settings.learning_rate {
            variables.push((path("learning_rate"), Dataset::new([], Data::F32(vec![rate]))));
        }
        let state = compiled.state.iter().flatten().zip(self.weights.len()..);
        variables.extend(
            state.map(|(spec, index)| (path(&spec.path), dataset(self.variables.get(index)))),
        );
        let group = root.group_mut("optimizer_weights");
        let mut names = Vec::new();
        let mut taken = BTreeSet::new();
        for (name, dataset) in variables {
            // Variables are read by position; a name only has to be one.
            let numbered = (1..).map(|n| format!("{name}_{n}"));
            let name = std::iter::once(name.clone()).chain(numbered).find(|n| !taken.contains(n));
            let name = name.unwrap_or_default();
            taken.insert(name.clone());
            group.set_dataset(&name, dataset);
            names.push(name);
        }
        set_texts(group, "weight_names", names);
    }
}

/// The full names of losses, alone or by output.
fn spell_out(loss: &mut Value) {
    match loss {
        Value::String(name) => {
            let lower = name.to_lowercase();
            if let Some((_, full)) = SHORT_LOSSES.iter().find(|(short, _)| *short == lower) {
                *name = (*full).to_owned();
            }
        }
        Value::Array(losses) => losses.iter_mut().for_each(spell_out),
        Value::Object(losses) if !losses.contains_key("class_name") => {
            losses.values_mut().for_each(spell_out);
        }
        _ => {}
    }
}

/// What Keras notes of itself; the backend is that whose layouts are used.
fn stamp(group: &mut Group) {
    group.set_text("backend", "tensorflow");
    group.set_text("keras_version", KERAS_VERSION);
}

fn set_texts(group: &mut Group, name: &str, texts: Vec<String>) {
    if texts.is_empty() {
        // As h5py writes a list of nothing.
        group.attributes.insert(name.to_owned(), Attribute::Floats(Vec::new()));
    } else if texts.len() <= MAX_NAMES {
        group.attributes.insert(name.to_owned(), Attribute::Texts(texts));
    } else {
        for (part, texts) in texts.chunks(MAX_NAMES).enumerate() {
            let texts = Attribute::Texts(texts.to_vec());
            group.attributes.insert(format!("{name}{part}"), texts);
        }
    }
}

/// A model's object in the old form: without modules, down to its layers.
fn legacy_object(object: &Value) -> Value {
    let mut legacy = without_module(object);
    for key in ["name", "inbound_nodes"] {
        if let Some(value) = object.get(key) {
            legacy[key] = value.clone();
        }
    }
    if let Some(layers) = legacy["config"].get_mut("layers").and_then(Value::as_array_mut) {
        layers.iter_mut().for_each(|layer| *layer = legacy_object(layer));
    }
    legacy
}

fn without_module(object: &Value) -> Value {
    let keys = ["class_name", "config"];
    let kept = keys.into_iter().map(|key| (key.to_owned(), object[key].clone()));
    Value::Object(kept.collect::<Map<String, Value>>())
}
