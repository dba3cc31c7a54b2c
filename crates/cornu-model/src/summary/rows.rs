use std::collections::BTreeMap;

use cornu_nn::SymbolicShape;

use super::{SummaryOptions, thousands};
use crate::ModelError;
use crate::network::{LayerEntry, Network, NetworkForm, TensorRef};
use crate::symbolic::LayerKind;

/// Whether the network is one chain: at each depth one call with at most one input, and no layer
/// called twice.
pub(super) fn is_sequential_like(network: &Network) -> bool {
    if network.form == NetworkForm::Sequential {
        return true;
    }
    let mut depths = BTreeMap::new();
    let mut layers = BTreeMap::new();
    network.calls.iter().all(|call| {
        depths.insert(call.depth, ()).is_none()
            && layers.insert(call.layer, ()).is_none()
            && call.inputs.len() <= 1
    })
}

/// The cells of each row.
pub(super) fn rows(
    network: &Network,
    branched: bool,
    options: &SummaryOptions,
) -> Result<Vec<Vec<String>>, ModelError> {
    let mut rows = Vec::new();
    for (index, layer) in network.listed_operations() {
        let connections = branched.then(|| connections(network, index));
        let outer = Outer { level: 0, trainable: network.trainable, connections };
        add_rows(&mut rows, network, index, layer, &outer, options)?;
    }
    Ok(rows)
}

/// What a row knows of the networks around its layer.
struct Outer {
    level: usize,
    trainable: bool,
    connections: Option<String>,
}

fn add_rows(
    rows: &mut Vec<Vec<String>>,
    network: &Network,
    index: usize,
    layer: &LayerEntry,
    outer: &Outer,
    options: &SummaryOptions,
) -> Result<(), ModelError> {
    let trainable = outer.trainable && layer.trainable;
    let (n_params, has_weights) = params(network, index, layer)?;
    let prefix =
        if outer.level == 0 { String::new() } else { format!("{}└ ", "   ".repeat(outer.level)) };
    let mut row = vec![
        format!("{prefix}{} ({})", layer.name, layer.kind.python_name()),
        output_shape(network, index),
        thousands(n_params),
    ];
    row.extend(outer.connections.clone());
    if options.show_trainable {
        let text = match (has_weights, trainable) {
            (false, _) => "-",
            (true, true) => "Y",
            (true, false) => "N",
        };
        row.push(text.to_owned());
    }
    rows.push(row);
    if let LayerKind::Network { network: nested, .. } = &layer.kind
        && options.expand_nested
    {
        for (index, layer) in nested.listed_layers() {
            // As in Keras: only calls of the outermost network are told.
            let connections = outer.connections.as_ref().map(|_| "-".to_owned());
            let outer = Outer { level: outer.level + 1, trainable, connections };
            add_rows(rows, nested, index, layer, &outer, options)?;
        }
    }
    Ok(())
}

/// Number of weight values of a layer, and whether it has weights at all.
pub(crate) fn params(
    network: &Network,
    index: usize,
    layer: &LayerEntry,
) -> Result<(usize, bool), ModelError> {
    let specs = match &layer.kind {
        LayerKind::Input(_) | LayerKind::Operation(_) => Vec::new(),
        LayerKind::Layer(kind) => kind
            .weights(&network.build_shapes(index))
            .map_err(|error| ModelError::layer(&layer.name, error))?,
        LayerKind::Network { network, .. } => {
            network.weights()?.0.into_iter().map(|weight| weight.spec).collect()
        }
    };
    let n = specs.iter().map(|spec| spec.dims.iter().product::<usize>()).sum();
    Ok((n, !specs.is_empty()))
}

/// Shape of the outputs of the last call.
fn output_shape(network: &Network, index: usize) -> String {
    let calls = network.calls_of(index);
    let Some(call) = calls.last() else { return "?".to_owned() };
    match &call.output_shapes[..] {
        [shape] => shape_text(shape),
        shapes => {
            let shapes: Vec<String> = shapes.iter().map(shape_text).collect();
            match network.layers[index].kind {
                LayerKind::Network { .. } | LayerKind::Layer(_) => {
                    format!("[{}]", shapes.join(", "))
                }
                _ => format!("({})", shapes.join(", ")),
            }
        }
    }
}

/// Unlike Python, one axis is `(None)`.
fn shape_text(shape: &SymbolicShape) -> String {
    let dims: Vec<String> =
        shape.dims().iter().map(|d| d.map_or("None".to_owned(), |n| n.to_string())).collect();
    format!("({})", dims.join(", "))
}

/// `layer[node][tensor]` of every input of every call; `-` for none.
fn connections(network: &Network, index: usize) -> String {
    let calls = network.calls_of(index);
    let inputs = calls.iter().flat_map(|call| &call.inputs);
    let texts: Vec<String> = inputs.map(|&tensor| connection(network, tensor)).collect();
    if texts.is_empty() { "-".to_owned() } else { texts.join(", ") }
}

fn connection(network: &Network, tensor: TensorRef) -> String {
    let call = &network.calls[tensor.call];
    let layer = &network.layers[call.layer];
    // A functional model has a node of its own, number 0, before it is called.
    let own = match &layer.kind {
        LayerKind::Network { network, .. } => usize::from(network.form == NetworkForm::Functional),
        _ => 0,
    };
    format!("{}[{}][{}]", layer.name, call.node + own, tensor.output)
}
