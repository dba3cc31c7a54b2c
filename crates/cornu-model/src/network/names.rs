//! Automatic names: snake-cased class names, numbered per class in the order in which the layers
//! were created: `conv2d`, `conv2d_1`, ... Counting is per model, not per process, so that the same
//! code always makes the same names.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use cornu_formats::weights::snake_case;

use crate::ModelError;
use crate::symbolic::{KerasTensor, LayerHandle};

/// A name for each of `layers`, in their order.
pub(super) fn assign(layers: &[LayerHandle]) -> Result<Vec<String>, ModelError> {
    let mut given = BTreeSet::new();
    for name in layers.iter().filter_map(LayerHandle::name) {
        if name.is_empty() || name.contains('/') {
            return Err(ModelError::Structure(format!(
                "layer name `{name}`: expected a text without `/`"
            )));
        }
        if !given.insert(name) {
            return Err(ModelError::Structure(format!(
                "two layers are named `{name}`; names must differ (to share a layer, apply one \
                 `LayerHandle` twice)"
            )));
        }
    }
    Ok(numbered(layers))
}

/// The name that `layer`, applied to `inputs`, would have in a model that ends there.
pub(crate) fn provisional_name<T: Borrow<KerasTensor>>(
    layer: &LayerHandle,
    inputs: &[T],
) -> String {
    let mut layers = BTreeMap::from([(layer.id(), layer.clone())]);
    let mut waiting: Vec<KerasTensor> = inputs.iter().map(|input| input.borrow().clone()).collect();
    let mut seen = BTreeSet::new();
    while let Some(tensor) = waiting.pop() {
        if seen.insert(tensor.call.id) {
            layers.insert(tensor.call.layer.id(), tensor.call.layer.clone());
            waiting.extend(tensor.call.inputs.iter().cloned());
        }
    }
    let position = layers.keys().position(|&id| id == layer.id()).unwrap_or_default();
    let layers: Vec<LayerHandle> = layers.into_values().collect();
    numbered(&layers).swap_remove(position)
}

/// Given names as they are, the others numbered by class.
fn numbered(layers: &[LayerHandle]) -> Vec<String> {
    let given: BTreeSet<&str> = layers.iter().filter_map(LayerHandle::name).collect();
    let mut by_age: Vec<usize> = (0..layers.len()).collect();
    by_age.sort_by_key(|&i| layers[i].id());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut names = vec![String::new(); layers.len()];
    for i in by_age {
        names[i] = match layers[i].name() {
            Some(name) => name.to_owned(),
            None => {
                let class = snake_case(layers[i].kind().python_name());
                let count = counts.entry(class.clone()).or_insert(0);
                loop {
                    let name = if *count == 0 { class.clone() } else { format!("{class}_{count}") };
                    *count += 1;
                    if !given.contains(name.as_str()) {
                        break name;
                    }
                }
            }
        };
    }
    names
}
