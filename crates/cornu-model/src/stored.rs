//! Where the weights of a model lie in Keras's HDF5 tree.
//!
//! Source: Keras 3, `keras/src/saving/saving_lib.py`. A layer's group is called by its class, made
//! unique among the layers of its model; a layer that is met again is not stored again.

use std::collections::{BTreeMap, BTreeSet};

use cornu_formats::weights::group_keys;
use cornu_nn::layers::Sublayer;

use crate::network::{LayerWeights, Network, WeightInfo};
use crate::symbolic::LayerKind;

/// A `vars` group: the variables of one layer or sublayer, or of a model, which has none.
pub(crate) struct StoredGroup {
    /// Path of the group, such as `layers/conv2d_1/vars`.
    pub(crate) path: String,
    /// The layer's name.
    pub(crate) name: String,
    /// The model's weights that lie there as `0`, `1`, ...
    pub(crate) weights: Vec<usize>,
}

/// All `vars` groups of the model, in order.
pub(crate) fn stored_groups(
    network: &Network,
    name: &str,
    weights: &[WeightInfo],
    layer_weights: &[LayerWeights],
) -> Vec<StoredGroup> {
    let by_layer = layer_weights.iter().map(|layer| (layer.layer, layer)).collect();
    let mut stored = Stored { weights, by_layer, met: BTreeSet::new(), groups: Vec::new() };
    stored.network(network, name, "");
    stored.groups
}

struct Stored<'a> {
    weights: &'a [WeightInfo],
    by_layer: BTreeMap<u64, &'a LayerWeights>,
    met: BTreeSet<u64>,
    groups: Vec<StoredGroup>,
}

impl Stored<'_> {
    fn network(&mut self, network: &Network, name: &str, prefix: &str) {
        self.add(format!("{prefix}vars"), name, Vec::new());
        let keys = group_keys(network.listed_layers().map(|(_, layer)| layer.kind.python_name()));
        for ((_, layer), key) in network.listed_layers().zip(keys) {
            if !self.met.insert(layer.id) {
                continue;
            }
            let prefix = format!("{prefix}layers/{key}/");
            match &layer.kind {
                LayerKind::Network { network, .. } => self.network(network, &layer.name, &prefix),
                kind => self.layer(layer.id, kind, &layer.name, &prefix),
            }
        }
    }

    /// A layer's own variables, then those of its sublayers.
    fn layer(&mut self, id: u64, kind: &LayerKind, name: &str, prefix: &str) {
        self.add(format!("{prefix}vars"), name, Vec::new());
        if let Some(&layer) = self.by_layer.get(&id) {
            for index in layer.first..layer.first + layer.n {
                let sublayers = &self.weights[index].spec.group;
                let position = self.sublayer(sublayers, prefix);
                self.groups[position].weights.push(index);
            }
            // Keras keeps the kernel of the layer inside as the wrapper's own, too.
            if kind.class_name() == "SpectralNormalization"
                && let Some(own) = self.position(&format!("{prefix}vars"))
            {
                self.groups[own].weights.insert(0, layer.first);
            }
        }
        if let LayerKind::Layer(layer) = kind {
            for sublayers in layer.weightless_sublayers() {
                self.sublayer(&sublayers, prefix);
            }
        }
    }

    /// The position of the group of the last of these sublayers; makes it, and those that lead to it.
    fn sublayer(&mut self, sublayers: &[Sublayer], prefix: &str) -> usize {
        let mut folder = prefix.to_owned();
        let mut position = self.position(&format!("{folder}vars"));
        for sublayer in sublayers {
            folder = format!("{folder}{}/", sublayer.attribute);
            let path = format!("{folder}vars");
            position = self.position(&path).or_else(|| {
                self.add(path, &sublayer.name, Vec::new());
                Some(self.groups.len() - 1)
            });
        }
        position.unwrap_or(0)
    }

    fn position(&self, path: &str) -> Option<usize> {
        self.groups.iter().rposition(|group| group.path == path)
    }

    fn add(&mut self, path: String, name: &str, weights: Vec<usize>) {
        self.groups.push(StoredGroup { path, name: name.to_owned(), weights });
    }
}
