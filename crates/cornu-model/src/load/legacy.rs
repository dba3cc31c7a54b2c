//! Models from the `.h5` files that Keras wrote before `.keras`, and still can write.
//!
//! Source: Keras 3, `keras/src/legacy/saving/legacy_h5_format.py`.

use std::path::Path;

use cornu_formats::{Attribute, Group, read_h5};
use cornu_tensor::Tensor;
use serde_json::{Value, json};

use super::StoredOptimizer;
use super::floats;
use crate::compile::Compile;
use crate::network::Network;
use crate::save::file_error;
use crate::symbolic::LayerKind;
use crate::{Model, ModelError};

impl Model {
    pub(super) fn load_legacy(path: &Path, compile: bool) -> Result<Self, ModelError> {
        let problem = |problem: String| ModelError::File { path: path.to_owned(), problem };
        let in_file = |error: ModelError| problem(error.to_string());
        let bytes = std::fs::read(path).map_err(|error| problem(error.to_string()))?;
        let root = read_h5(bytes).map_err(|error| file_error(path, error.to_string()))?;
        let config = json_attribute(&root, "model_config")
            .map_err(problem)?
            .ok_or_else(|| problem("there is no model in this file, only weights".to_owned()))?;
        let mut model = Self::from_config(&config).map_err(in_file)?;
        if compile
            && let Some(mut config) = json_attribute(&root, "training_config").map_err(problem)?
        {
            config["optimizer"] = config["optimizer_config"].take();
            if let Some(config) = config.as_object_mut() {
                config.remove("optimizer_config");
            }
            let compile = Compile::from_config(&config).map_err(in_file)?;
            model.compile_with(compile).map_err(in_file)?;
        }
        model.take_legacy_weights(&root).map_err(problem)?;
        if let Some(group) = root.group("optimizer_weights")
            && model.compiled.is_some()
        {
            let stored = legacy_optimizer(&model, group).map_err(problem)?;
            let place = "optimizer";
            model.check_state(place, &stored).map_err(problem)?;
            model.take_optimizer(stored).map_err(in_file)?;
        }
        Ok(model)
    }

    /// Each layer of the model has a group of its name with its weights, trainable ones first.
    fn take_legacy_weights(&mut self, root: &Group) -> Result<(), String> {
        let root = root.group("model_weights").unwrap_or(root);
        let mut taken = Vec::new();
        for (index, layer) in self.network.listed_layers() {
            let mut weights = self.weights_below(&self.network, index);
            weights.sort_by_key(|&weight| !self.weights[weight].trainable);
            let group = root.group(&layer.name);
            let names = group.map_or_else(Vec::new, |group| texts(group, "weight_names"));
            if names.len() != weights.len() {
                return Err(format!(
                    "layer `{}`: expected {} weights, got {}",
                    layer.name,
                    weights.len(),
                    names.len()
                ));
            }
            for (&weight, name) in weights.iter().zip(&names) {
                let place = || format!("layer `{}`: weight `{name}`", layer.name);
                let value = group
                    .and_then(|group| group.dataset(name))
                    .and_then(floats)
                    .ok_or_else(|| format!("{} is missing", place()))?;
                let expected = &self.weights[weight].spec.dims;
                if value.dims() != expected {
                    let got = value.dims();
                    return Err(format!("{}: expected shape {expected:?}, got {got:?}", place()));
                }
                taken.push((weight, value));
            }
        }
        for (weight, value) in taken {
            self.variables.set(weight, value);
        }
        Ok(())
    }

    /// Weights of a layer, of all layers of a nested model.
    fn weights_below(&self, network: &Network, index: usize) -> Vec<usize> {
        let layer = &network.layers[index];
        if let LayerKind::Network { network, .. } = &layer.kind {
            return (0..network.layers.len())
                .flat_map(|index| self.weights_below(network, index))
                .collect();
        }
        let layers = self.layer_weights.iter().filter(|weights| weights.layer == layer.id);
        layers.flat_map(|weights| weights.first..weights.first + weights.n).collect()
    }
}

fn legacy_optimizer(model: &Model, group: &Group) -> Result<StoredOptimizer, String> {
    let mut values = Vec::new();
    for name in texts(group, "weight_names") {
        let value = group.dataset(&name).and_then(floats);
        values.push(value.ok_or_else(|| format!("optimizer weight `{name}` is missing"))?);
    }
    let mut values = values.into_iter();
    let first = |value: Option<Tensor>| value.and_then(|value| value.data().first().copied());
    let iteration = first(values.next()).unwrap_or(0.0) as u64;
    let learning_rate = if model.has_schedule() { None } else { first(values.next()) };
    Ok(StoredOptimizer { iteration, learning_rate, state: values.collect() })
}

fn json_attribute(group: &Group, name: &str) -> Result<Option<Value>, String> {
    let Some(text) = group.text(name) else { return Ok(None) };
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("attribute `{name}`: {error}"))?;
    Ok(Some(if value.is_null() { json!({}) } else { value }))
}

/// A list of texts, which Keras splits into `name0`, `name1`, ... when it is long.
fn texts(group: &Group, name: &str) -> Vec<String> {
    let list = |name: &str| match group.attributes.get(name) {
        Some(Attribute::Texts(texts)) => Some(texts.clone()),
        _ => None,
    };
    list(name).unwrap_or_else(|| {
        (0..).map_while(|part| list(&format!("{name}{part}"))).flatten().collect()
    })
}
