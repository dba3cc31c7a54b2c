//! What is compiled: the model with the gradient that a method needs, as one graph.

use cornu_graph::ops::{Distribution, Interpolation, ReduceKind};
use cornu_graph::{Graph, GraphError, ValueId, gradient_from};
use cornu_model::{Forward, Model};
use cornu_tensor::Shape;

use crate::ExplainError;
use crate::score::{Head, ScoreKind};

/// Input of the weights of the model's outputs in the score: `(N, outputs)`.
pub(crate) const SELECTOR: &str = "explain/selector";
/// Input of the standard deviation of noise: a scalar.
pub(crate) const SIGMA: &str = "explain/sigma";
/// Input of the maps that pictures are multiplied with: `(N, rows, columns, 1)`.
pub(crate) const MASK: &str = "explain/mask";

/// Tells the noise from random values of the model.
const NOISE_STREAM: u32 = 0x4E01_5E00;

/// A program, and what it answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ProgramKey {
    /// The model's outputs `(N, outputs)`, the score `(N)`.
    Score,
    /// The score, its gradient with respect to the picture `(N, H, W, C)`.
    InputGradient,
    /// The same at the picture with noise.
    NoisyGradient,
    /// Grad-CAM at a layer: `(N, rows, columns)`.
    GradCam(String),
    /// Grad-CAM++ at a layer: `(N, rows, columns)`.
    GradCamPlusPlus(String),
    /// A layer's feature maps: `(N, rows, columns, channels)`.
    Features(String),
    /// The score of the picture times the mask at its size.
    MaskedScore([usize; 2]),
}

/// Lowers `model` to the graph of `key`.
pub(crate) fn graph(
    model: &Model,
    key: &ProgramKey,
    kind: ScoreKind,
) -> Result<Graph, ExplainError> {
    let forward = model.forward(false)?;
    let x = forward.inputs[0];
    let graph = match key {
        ProgramKey::Score => {
            let output = forward.outputs[0];
            let mut scored = Scored::new(forward, kind)?;
            scored.graph.set_output("outputs", output);
            scored.graph.set_output("score", scored.score);
            scored.graph
        }
        ProgramKey::InputGradient => {
            let mut scored = Scored::new(forward, kind)?;
            let gradient = scored.gradient(x)?;
            scored.graph.set_output("score", scored.score);
            scored.graph.set_output("gradient", gradient);
            scored.graph
        }
        ProgramKey::NoisyGradient => {
            let changed = with_input(&forward, |graph, x| {
                let sigma = graph.input(SIGMA, Shape::scalar())?;
                let shape = graph.shape(x).clone();
                let noise = graph.random(Distribution::Normal, NOISE_STREAM, shape)?;
                let noise = graph.mul(noise, sigma)?;
                graph.add(x, noise)
            })?;
            let mut scored = Scored::new(changed.forward, kind)?;
            let gradient = scored.gradient(changed.x)?;
            scored.graph.set_output("score", scored.score);
            scored.graph.set_output("gradient", gradient);
            scored.graph
        }
        ProgramKey::MaskedScore([rows, columns]) => {
            let changed = with_input(&forward, |graph, x| {
                let mask = graph.input(MASK, Shape::batched([*rows, *columns, 1]))?;
                masked(graph, x, mask)
            })?;
            let mut scored = Scored::new(changed.forward, kind)?;
            scored.graph.set_output("score", scored.score);
            scored.graph
        }
        ProgramKey::Features(layer) => {
            let features = features(&forward, layer)?;
            let mut graph = forward.graph;
            graph.set_output("features", features);
            graph
        }
        ProgramKey::GradCam(layer) | ProgramKey::GradCamPlusPlus(layer) => {
            let features = features(&forward, layer)?;
            let mut scored = Scored::new(forward, kind)?;
            let gradient = scored.gradient_of_layer(features, layer)?;
            let graph = &mut scored.graph;
            let weights = if matches!(key, ProgramKey::GradCam(_)) {
                graph.mean(gradient, &[1, 2], true)?
            } else {
                plus_plus_weights(graph, features, gradient)?
            };
            let weighted = graph.mul(features, weights)?;
            let sum = graph.sum(weighted, &[3], false)?;
            let map = graph.relu(sum)?;
            graph.set_output("map", map);
            scored.graph
        }
    };
    // The model's own outputs are not asked for by most of them.
    Ok(graph.without_dead_nodes())
}

/// A model whose outputs make a score.
struct Scored {
    graph: Graph,
    /// Outputs before or after the activation.
    outputs: ValueId,
    selector: ValueId,
    /// `(N)`.
    score: ValueId,
}

impl Scored {
    fn new(forward: Forward, kind: ScoreKind) -> Result<Self, GraphError> {
        let Forward { mut graph, outputs, .. } = forward;
        let (_, before) = Head::of(&graph, outputs[0]);
        let outputs = if kind == ScoreKind::Logit { before } else { outputs[0] };
        let shape = graph.shape(outputs).clone();
        let selector = graph.input(SELECTOR, shape)?;
        let selected = graph.mul(outputs, selector)?;
        let score = graph.sum(selected, &[1], false)?;
        Ok(Self { graph, outputs, selector, score })
    }

    /// Gradient of each sample's score with respect to its part of `value`.
    fn gradient(&mut self, value: ValueId) -> Result<ValueId, GraphError> {
        let gradients = gradient_from(&mut self.graph, &[(self.outputs, self.selector)], &[value])?;
        match gradients.first() {
            Some(Some(gradient)) => Ok(*gradient),
            // A score that does not depend on the picture.
            _ => self.graph.mul_scalar(value, 0.0),
        }
    }

    fn gradient_of_layer(
        &mut self,
        features: ValueId,
        layer: &str,
    ) -> Result<ValueId, ExplainError> {
        let gradients =
            gradient_from(&mut self.graph, &[(self.outputs, self.selector)], &[features])?;
        gradients.first().copied().flatten().ok_or_else(|| ExplainError::Layer {
            layer: layer.to_owned(),
            problem:
                "the score does not depend on this layer; choose one between the input and the \
                      output"
                    .to_owned(),
        })
    }
}

/// A model that sees a function of what it is fed.
struct Changed {
    forward: Forward,
    /// What the model sees.
    x: ValueId,
}

/// Lets the model see `change` of its input.
fn with_input(
    forward: &Forward,
    change: impl Fn(&mut Graph, ValueId) -> Result<ValueId, GraphError>,
) -> Result<Changed, GraphError> {
    let input = forward.inputs[0];
    let mut map = Vec::new();
    let mut seen = input;
    let graph = forward.graph.rewritten(|graph, old, node| {
        let mut new = graph.add_node(node.op, &node.inputs)?;
        if old == input {
            new = change(graph, new)?;
            seen = new;
        }
        map.push(new);
        Ok(new)
    })?;
    let mut changed = forward.clone();
    changed.graph = graph;
    changed.outputs = forward.outputs.iter().map(|output| map[output.index()]).collect();
    Ok(Changed { forward: changed, x: seen })
}

/// `x` times `mask`, brought to its size and scaled to 0..1.
fn masked(graph: &mut Graph, x: ValueId, mask: ValueId) -> Result<ValueId, GraphError> {
    let (height, width) = {
        let dims = graph.shape(x).dims();
        (dims[1].size(1), dims[2].size(1))
    };
    let large = graph.resize(mask, height, width, Interpolation::Bilinear)?;
    let low = graph.reduce(ReduceKind::Min, large, &[1, 2], true)?;
    let high = graph.reduce(ReduceKind::Max, large, &[1, 2], true)?;
    let above = graph.sub(large, low)?;
    let range = graph.sub(high, low)?;
    // A map of one number hides everything.
    let zero = graph.scalar(0.0)?;
    let is_flat = graph.equal(range, zero)?;
    let one = graph.scalar(1.0)?;
    let divisor = graph.select(is_flat, one, range)?;
    let scaled = graph.div(above, divisor)?;
    graph.mul(x, scaled)
}

/// `sum over places of w * relu(g)` with `w = g^2 / (2 g^2 + g^3 * sum over places of A)`.
fn plus_plus_weights(
    graph: &mut Graph,
    features: ValueId,
    gradient: ValueId,
) -> Result<ValueId, GraphError> {
    let square = graph.square(gradient)?;
    let cube = graph.mul(square, gradient)?;
    let total = graph.sum(features, &[1, 2], true)?;
    let third = graph.mul(cube, total)?;
    let second = graph.mul_scalar(square, 2.0)?;
    let divisor = graph.add(second, third)?;
    let zero = graph.scalar(0.0)?;
    let is_zero = graph.equal(divisor, zero)?;
    let one = graph.scalar(1.0)?;
    let divisor = graph.select(is_zero, one, divisor)?;
    let share = graph.div(square, divisor)?;
    let positive = graph.relu(gradient)?;
    let weighted = graph.mul(share, positive)?;
    graph.sum(weighted, &[1, 2], true)
}

/// The feature maps of `layer`.
pub(crate) fn features(forward: &Forward, layer: &str) -> Result<ValueId, ExplainError> {
    let problem = |problem: String| ExplainError::Layer { layer: layer.to_owned(), problem };
    let Some(outputs) = forward.layer_outputs.get(layer) else {
        return Err(problem(format!(
            "there is no such layer; layers with feature maps are {}",
            with_maps(forward).join(", ")
        )));
    };
    match outputs[..] {
        [output] if is_maps(&forward.graph, output) => Ok(output),
        _ => Err(problem(format!(
            "expected an output of shape (N, rows, columns, channels), got {}; choose one of {}",
            outputs
                .iter()
                .map(|&output| forward.graph.shape(output).to_string())
                .collect::<Vec<_>>()
                .join(" and "),
            with_maps(forward).join(", ")
        ))),
    }
}

/// Path of the layer with the last convolution.
pub(crate) fn last_convolution(forward: &Forward) -> Option<String> {
    use cornu_graph::ops::Op;
    let graph = &forward.graph;
    graph.values().rev().find_map(|value| {
        let node = graph.node(value);
        if !matches!(node.op, Op::Conv(_) | Op::ConvInputGrad(_)) {
            return None;
        }
        // Nodes are named after their layer's path; parts of a layer have longer names.
        let mut path = &*node.scope;
        loop {
            if let Some([output]) = forward.layer_outputs.get(path).map(Vec::as_slice)
                && is_maps(graph, *output)
            {
                return Some(path.to_owned());
            }
            path = path.rsplit_once('/')?.0;
        }
    })
}

/// Layers whose output is a picture with channels, in the order of the network.
pub(crate) fn with_maps(forward: &Forward) -> Vec<String> {
    let mut layers: Vec<(ValueId, &String)> = forward
        .layer_outputs
        .iter()
        .filter_map(|(path, outputs)| match outputs[..] {
            [output] if is_maps(&forward.graph, output) => Some((output, path)),
            _ => None,
        })
        .filter(|(output, _)| !forward.inputs.contains(output))
        .collect();
    layers.sort();
    layers.into_iter().map(|(_, path)| format!("`{path}`")).collect()
}

fn is_maps(graph: &Graph, value: ValueId) -> bool {
    let shape = graph.shape(value);
    shape.rank() == 4 && shape.is_batched()
}
