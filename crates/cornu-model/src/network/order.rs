//! The order of layers and calls in a model.
//!
//! Keras 3, `keras/src/ops/function.py`, `map_graph`: a depth-first walk from the outputs, then
//! layers by depth (the most calls still to come first), ties by the walk.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::TensorRef;
use crate::ModelError;
use crate::symbolic::{Call, KerasTensor, LayerHandle, LayerKind};

/// Layers in Keras's order and calls in an order in which they can be computed.
pub(super) struct Ordered {
    pub(super) layers: Vec<LayerHandle>,
    pub(super) calls: Vec<OrderedCall>,
    position: BTreeMap<u64, usize>,
}

pub(super) struct OrderedCall {
    pub(super) call: Arc<Call>,
    pub(super) inputs: Vec<KerasTensor>,
    /// Position in [`Ordered::layers`].
    pub(super) layer: usize,
    pub(super) node: usize,
    pub(super) depth: usize,
}

impl Ordered {
    pub(super) fn reference(&self, tensor: &KerasTensor) -> TensorRef {
        TensorRef { call: self.position[&tensor.call.id], output: tensor.output }
    }
}

/// Walks back from `outputs` to `inputs`.
pub(super) fn ordered(
    inputs: &[KerasTensor],
    outputs: &[KerasTensor],
) -> Result<Ordered, ModelError> {
    check_ends(inputs, outputs)?;
    let mut walk = Walk::default();
    for output in outputs {
        walk.visit(&output.call);
    }
    for call in &walk.finished {
        let is_given = || inputs.iter().any(|input| input.call.id == call.id);
        if matches!(call.layer.kind(), LayerKind::Input(_)) && !is_given() {
            return Err(ModelError::Structure(format!(
                "the outputs depend on the input `{}`, which is not among the model's inputs",
                call.layer.name().unwrap_or("input_layer")
            )));
        }
    }
    let (call_depth, mut layer_depth) = walk.depths();
    // Inputs that no output depends on are part of the model all the same.
    let mut calls = walk.finished;
    let mut met: BTreeMap<u64, i64> =
        walk.layers.iter().zip(0..).map(|(layer, index)| (layer.id(), index)).collect();
    let mut layers = walk.layers;
    for input in inputs {
        let layer = &input.call.layer;
        if layer_depth.contains_key(&layer.id()) {
            continue;
        }
        layer_depth.insert(layer.id(), 0);
        met.insert(layer.id(), -1);
        layers.push(layer.clone());
        calls.push(input.call.clone());
    }
    layers.sort_by_key(|layer| (std::cmp::Reverse(layer_depth[&layer.id()]), met[&layer.id()]));
    let position = calls.iter().enumerate().map(|(i, call)| (call.id, i)).collect();
    let node_of = |call: &Call| {
        let same_layer = |other: &&Arc<Call>| other.layer.id() == call.layer.id();
        calls.iter().filter(same_layer).filter(|other| other.id < call.id).count()
    };
    let calls = calls.iter().map(|call| OrderedCall {
        call: call.clone(),
        inputs: call.inputs.clone(),
        layer: layers.iter().position(|l| l.id() == call.layer.id()).unwrap_or_default(),
        node: node_of(call),
        depth: call_depth.get(&call.id).copied().unwrap_or(0),
    });
    let calls = calls.collect();
    Ok(Ordered { layers, calls, position })
}

fn check_ends(inputs: &[KerasTensor], outputs: &[KerasTensor]) -> Result<(), ModelError> {
    let problem = |text: &str| Err(ModelError::Structure(text.to_owned()));
    if inputs.is_empty() || outputs.is_empty() {
        return problem("expected at least one input and one output");
    }
    for (i, input) in inputs.iter().enumerate() {
        if !matches!(input.call.layer.kind(), LayerKind::Input(_)) {
            return problem("an input of a model must come from `Input::new`");
        }
        if inputs[..i].iter().any(|before| before.is(input)) {
            return problem("the same input is given twice");
        }
    }
    Ok(())
}

#[derive(Default)]
struct Walk {
    /// Calls whose inputs all come before them.
    finished: Vec<Arc<Call>>,
    seen: BTreeMap<u64, ()>,
    /// Layers in the order in which the walk met them.
    layers: Vec<LayerHandle>,
}

impl Walk {
    fn visit(&mut self, call: &Arc<Call>) {
        if self.seen.insert(call.id, ()).is_some() {
            return;
        }
        if !self.layers.iter().any(|layer| layer.id() == call.layer.id()) {
            self.layers.push(call.layer.clone());
        }
        for input in &call.inputs {
            self.visit(&input.call);
        }
        self.finished.push(call.clone());
    }

    /// Depth of each call, and of each layer: that of its deepest call.
    fn depths(&self) -> (BTreeMap<u64, usize>, BTreeMap<u64, usize>) {
        let mut calls: BTreeMap<u64, usize> = BTreeMap::new();
        let mut layers: BTreeMap<u64, usize> = BTreeMap::new();
        for call in self.finished.iter().rev() {
            let of_layer = layers.entry(call.layer.id()).or_insert(0);
            let depth = calls.get(&call.id).copied().unwrap_or(0).max(*of_layer);
            *of_layer = depth;
            calls.insert(call.id, depth);
            for input in &call.inputs {
                let before = calls.entry(input.call.id).or_insert(0);
                *before = (*before).max(depth + 1);
            }
        }
        (calls, layers)
    }
}
