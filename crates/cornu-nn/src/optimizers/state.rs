//! What an optimizer keeps between steps, in the order in which Keras saves it.

use super::{Optimizer, SlotSpec};

/// A variable that an optimizer changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableSpec {
    /// Its path, such as `conv2d/kernel`.
    pub name: String,
    /// Sizes of its axes.
    pub dims: Vec<usize>,
}

/// One optimizer variable.
#[derive(Debug, Clone, PartialEq)]
pub struct StateSpec {
    /// Keras's path without the optimizer's name in front, such as `conv2d_kernel_momentum`.
    pub path: String,
    /// Sizes of its axes.
    pub dims: Vec<usize>,
    /// The value that it starts from, everywhere.
    pub initial: f64,
    /// What it is for.
    pub role: StateRole,
}

/// What an optimizer variable is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateRole {
    /// The moving average of this variable.
    Average {
        /// The variable's number.
        variable: usize,
    },
    /// The gradients of this variable since it last changed.
    Accumulator {
        /// The variable's number.
        variable: usize,
    },
    /// A slot of this variable.
    Slot {
        /// The variable's number.
        variable: usize,
        /// Its position among the variable's slots.
        slot: usize,
    },
    /// A slot of all variables together.
    Shared {
        /// Its position among these.
        slot: usize,
    },
}

/// All optimizer variables but `iteration` and `learning_rate`, in Keras's saving order: averages,
/// accumulated gradients, the slots group by group, then what is shared.
pub fn state_specs(optimizer: &dyn Optimizer, variables: &[VariableSpec]) -> Vec<StateSpec> {
    let settings = optimizer.settings();
    let mut specs = Vec::new();
    let numbered = || variables.iter().enumerate();
    if settings.use_ema {
        specs.extend(numbered().map(|(variable, spec)| {
            let slot = SlotSpec::like(spec, "average");
            state(spec, slot, StateRole::Average { variable })
        }));
    }
    if settings.gradient_accumulation_steps.is_some() {
        specs.extend(numbered().map(|(variable, spec)| {
            let slot = SlotSpec::like(spec, "gradient_accumulator");
            state(spec, slot, StateRole::Accumulator { variable })
        }));
    }
    let slots: Vec<Vec<SlotSpec>> = variables.iter().map(|spec| optimizer.slots(spec)).collect();
    let n_groups = slots.iter().flatten().map(|slot| slot.group + 1).max().unwrap_or(0);
    for group in 0..n_groups {
        for (variable, spec) in numbered() {
            for (slot, slot_spec) in slots[variable].iter().enumerate() {
                if slot_spec.group == group {
                    let role = StateRole::Slot { variable, slot };
                    specs.push(state(spec, slot_spec.clone(), role));
                }
            }
        }
    }
    specs.extend(optimizer.shared_slots().into_iter().enumerate().map(|(slot, spec)| StateSpec {
        path: spec.name.to_owned(),
        dims: spec.dims,
        initial: spec.initial,
        role: StateRole::Shared { slot },
    }));
    specs
}

/// For each of `n_variables`, the position in `state` of its moving average, which becomes its value at
/// the end of training (Keras's `finalize_variable_values`); `None` where there is none.
pub fn final_values(state: &[StateSpec], n_variables: usize) -> Vec<Option<usize>> {
    (0..n_variables)
        .map(|variable| state.iter().position(|spec| spec.role == StateRole::Average { variable }))
        .collect()
}

fn state(variable: &VariableSpec, slot: SlotSpec, role: StateRole) -> StateSpec {
    let mut path = variable.name.replace('/', "_");
    if !slot.name.is_empty() {
        path = format!("{path}_{}", slot.name);
    }
    StateSpec { path, dims: slot.dims, initial: slot.initial, role }
}
