//! Whole models and weights from the `.h5` files that Keras wrote before `.keras`, and still can write.
//!
//! Source: Keras 3, `keras/src/legacy/saving/legacy_h5_format.py`.

use std::collections::BTreeMap;
use std::path::Path;

use cornu_formats::keras_archive::MAX_JSON;
use cornu_formats::{Attribute, Group};
use cornu_tensor::Tensor;
use serde_json::Value;

use super::{OPTIMIZER_UNUSED, floats, legacy_optimizer};
use crate::config::upgrade::{self, Origin};
use crate::network::Network;
use crate::symbolic::LayerKind;
use crate::{Model, ModelError};

impl Model {
    /// The model in a whole-model file.
    pub(super) fn load_legacy(
        path: &Path,
        root: &Group,
        compile: bool,
    ) -> Result<Self, ModelError> {
        let problem = |problem: String| ModelError::File { path: path.to_owned(), problem };
        let in_file = |error: ModelError| problem(error.to_string());
        let config = json_attribute(root, "model_config").map_err(problem)?.ok_or_else(|| {
            problem(
                "this file has weights but no model; make the model first, from code or from a \
                 .json config, and load these weights into it"
                    .to_owned(),
            )
        })?;
        let origin = root
            .text("keras_version")
            .map_or_else(|| Origin::of_model(&config), Origin::of_version);
        let mut model = Self::from_config_of(&config, origin).map_err(in_file)?;
        if compile
            && let Some(config) = json_attribute(root, "training_config").map_err(problem)?
            && !config["loss"].is_null()
        {
            model
                .compile_as(&upgrade::training_config(&config, origin), origin)
                .map_err(in_file)?;
        }
        if origin == Origin::Older && names_hard_sigmoid(&config) {
            model.load_notes.push(HARD_SIGMOID_CHANGED.to_owned());
        }
        let names = model.take_legacy_weights(root).map_err(problem)?;
        if let Some(group) = root.group("optimizer_weights")
            && model.compiled.is_some()
        {
            match legacy_optimizer::stored(&model, group, &names, keras_version(root)) {
                Ok(stored) => model.take_optimizer(stored).map_err(in_file)?,
                // As in Keras, which says so and goes on.
                Err(cause) => model.load_notes.push(format!("{OPTIMIZER_UNUSED}: {cause}")),
            }
        }
        Ok(model)
    }

    /// Each layer has a group with its weights, trainable ones first. Answers the file's name of
    /// each of the model's weights.
    ///
    /// Groups are found by the layers' names; if the model's layers have other names, the groups
    /// with weights are taken in order, as Keras does.
    pub(super) fn take_legacy_weights(&mut self, root: &Group) -> Result<Vec<String>, String> {
        let root = root.group("model_weights").unwrap_or(root);
        let stored: Vec<String> = texts(root, "layer_names")
            .into_iter()
            .filter(|name| root.group(name).is_some_and(|g| !texts(g, "weight_names").is_empty()))
            .collect();
        let layers: Vec<(String, Vec<usize>, Vec<usize>)> = self
            .network
            .listed_layers()
            .map(|(index, layer)| {
                let weights = self.weights_below(&self.network, index);
                (layer.name.clone(), self.in_legacy_order(&weights), weights)
            })
            .filter(|(_, weights, _)| !weights.is_empty())
            .collect();
        if stored.len() != layers.len() {
            return Err(format!(
                "the model has {} layers with weights, the file {}; it was saved from another model",
                layers.len(),
                stored.len()
            ));
        }
        let known: BTreeMap<String, &String> =
            stored.iter().map(|name| (upgrade::layer_name(name), name)).collect();
        let same_names = layers.iter().all(|(name, ..)| known.contains_key(name));
        let mut names = vec![String::new(); self.weights.len()];
        let mut taken = Vec::new();
        for ((layer, ordered, plain), in_order) in layers.iter().zip(&stored) {
            let named = known.get(layer).filter(|_| same_names);
            let group_name = named.copied().unwrap_or(in_order);
            let place = || format!("layer `{layer}`");
            let Some(group) = root.group(group_name) else { continue };
            let weight_names = texts(group, "weight_names");
            if weight_names.len() != ordered.len() {
                return Err(format!(
                    "{}: expected {} weights, got {}",
                    place(),
                    ordered.len(),
                    weight_names.len()
                ));
            }
            let value = |name: &String| {
                let value = group.dataset(name).and_then(floats);
                value.ok_or_else(|| format!("{}: weight `{name}` is missing", place()))
            };
            let values: Vec<Tensor> = weight_names.iter().map(value).collect::<Result<_, _>>()?;
            let order = self.order_that_fits(ordered, plain, &weight_names, &values);
            for ((&weight, name), value) in order.iter().zip(&weight_names).zip(values) {
                let expected = &self.weights[weight].spec.dims;
                if value.dims() != expected {
                    let got = value.dims();
                    return Err(format!(
                        "{}: weight `{name}`: expected shape {expected:?}, got {got:?}",
                        place()
                    ));
                }
                names[weight].clone_from(name);
                taken.push((weight, value));
            }
        }
        for (weight, value) in taken {
            self.variables.set(weight, value);
        }
        Ok(names)
    }

    /// Trainable weights first.
    pub(crate) fn in_legacy_order(&self, weights: &[usize]) -> Vec<usize> {
        let mut ordered = weights.to_vec();
        ordered.sort_by_key(|&weight| !self.weights[weight].trainable);
        ordered
    }

    /// The order in which a group's weights are the model's. Which weights count as trainable in a
    /// frozen model has changed over time, and names tell then.
    fn order_that_fits(
        &self,
        ordered: &[usize],
        plain: &[usize],
        names: &[String],
        values: &[Tensor],
    ) -> Vec<usize> {
        let mut by_kind = plain.to_vec();
        by_kind.sort_by_key(|&weight| !self.weights[weight].spec.trainable);
        let fits = |order: &&[usize]| {
            order.iter().zip(names).zip(values).all(|((&weight, name), value)| {
                let spec = &self.weights[weight].spec;
                spec.dims == value.dims() && weight_name(name) == spec.name
            })
        };
        let orders = [ordered, plain, &by_kind];
        orders.into_iter().find(fits).unwrap_or(ordered).to_vec()
    }

    /// Weights of a layer, of all layers of a nested model.
    pub(crate) fn weights_below(&self, network: &Network, index: usize) -> Vec<usize> {
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

/// The weight's own name in `dense_1/kernel:0`.
fn weight_name(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split(':').next().unwrap_or(name)
}

fn keras_version(root: &Group) -> &str {
    root.text("keras_version").unwrap_or("1")
}

/// What [`Model::load_notes`] says of files from before Keras 3 with that activation.
const HARD_SIGMOID_CHANGED: &str = "`hard_sigmoid` was 0.2 x + 0.5 between -2.5 and 2.5 when this was saved; it is x / 6 + 0.5 \
     between -3 and 3 here, as in Keras 3, and predictions differ a little";

/// Whether a configuration of a model names the activation anywhere.
fn names_hard_sigmoid(config: &Value) -> bool {
    match config {
        Value::String(text) => text == "hard_sigmoid",
        Value::Array(values) => values.iter().any(names_hard_sigmoid),
        Value::Object(entries) => entries.values().any(names_hard_sigmoid),
        _ => false,
    }
}

fn json_attribute(group: &Group, name: &str) -> Result<Option<Value>, String> {
    let Some(text) = group.text(name) else { return Ok(None) };
    if MAX_JSON < text.len() as u64 {
        return Err(format!("attribute `{name}` is larger than {MAX_JSON} bytes"));
    }
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("attribute `{name}`: {error}"))?;
    Ok((!value.is_null()).then_some(value))
}

/// Whether this is what `save_weights` wrote into an `.h5` file before Keras 3.
pub(super) fn is_legacy(root: &Group) -> bool {
    !texts(root, "layer_names").is_empty()
}

/// A list of texts, which Keras splits into `name0`, `name1`, ... when it is long.
pub(super) fn texts(group: &Group, name: &str) -> Vec<String> {
    let list = |name: &str| match group.attributes.get(name) {
        Some(Attribute::Texts(texts)) => Some(texts.clone()),
        _ => None,
    };
    list(name).unwrap_or_else(|| {
        (0..).map_while(|part| list(&format!("{name}{part}"))).flatten().collect()
    })
}
