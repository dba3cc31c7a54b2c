//! The state of an optimizer from `.h5` files of all versions of Keras.
//!
//! Keras 3 writes `adam/dense_kernel_momentum`, in the order of its own variables. Keras 2 wrote
//! `Adam/dense/kernel/m:0` (all `m`, then all `v`) or, since 2.11, `Adam/m/dense/kernel:0`; the first
//! ones had no names at all.

use std::collections::BTreeMap;

use cornu_formats::{Data, Dataset, Group};
use cornu_nn::optimizers::{StateRole, VariableSpec};
use cornu_tensor::Tensor;

use super::legacy::texts;
use super::{StoredOptimizer, floats};
use crate::Model;

/// Keras 2's names of what is kept for each variable, and Keras 3's.
const SLOTS: &[(&str, &[&str])] = &[
    ("accum_grad", &["accumulated_grad"]),
    ("accum_var", &["accumulated_delta_var"]),
    ("accumulated_delta_var", &["accumulated_delta_var"]),
    ("accumulated_grad", &["accumulated_grad"]),
    ("accumulator", &["accumulator"]),
    ("average_gradient", &["average_gradient"]),
    ("linear", &["linear"]),
    ("m", &["momentum"]),
    ("mg", &["average_gradient"]),
    ("momentum", &["momentum"]),
    ("rms", &["velocity"]),
    ("u", &["norm"]),
    ("v", &["velocity", "norm"]),
    ("velocity", &["velocity"]),
    ("vhat", &["velocity_hat"]),
];

/// The state in the group `optimizer_weights`; `names` are those of the model's weights in the file.
pub(super) fn stored(
    model: &Model,
    group: &Group,
    names: &[String],
    version: &str,
) -> Result<StoredOptimizer, String> {
    let names_in_file = texts(group, "weight_names");
    let iteration = match names_in_file.first().and_then(|name| group.dataset(name)) {
        Some(dataset) => iteration_of(dataset)?,
        None => 0,
    };
    let mut values = Vec::new();
    for name in names_in_file {
        let value = group.dataset(&name).and_then(floats);
        let value = value.ok_or_else(|| format!("optimizer weight `{name}` is missing"))?;
        values.push((name, value));
    }
    let is_old = values.iter().any(|(name, _)| name.contains(':'));
    let mut values = values.into_iter().skip(1);
    let first = |value: Option<(String, Tensor)>| {
        value.and_then(|(_, value)| value.data().first().copied())
    };
    if is_old {
        let state = old_state(model, values.collect(), names, version)?;
        let stored = StoredOptimizer { iteration, learning_rate: None, state };
        model.check_state("optimizer", &stored)?;
        return Ok(stored);
    }
    let learning_rate = if model.has_schedule() { None } else { first(values.next()) };
    let state = values.map(|(_, value)| value).collect();
    let stored = StoredOptimizer { iteration, learning_rate, state };
    model.check_state("optimizer", &stored)?;
    Ok(stored)
}

/// The number of steps taken, which the first versions of Keras kept as a float.
fn iteration_of(dataset: &Dataset) -> Result<u64, String> {
    let whole = match &dataset.data {
        Data::F32(values) => values.first().map(|&value| f64::from(value)).and_then(whole),
        Data::F64(values) => values.first().copied().and_then(whole),
        _ => dataset.to_i64().and_then(|values| u64::try_from(*values.data().first()?).ok()),
    };
    whole.ok_or_else(|| "the number of steps is not a whole number".to_owned())
}

fn whole(value: f64) -> Option<u64> {
    let is_count = 0.0 <= value && value.fract() == 0.0 && value < 2.0_f64.powi(63);
    is_count.then_some(value as u64)
}

/// The values in the order of Keras 3.
fn old_state(
    model: &Model,
    values: Vec<(String, Tensor)>,
    names: &[String],
    version: &str,
) -> Result<Vec<Tensor>, String> {
    let Some(compiled) = &model.compiled else { return Ok(Vec::new()) };
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let trainable: Vec<usize> =
        (0..model.weights.len()).filter(|&index| model.weights[index].trainable).collect();
    let mut by_slot: BTreeMap<&'static str, Vec<Tensor>> = BTreeMap::new();
    let mut shared = Vec::new();
    let mut unnamed = Vec::new();
    for (name, value) in values {
        match slot_token(&name) {
            Token::Slot(slot) => by_slot.entry(slot).or_default().push(value),
            Token::Shared => shared.push(value),
            Token::Unknown => unnamed.push(value),
        }
    }
    let slots = |weight: usize| {
        let info = &model.weights[weight];
        let variable = VariableSpec { name: info.path.clone(), dims: info.spec.dims.clone() };
        compiled.optimizer.slots(&variable)
    };
    let slot_names: Vec<&str> =
        trainable.first().map(|&w| slots(w).iter().map(|s| s.name).collect()).unwrap_or_default();
    let mut order = trainable.clone();
    let lists: Vec<Vec<Tensor>> = if by_slot.is_empty() {
        // Before Keras 2.3 slots had no names; what was only kept for AMSGrad had one element.
        unnamed.retain(|value| {
            value.dims() != [1] || trainable.iter().any(|&w| model.weights[w].spec.dims == [1])
        });
        if unnamed.len() != trainable.len() * slot_names.len() {
            return Err(format!(
                "expected {} variables, got {}",
                trainable.len() * slot_names.len(),
                unnamed.len()
            ));
        }
        if sorts_by_name(version) {
            order.sort_by(|&a, &b| names[a].cmp(&names[b]));
        }
        unnamed.chunks(trainable.len().max(1)).map(<[Tensor]>::to_vec).collect()
    } else {
        let list = |slot: &&str| {
            let names = SLOTS.iter().filter(|(_, new)| new.contains(slot)).map(|(old, _)| old);
            let found = names.into_iter().find_map(|old| by_slot.get(old)).cloned();
            found.filter(|list| list.len() == trainable.len()).ok_or_else(|| {
                format!("there is no `{slot}` for each of the {} variables", trainable.len())
            })
        };
        slot_names.iter().map(list).collect::<Result<_, String>>()?
    };
    let specs = model.optimizer_specs();
    let value = |role: StateRole| match role {
        StateRole::Slot { variable, slot } => {
            let position = order.iter().position(|&weight| weight == trainable[variable])?;
            lists.get(slot)?.get(position).cloned()
        }
        StateRole::Shared { slot } => shared.get(slot).cloned(),
        StateRole::Average { .. } | StateRole::Accumulator { .. } => None,
    };
    specs
        .iter()
        .map(|spec| value(spec.role).ok_or_else(|| format!("there is no `{}`", spec.path)))
        .collect()
}

enum Token {
    Slot(&'static str),
    Shared,
    Unknown,
}

/// What a variable of Keras 2 is for: `m` in `Adam/dense/kernel/m:0` and in `Adam/m/dense/kernel:0`.
fn slot_token(name: &str) -> Token {
    let name = name.split(':').next().unwrap_or(name);
    let parts: Vec<&str> = name.split('/').collect();
    let last = parts.last().copied().unwrap_or_default();
    if last == "momentum_cache" {
        return Token::Shared;
    }
    // TensorFlow numbers names that are taken.
    let unnumbered = last.rsplit_once('_').filter(|(_, n)| n.parse::<u32>().is_ok());
    let found =
        [unnumbered.map_or(last, |(name, _)| name), parts.get(1).copied().unwrap_or_default()]
            .into_iter()
            .find_map(|part| SLOTS.iter().find(|(old, _)| *old == part));
    found.map_or(Token::Unknown, |(old, _)| Token::Slot(old))
}

/// Before 2.0.6 Keras sorted the variables by their names.
fn sorts_by_name(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut part = || parts.next().unwrap_or(0);
    [part(), part(), part()] < [2, 0, 6]
}
