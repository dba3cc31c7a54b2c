//! A network as a graph of operations.

use std::collections::BTreeMap;

use cornu_graph::{Graph, ValueId, VariableId, check_size};
use cornu_nn::layers::CallArguments;
use cornu_nn::{Layer, LayerError, LowerCx, SymbolicShape};
use cornu_tensor::Shape;

use crate::network::{LayerWeights, Network, WeightInfo};
use crate::symbolic::{FORGETS_QUERY_MASK, Keyword, LayerKind};
use crate::{Model, ModelError};

/// The forward pass of a model in a graph, to build on: gradients of anything with respect to
/// anything, for example.
#[derive(Debug, Clone)]
pub struct Forward {
    /// The graph. Its inputs are named as the model's input layers; it has no outputs yet.
    pub graph: Graph,
    /// The model's inputs.
    pub inputs: Vec<ValueId>,
    /// The model's outputs.
    pub outputs: Vec<ValueId>,
    /// For each output the mask that its layer made, which leaves out parts of the loss.
    pub output_masks: Vec<Option<ValueId>>,
    /// Outputs of all layers by name, those inside of a model used as a layer by path (`base/conv2d`);
    /// of a layer that is called several times, the last ones.
    pub layer_outputs: BTreeMap<String, Vec<ValueId>>,
    /// For each weight of the model, in order, its variable, ...
    pub variables: Vec<VariableId>,
    /// ... and its value before the step.
    pub weights: Vec<ValueId>,
    /// New values of weights that layers change themselves (moving statistics), by weight.
    pub updates: BTreeMap<usize, ValueId>,
    /// Scalars that layers add to the loss (activity regularizers).
    pub losses: Vec<ValueId>,
}

impl Model {
    /// The forward pass as a graph, as in a training step or as it is.
    ///
    /// # Errors
    ///
    /// [`ModelError::Layer`] if a layer cannot be lowered, or an input has an axis of unknown size:
    /// [`Model::forward_of`] is told the sizes.
    pub fn forward(&self, training: bool) -> Result<Forward, ModelError> {
        let known = |(name, shape): (&str, SymbolicShape)| {
            shape.sample().ok_or_else(|| {
                let expected = "known sizes of all axes but the samples'";
                ModelError::layer(name, LayerError::input_shape(expected, &[shape]))
            })
        };
        let inputs = self.network.input_names().into_iter().zip(self.network.input_shapes());
        self.forward_of(&inputs.map(known).collect::<Result<Vec<_>, _>>()?, training)
    }

    /// The same for inputs whose samples have these shapes, which give sizes to axes that the model
    /// leaves open (`None` in its summary).
    ///
    /// # Errors
    ///
    /// [`ModelError::Data`] if the inputs take no such samples, [`ModelError::Layer`] if a layer
    /// cannot be lowered.
    pub fn forward_of(
        &self,
        samples: &[Vec<usize>],
        training: bool,
    ) -> Result<Forward, ModelError> {
        self.check_inputs(samples)?;
        forward(&self.network, samples, &self.weights, &self.layer_weights, training)
    }
}

/// Lowers `network`, whose weights become the graph's first variables, in order.
fn forward(
    network: &Network,
    samples: &[Vec<usize>],
    weights: &[WeightInfo],
    layer_weights: &[LayerWeights],
    training: bool,
) -> Result<Forward, ModelError> {
    let mut graph = Graph::new();
    let mut inputs = Vec::new();
    for (name, sample) in network.input_names().into_iter().zip(samples) {
        inputs.push(graph.input(name, Shape::batched(sample))?);
    }
    let variables: Vec<VariableId> = weights
        .iter()
        .map(|weight| graph.add_variable(&weight.path, weight.spec.dims.clone()))
        .collect();
    let values = variables.iter().map(|&id| graph.variable(id)).collect::<Result<Vec<_>, _>>()?;
    let mut lowering = Lowering {
        graph,
        layer_weights: layer_weights.iter().map(|layer| (layer.layer, layer)).collect(),
        current: values.clone(),
        updates: BTreeMap::new(),
        losses: Vec::new(),
        layer_outputs: BTreeMap::new(),
        training,
        next_stream: 0,
    };
    let fed: Vec<Masked> = inputs.iter().map(|&value| Masked { value, mask: None }).collect();
    let lowered = lowering.network(network, &fed, "", network.trainable)?;
    let outputs = lowered.iter().map(|output| output.value).collect();
    let output_masks = lowered.iter().map(|output| output.mask).collect();
    Ok(Forward {
        graph: lowering.graph,
        inputs,
        outputs,
        output_masks,
        layer_outputs: lowering.layer_outputs,
        variables,
        weights: values,
        updates: lowering.updates,
        losses: lowering.losses,
    })
}

/// A value with Keras's mask for it: 1 where whoever comes next is to look.
#[derive(Clone, Copy)]
struct Masked {
    value: ValueId,
    mask: Option<ValueId>,
}

struct Lowering<'a> {
    graph: Graph,
    layer_weights: BTreeMap<u64, &'a LayerWeights>,
    /// Value of each weight as the next call sees it: a shared layer that changes its statistics
    /// sees them changed in its second call.
    current: Vec<ValueId>,
    updates: BTreeMap<usize, ValueId>,
    losses: Vec<ValueId>,
    layer_outputs: BTreeMap<String, Vec<ValueId>>,
    training: bool,
    next_stream: u32,
}

impl Lowering<'_> {
    fn network(
        &mut self,
        network: &Network,
        inputs: &[Masked],
        prefix: &str,
        trainable: bool,
    ) -> Result<Vec<Masked>, ModelError> {
        let mut outputs: Vec<Vec<Masked>> = Vec::with_capacity(network.calls.len());
        for (index, call) in network.calls.iter().enumerate() {
            let layer = &network.layers[call.layer];
            let path = format!("{prefix}{}", layer.name);
            let trainable = trainable && layer.trainable;
            let arguments: Vec<Masked> = call
                .positional()
                .iter()
                .map(|tensor| outputs[tensor.call][tensor.output])
                .collect();
            let values: Vec<ValueId> = arguments.iter().map(|argument| argument.value).collect();
            let lowered = match &layer.kind {
                LayerKind::Input(_) => {
                    let position = network.inputs.iter().position(|input| input.call == index);
                    position.map(|position| inputs[position]).into_iter().collect()
                }
                LayerKind::Network { network, .. } => {
                    self.network(network, &arguments, &format!("{path}/"), trainable)?
                }
                LayerKind::Operation(operation) => {
                    let outer = self.graph.set_scope(&path);
                    let lowered = operation.lower(&mut self.graph, &values);
                    self.graph.set_scope(&outer);
                    let value = lowered.map_err(|error| ModelError::layer(&path, error))?;
                    vec![Masked { value, mask: None }]
                }
                LayerKind::Layer(kind) => {
                    let mut given = CallArguments {
                        masks: arguments.iter().map(|argument| argument.mask).collect(),
                        attention_mask: None,
                        use_causal_mask: call.has_flag("use_causal_mask"),
                        return_attention_scores: call.has_flag("return_attention_scores"),
                        count_weights: None,
                    };
                    for (keyword, tensor) in call.by_keyword() {
                        let value = outputs[tensor.call][tensor.output].value;
                        match keyword {
                            Keyword::AttentionMask => given.attention_mask = Some(value),
                            Keyword::CountWeights => given.count_weights = Some(value),
                            // As Keras does with files that have one.
                            Keyword::Mask(0) if kind.class_name() == FORGETS_QUERY_MASK => {}
                            Keyword::Mask(input) => given.masks[input] = Some(value),
                        }
                    }
                    let expects_mask = call
                        .kwargs
                        .as_ref()
                        .and_then(|k| k.get("mask"))
                        .is_some_and(serde_json::Value::is_object);
                    if expects_mask && given.masks.iter().all(Option::is_none) {
                        let source = LayerError::Unsupported {
                            setting: "a `mask` that operations make".to_owned(),
                            hint: "make it by a Masking or Embedding layer, or an input".to_owned(),
                        };
                        return Err(ModelError::layer(&path, source));
                    }
                    let outer = self.graph.set_scope(&path);
                    let called = call.kwargs.as_ref().and_then(|kwargs| kind.called_with(kwargs));
                    let kind = called.as_ref().unwrap_or(kind);
                    self.check_shapes(kind.as_ref(), &values)
                        .map_err(|error| ModelError::layer(&path, error))?;
                    let lowered = self.layer(layer.id, trainable, &given, |cx| {
                        let outputs = kind.lower_outputs(cx, &values)?;
                        // A mask is one of the first output; others have none.
                        let mut mask = kind.output_mask(cx, &values)?;
                        Ok(outputs
                            .into_iter()
                            .map(|value| Masked { value, mask: mask.take() })
                            .collect())
                    });
                    self.graph.set_scope(&outer);
                    lowered.map_err(|error| ModelError::layer(&path, error))?
                }
            };
            let values = lowered.iter().map(|output| output.value).collect();
            self.layer_outputs.insert(path, values);
            outputs.push(lowered);
        }
        Ok(network.outputs.iter().map(|tensor| outputs[tensor.call][tensor.output]).collect())
    }

    /// Asks the layer for its outputs' shapes. It has been asked where it was applied, but perhaps
    /// about sizes that were still open; lowering relies on what this checks.
    fn check_shapes(&self, layer: &dyn Layer, inputs: &[ValueId]) -> Result<(), LayerError> {
        let shape = |&value: &ValueId| SymbolicShape::from_graph(self.graph.shape(value));
        let shapes: Vec<SymbolicShape> = inputs.iter().map(shape).collect();
        for output in layer.output_shapes(&shapes)? {
            if let Some(shape) = output.to_graph() {
                check_size("output", &shape)?;
            }
        }
        Ok(())
    }

    fn layer<T>(
        &mut self,
        id: u64,
        trainable: bool,
        call: &CallArguments,
        lower: impl FnOnce(&mut LowerCx<'_>) -> Result<T, LayerError>,
    ) -> Result<T, LayerError> {
        let (first, n) = self.layer_weights.get(&id).map_or((0, 0), |layer| (layer.first, layer.n));
        let weights = self.current[first..first + n].to_vec();
        let mut weight_updates = Vec::new();
        let outputs = lower(&mut LowerCx {
            graph: &mut self.graph,
            training: self.training,
            trainable,
            weights: &weights,
            weight_updates: &mut weight_updates,
            losses: &mut self.losses,
            next_stream: &mut self.next_stream,
            call,
        })?;
        for (position, value) in weight_updates {
            self.current[first + position] = value;
            self.updates.insert(first + position, value);
        }
        Ok(outputs)
    }
}
