//! One step as a graph: predict, test or train. All three work on the same variables.

use std::collections::BTreeMap;

use cornu_engine::{Program, Run};
use cornu_graph::{Graph, GraphError, ValueId, gradient};
use cornu_nn::LayerError;
use cornu_nn::optimizers::{ConstraintFn, Param, apply};
use cornu_tensor::{Shape, Tensor};

use crate::data::{Arrays, Layout};
use crate::lower::Forward;
use crate::seeds::{Purpose, derived};
use crate::{Model, ModelError};

const LEARNING_RATE: &str = "optimizer/learning_rate";
const ITERATION: &str = "optimizer/iteration";

/// Bytes that a program of a model gives back when another one runs. Less is kept, because taking it
/// again takes time.
const MUCH_MEMORY: usize = 32 << 20;

/// What a program was made for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StepKey {
    kind: StepKind,
    layout: Layout,
}

impl StepKey {
    pub(crate) fn new(kind: StepKind, batch: Arrays<'_>) -> Self {
        let mut layout = batch.layout();
        if kind == StepKind::Predict {
            layout = Layout { x: layout.x, ..Layout::default() };
        }
        Self { kind, layout }
    }
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepKind {
    /// Outputs.
    Predict,
    /// Outputs and losses.
    Test,
    /// Outputs and losses as in training, and new weights.
    Train,
}

/// What a step computed.
#[derive(Debug)]
pub(crate) struct StepResult {
    /// Total loss: 0 for a prediction.
    pub(crate) loss: f64,
    /// Loss of each output, without its weight; `None` for an output without one.
    pub(crate) losses: Vec<Option<f64>>,
    pub(crate) y_pred: Vec<Tensor>,
    /// Masks of the outputs that have one, by output; none of a prediction.
    pub(crate) masks: BTreeMap<usize, Tensor>,
}

impl Model {
    /// Runs one step; a training step changes the variables.
    pub(crate) fn run_step<'a>(
        &mut self,
        kind: StepKind,
        batch: impl Into<Arrays<'a>>,
    ) -> Result<StepResult, ModelError> {
        let batch = batch.into();
        if kind == StepKind::Train {
            self.build_optimizer()?;
        }
        let key = StepKey::new(kind, batch);
        if !self.programs.contains_key(&key) {
            let graph = self.step_graph(kind, &key.layout)?;
            self.programs.insert(key.clone(), Program::compile(graph, &self.options)?);
        }
        if kind != StepKind::Predict {
            self.check_values(&key, batch)?;
        }
        self.release_other_memory(&key);
        let outputs = self.run_program(&key, batch)?;
        if kind == StepKind::Train
            && let Some(compiled) = &mut self.compiled
        {
            compiled.iteration += 1;
        }
        let graph = self.programs.get(&key).map(|program| program.graph().outputs());
        let masked = graph.into_iter().flatten();
        let masked = masked.filter_map(|(name, _)| name.strip_prefix(MASK)?.parse().ok()).collect();
        Ok(self.read_outputs(kind, outputs, masked))
    }

    /// Gives back the memory of programs that hold much of it, so that training and predicting in turn
    /// need no more than either.
    fn release_other_memory(&mut self, key: &StepKey) {
        for (other, program) in &mut self.programs {
            if other != key && MUCH_MEMORY <= program.held_bytes() {
                program.release_memory();
            }
        }
    }

    fn run_program(&mut self, key: &StepKey, batch: Arrays<'_>) -> Result<Vec<Tensor>, ModelError> {
        let rate = [self.learning_rate().unwrap_or(0.0) as f32];
        let step = self.iterations().unwrap_or(0);
        let iteration = [step as f32];
        let outputs = self.network.output_labels();
        let targets: Vec<String> = outputs.iter().map(|output| target_name(output)).collect();
        let weights: Vec<String> = (0..key.layout.sample_weight.len()).map(weight_name).collect();
        let mut inputs: Vec<(&str, &[f32])> = Vec::new();
        for (name, x) in self.network.input_names().into_iter().zip(batch.x) {
            inputs.push((name, x.data()));
        }
        if key.kind != StepKind::Predict {
            for (name, y) in targets.iter().zip(batch.y) {
                inputs.push((name, y.data()));
            }
            for (name, weight) in weights.iter().zip(batch.sample_weight) {
                inputs.push((name, weight.data()));
            }
        }
        if key.kind == StepKind::Train {
            inputs.push((LEARNING_RATE, &rate));
            inputs.push((ITERATION, &iteration));
        }
        // The graph's variables are the weights, then the optimizer's, as they lie here.
        let binding: Vec<usize> = (0..self.variables.len()).collect();
        let Some(program) = self.programs.get_mut(key) else {
            return Ok(Vec::new());
        };
        let n_variables = program.graph().variables().len();
        Ok(program.run(&mut Run {
            inputs: &inputs,
            variables: &mut self.variables,
            binding: &binding[..n_variables],
            samples: batch.samples(),
            seed: derived(self.seed, Purpose::Step, 0),
            step,
        })?)
    }

    /// Takes apart the results of a step; the last ones are the masks of the outputs `masked`.
    fn read_outputs(&self, kind: StepKind, outputs: Vec<Tensor>, masked: Vec<usize>) -> StepResult {
        let mut outputs = outputs.into_iter();
        let mut scalar = || outputs.next().and_then(|t| t.data().first().copied()).map(f64::from);
        let (mut loss, mut losses) = (0.0, Vec::new());
        if kind != StepKind::Predict
            && let Some(compiled) = &self.compiled
        {
            loss = scalar().unwrap_or(0.0);
            losses = compiled
                .losses
                .iter()
                .map(|output| output.as_ref().and_then(|_| scalar()))
                .collect();
        }
        let y_pred = outputs.by_ref().take(self.network.outputs.len()).collect();
        StepResult { loss, losses, y_pred, masks: masked.into_iter().zip(outputs).collect() }
    }

    /// Compares shapes of samples with what the inputs take.
    pub(crate) fn check_inputs(&self, samples: &[Vec<usize>]) -> Result<(), ModelError> {
        let (names, shapes) = (self.network.input_names(), self.network.input_shapes());
        if shapes.len() != samples.len() {
            return Err(ModelError::data(
                "x",
                format!("{} arrays ({})", shapes.len(), names.join(", ")),
                samples.len().to_string(),
            ));
        }
        for (i, (expected, got)) in shapes.iter().zip(samples).enumerate() {
            if !expected.takes_sample(got) {
                let expected = match expected.sample() {
                    Some(sizes) => format!("samples of shape {sizes:?}"),
                    None => format!("samples of a batch of shape {expected}"),
                };
                let what = format!("x[{i}] (input `{}`)", names[i]);
                return Err(ModelError::data(what, expected, format!("{got:?}")));
            }
        }
        Ok(())
    }

    /// Compares the arrays of a batch with what the model takes.
    pub(crate) fn check_layout(&self, kind: StepKind, layout: &Layout) -> Result<(), ModelError> {
        self.check_inputs(&layout.x)?;
        if kind == StepKind::Predict {
            return Ok(());
        }
        let outputs = self.network.output_labels();
        if outputs.len() != layout.y.len() {
            return Err(ModelError::data(
                "y",
                format!("{} arrays ({})", outputs.len(), outputs.join(", ")),
                layout.y.len().to_string(),
            ));
        }
        if 1 < layout.sample_weight.len() && layout.sample_weight.len() != outputs.len() {
            return Err(ModelError::data(
                "sample_weight",
                format!("one array, or one for each of {}", outputs.join(", ")),
                layout.sample_weight.len().to_string(),
            ));
        }
        Ok(())
    }

    /// Whether a batch of so many samples may be made: to be asked before it is. What the step needs
    /// beyond that is found out when it runs.
    ///
    /// # Errors
    ///
    /// [`ModelError::Engine`] if there is too little memory.
    pub fn check_batch(&self, layout: &Layout, samples: usize) -> Result<(), ModelError> {
        let arrays = layout.x.iter().chain(&layout.y).chain(&layout.sample_weight);
        Ok(self.options.check_batch(samples, arrays)?)
    }

    /// A whole step as a graph: forward pass, losses, gradients, updates. Its variables are the
    /// model's weights, then those of the optimizer.
    ///
    /// # Errors
    ///
    /// [`ModelError::Data`] if the shapes do not fit, [`ModelError::NotCompiled`] where losses are
    /// needed.
    pub fn step_graph(&self, kind: StepKind, layout: &Layout) -> Result<Graph, ModelError> {
        let training = kind == StepKind::Train;
        self.check_layout(kind, layout)?;
        let mut forward = self.forward_of(&layout.x, training)?;
        if kind != StepKind::Predict {
            let loss = self.add_losses(&mut forward, layout)?;
            if training {
                self.add_updates(&mut forward, loss)?;
            }
        }
        let names = self.network.output_labels();
        for (name, &output) in names.iter().zip(&forward.outputs) {
            forward.graph.set_output(prediction_name(name), output);
        }
        for (i, mask) in forward.output_masks.iter().enumerate() {
            if let Some(mask) = mask.filter(|_| kind != StepKind::Predict) {
                forward.graph.set_output(format!("{MASK}{i}"), mask);
            }
        }
        Ok(forward.graph)
    }

    /// Adds targets and losses; the total is the weighted sum of the outputs' losses, the
    /// regularizers of all trainable weights, and what layers add.
    fn add_losses(&self, forward: &mut Forward, layout: &Layout) -> Result<ValueId, ModelError> {
        let compiled = self.compiled("fit")?;
        let graph = &mut forward.graph;
        let names = self.network.output_labels();
        let mut sample_weights = Vec::new();
        for (i, shape) in layout.sample_weight.iter().enumerate() {
            sample_weights.push(graph.input(weight_name(i), Shape::batched(shape))?);
        }
        let mut terms = Vec::new();
        let mut by_output = Vec::new();
        for (i, name) in names.iter().enumerate() {
            let y_true = graph.input(target_name(name), Shape::batched(&layout.y[i]))?;
            let Some(loss) = &compiled.losses[i] else { continue };
            let (y_pred, mask) = (forward.outputs[i], forward.output_masks[i]);
            let sample_weight = sample_weights.get(i).or(sample_weights.first()).copied();
            let outer = graph.set_scope(&format!("loss/{name}"));
            let (truth, prediction) = (graph.shape(y_true).sizes(1), graph.shape(y_pred).sizes(1));
            let value = loss
                .with(&truth, &prediction, |loss| {
                    loss.lower_masked(graph, y_true, y_pred, sample_weight, mask)
                })
                .map_err(|error| loss_error(name, error))?;
            if graph.shape(value).rank() != 0 {
                return Err(ModelError::Compile(format!(
                    "the loss of output `{name}` must be one number: choose another `reduction`"
                )));
            }
            terms.push(if loss.weight == 1.0 {
                value
            } else {
                graph.mul_scalar(value, loss.weight)?
            });
            by_output.push((name, value));
            graph.set_scope(&outer);
        }
        let outer = graph.set_scope("loss");
        for (weight, &value) in self.weights.iter().zip(&forward.weights) {
            if let Some(regularizer) = weight.spec.regularizer.as_ref().filter(|_| weight.trainable)
            {
                terms.push(regularizer.lower(graph, value)?);
            }
        }
        terms.append(&mut forward.losses);
        let mut total = terms[0];
        for &term in &terms[1..] {
            total = graph.add(total, term)?;
        }
        graph.set_scope(&outer);
        graph.set_output("loss", total);
        for (name, value) in by_output {
            graph.set_output(format!("loss/{name}"), value);
        }
        Ok(total)
    }

    /// Adds gradients, the optimizer's step, and the updates of weights and optimizer variables.
    fn add_updates(&self, forward: &mut Forward, loss: ValueId) -> Result<(), ModelError> {
        let compiled = self.compiled("fit")?;
        let optimizer = &*compiled.optimizer;
        let graph = &mut forward.graph;
        let scaled = match optimizer.settings().loss_scale_factor {
            Some(factor) => graph.mul_scalar(loss, factor)?,
            None => loss,
        };
        let trainable: Vec<usize> =
            (0..self.weights.len()).filter(|&i| self.weights[i].trainable).collect();
        let values: Vec<ValueId> = trainable.iter().map(|&i| forward.weights[i]).collect();
        let gradients = gradient(graph, scaled, &values)?;

        let outer = graph.set_scope(optimizer.name());
        let learning_rate = graph.input(LEARNING_RATE, Shape::scalar())?;
        let iteration = graph.input(ITERATION, Shape::scalar())?;
        let specs = self.optimizer_specs();
        let mut slots = Vec::new();
        for spec in &specs {
            let path = format!("{}/{}", optimizer.name(), spec.path);
            slots.push(graph.add_variable(path, spec.dims.clone()));
        }
        let state = slots.iter().map(|&id| graph.variable(id)).collect::<Result<Vec<_>, _>>()?;
        let constrain: Vec<Option<Box<Constrain>>> =
            trainable.iter().map(|&i| self.constrain(i)).collect();
        let params: Vec<Param<'_>> = trainable
            .iter()
            .enumerate()
            .map(|(position, &i)| Param {
                name: &self.weights[i].path,
                dims: &self.weights[i].spec.dims,
                // A layer may have replaced the weight before it used it.
                value: forward.updates.get(&i).copied().unwrap_or(values[position]),
                gradient: gradients[position],
                constraint: constrain[position].as_deref().map(|f| f as ConstraintFn<'_>),
            })
            .collect();
        let applied = apply(optimizer, graph, &params, &state, learning_rate, iteration)
            .map_err(|error| ModelError::Compile(format!("`{}`: {error}", optimizer.name())))?;
        graph.set_scope(&outer);

        for (&weight, value) in trainable.iter().zip(applied.params) {
            if let Some(value) = value {
                graph.set_update(forward.variables[weight], value)?;
            }
        }
        for ((&slot, value), before) in slots.iter().zip(applied.state).zip(state) {
            if value != before {
                graph.set_update(slot, value)?;
            }
        }
        let replaced = |weight: &usize| trainable.contains(weight);
        for (&weight, &value) in forward.updates.iter().filter(|(weight, _)| !replaced(weight)) {
            graph.set_update(forward.variables[weight], value)?;
        }
        Ok(())
    }

    fn constrain(&self, weight: usize) -> Option<Box<Constrain>> {
        let constraint = self.weights[weight].spec.constraint.clone()?;
        Some(Box::new(move |graph: &mut Graph, value| {
            constraint.lower(graph, value).map_err(Into::into)
        }))
    }
}

type Constrain = dyn Fn(&mut Graph, ValueId) -> Result<ValueId, LayerError>;

/// What the outputs of a step's graph that are masks are called, before the number of the model's
/// output.
const MASK: &str = "mask/";

/// What a step's graph calls the predictions of an output.
pub(crate) fn prediction_name(output: &str) -> String {
    format!("y_pred/{output}")
}

fn target_name(output: &str) -> String {
    format!("y_true/{output}")
}

fn weight_name(index: usize) -> String {
    format!("sample_weight/{index}")
}

fn loss_error(output: &str, error: LayerError) -> ModelError {
    match error {
        LayerError::InputShape { expected, got } => ModelError::data(
            format!("y (output `{output}`)"),
            expected,
            got.iter().map(|shape| shape.to_string()).collect::<Vec<_>>().join(" and "),
        ),
        LayerError::Graph(error @ GraphError::Shapes { .. }) => ModelError::data(
            format!("y (output `{output}`)"),
            "labels and weights that fit the predictions",
            error.to_string(),
        ),
        error => ModelError::Compile(format!("the loss of output `{output}`: {error}")),
    }
}
