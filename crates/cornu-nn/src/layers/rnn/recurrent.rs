use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value, json};

use super::cell::Cell;
use crate::layers::{Layer, LowerCx, WeightSpec, inputs, output};
use crate::{ConfigReader, ConfigWriter, LayerError, Regularizer, SymbolicShape};

/// The longest sequence that a recurrent layer is unrolled for.
pub const MAX_STEPS: usize = 1024;

/// What a recurrent layer does with the states of its cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecurrentSettings {
    /// Whether the outputs of all steps are returned, not only the last. Default: false.
    pub return_sequences: bool,
    /// Whether the last states are outputs, too. Default: false.
    pub return_state: bool,
    /// Whether the last step comes first; the outputs are in the order of the steps. Default: false.
    pub go_backwards: bool,
    /// Kept for the configuration: Cornu always unrolls. Default: false.
    pub unroll: bool,
    /// Whether outputs of steps that a mask leaves out are 0, not those of the step before. Default:
    /// false.
    pub zero_output_for_mask: bool,
}

/// A cell over time.
///
/// Input `(samples, steps, ...)`, at most [`MAX_STEPS`] steps; further inputs are the states to begin
/// with, which are else zeros. Result: the cell's output after the last step `(samples, ...)`, or
/// `(samples, steps, ...)` with `return_sequences`; then the last states with `return_state`. A step
/// that the mask leaves out changes no state and repeats the output before (0 in the first). Weights:
/// the cell's. `stateful` is not supported. Keras 3, keras/src/layers/rnn/rnn.py.
#[derive(Debug, Clone, PartialEq)]
pub struct Recurrent<C> {
    /// What is done in each step.
    pub cell: C,
    /// What becomes of its states.
    pub settings: RecurrentSettings,
    /// Penalty on the results, divided by the number of samples.
    pub activity_regularizer: Option<Regularizer>,
}

impl<C> Recurrent<C> {
    /// This cell, forwards, to its last output.
    pub fn of(cell: C) -> Self {
        Self { cell, settings: RecurrentSettings::default(), activity_regularizer: None }
    }

    /// Sets `return_sequences`.
    pub fn return_sequences(mut self, return_sequences: bool) -> Self {
        self.settings.return_sequences = return_sequences;
        self
    }

    /// Sets `return_state`.
    pub fn return_state(mut self, return_state: bool) -> Self {
        self.settings.return_state = return_state;
        self
    }

    /// Sets `go_backwards`.
    pub fn go_backwards(mut self, go_backwards: bool) -> Self {
        self.settings.go_backwards = go_backwards;
        self
    }

    /// Sets `zero_output_for_mask`.
    pub fn zero_output_for_mask(mut self, zero: bool) -> Self {
        self.settings.zero_output_for_mask = zero;
        self
    }

    /// Sets `activity_regularizer`.
    pub fn activity_regularizer(mut self, regularizer: impl Into<Option<Regularizer>>) -> Self {
        self.activity_regularizer = regularizer.into();
        self
    }
}

impl<C: Cell> Recurrent<C> {
    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        config.only("stateful", &[json!(false)], "feed whole sequences")?;
        config.only("time_major", &[json!(false)], "the samples' axis comes first")?;
        config.ignore(&["use_cudnn"]);
        Ok(Self {
            settings: RecurrentSettings {
                return_sequences: config.bool_or("return_sequences", false)?,
                return_state: config.bool_or("return_state", false)?,
                go_backwards: config.bool_or("go_backwards", false)?,
                unroll: config.bool_or("unroll", false)?,
                zero_output_for_mask: config.bool_or("zero_output_for_mask", false)?,
            },
            activity_regularizer: config.regularizer("activity_regularizer")?,
            cell: C::read(config)?,
        })
    }

    /// The shape of one step and the number of steps.
    fn step_shape(
        &self,
        inputs: &[SymbolicShape],
    ) -> Result<(SymbolicShape, Option<usize>), LayerError> {
        let wrong = || LayerError::input_shape("a sequence (samples, steps, ...)", inputs);
        let [samples, steps, step @ ..] = inputs.first().ok_or_else(wrong)?.dims() else {
            return Err(wrong());
        };
        if step.is_empty() || *steps == Some(0) {
            return Err(wrong());
        }
        if steps.is_some_and(|steps| MAX_STEPS < steps) {
            let expected = format!("at most {MAX_STEPS} steps: recurrent layers are unrolled");
            return Err(LayerError::input_shape(expected, inputs));
        }
        let step = SymbolicShape::new([&[*samples], step].concat());
        Ok((step, *steps))
    }
}

impl<C: Cell + 'static> Layer for Recurrent<C> {
    fn class_name(&self) -> &'static str {
        self.cell.layer_name()
    }

    fn config(&self) -> Map<String, Value> {
        let settings = &self.settings;
        let config = ConfigWriter::new()
            .set("return_sequences", settings.return_sequences)
            .set("return_state", settings.return_state)
            .set("go_backwards", settings.go_backwards)
            .set("stateful", false)
            .set("unroll", settings.unroll)
            .set("zero_output_for_mask", settings.zero_output_for_mask);
        let config = self.cell.write(config);
        match (self.class_name(), self.activity_regularizer) {
            // Keras's RNN layer does not write its regularizer unless it has one.
            ("RNN", None) => config.finish(),
            (_, regularizer) => {
                config.set("activity_regularizer", regularizer.map(|r| r.to_config())).finish()
            }
        }
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let (step, steps) = self.step_shape(inputs)?;
        let states = self.cell.state_shapes(&step)?;
        if inputs.len() != 1 && inputs.len() != 1 + states.len() {
            let expected = format!("a sequence and perhaps {} states", states.len());
            return Err(LayerError::input_shape(expected, inputs));
        }
        let output = self.cell.output_shape(&step)?;
        if !self.settings.return_sequences {
            return Ok(output);
        }
        let mut dims = output.dims().to_vec();
        dims.insert(1, steps);
        Ok(SymbolicShape::new(dims))
    }

    fn output_shapes(&self, inputs: &[SymbolicShape]) -> Result<Vec<SymbolicShape>, LayerError> {
        let mut shapes = vec![self.output_shape(inputs)?];
        if self.settings.return_state {
            shapes.extend(self.cell.state_shapes(&self.step_shape(inputs)?.0)?);
        }
        Ok(shapes)
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        let (step, _) = self.step_shape(inputs)?;
        self.cell.state_shapes(&step)?;
        let specs = self.cell.weights(&step)?;
        Ok(specs.into_iter().map(|spec| spec.of_sublayer(self.cell.sublayer())).collect())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        Ok(self.lower_outputs(cx, inputs)?[0])
    }

    fn lower_outputs(
        &self,
        cx: &mut LowerCx<'_>,
        inputs: &[ValueId],
    ) -> Result<Vec<ValueId>, LayerError> {
        let sequence = inputs[0];
        let shape = cx.graph.shape(sequence).clone();
        let steps = shape.dims()[1].size(1);
        let symbolic = SymbolicShape::from_graph(&shape);
        let (step_shape, _) = self.step_shape(&[symbolic])?;
        let known = |shape: &SymbolicShape| {
            shape
                .to_graph()
                .ok_or_else(|| LayerError::input_shape("known sizes", std::slice::from_ref(shape)))
        };
        let output_shape = known(&self.cell.output_shape(&step_shape)?)?;
        let state_shapes = self.cell.state_shapes(&step_shape)?;
        let step_dims: Vec<Dim> =
            shape.dims()[..1].iter().chain(&shape.dims()[2..]).copied().collect();
        let masks = self.cell.draw(cx, &Shape::new(step_dims))?;
        let weights = cx.weights.to_vec();
        let prepared = self.cell.prepare(cx, &weights, sequence, &masks)?;

        let zero = cx.graph.scalar(0.0)?;
        let mut states = Vec::with_capacity(state_shapes.len());
        for (index, shape) in state_shapes.iter().enumerate() {
            states.push(match inputs.get(1 + index) {
                Some(&given) => given,
                None => cx.graph.broadcast_to(zero, known(shape)?)?,
            });
        }
        // Before the first step a masked output is 0.
        let mut shown = cx.graph.broadcast_to(zero, output_shape)?;
        let mut all = Vec::with_capacity(steps);
        for number in 0..steps {
            let at = if self.settings.go_backwards { steps - 1 - number } else { number };
            let x = step_of(cx.graph, prepared, at)?;
            let (y, new) = self.cell.step(cx, &weights, x, &states, &masks)?;
            let Some(mask) = cx.mask(0) else {
                shown = y;
                states = new;
                all.push(shown);
                continue;
            };
            let other = if self.settings.zero_output_for_mask { zero } else { shown };
            shown = where_seen(cx.graph, mask, at, y, other)?;
            for (state, new) in states.iter_mut().zip(new) {
                *state = where_seen(cx.graph, mask, at, new, *state)?;
            }
            all.push(shown);
        }
        let mut outputs = vec![match self.settings.return_sequences {
            true => stack(cx.graph, &all)?,
            false => shown,
        }];
        if self.settings.return_state {
            outputs.extend(states);
        }
        if let Some(regularizer) = self.activity_regularizer {
            for &y in &outputs {
                output::penalise(cx, regularizer, y)?;
            }
        }
        Ok(outputs)
    }

    fn output_mask(
        &self,
        cx: &mut LowerCx<'_>,
        _inputs: &[ValueId],
    ) -> Result<Option<ValueId>, LayerError> {
        Ok(cx.mask(0).filter(|_| self.settings.return_sequences))
    }

    fn supports_masking(&self) -> bool {
        true
    }
}

/// `(samples, units)` for steps `(samples, n)`.
pub(super) fn units_shape(step: &SymbolicShape, units: usize) -> Result<SymbolicShape, LayerError> {
    if step.rank() != 2 {
        let expected = "steps (samples, features) of a sequence (samples, steps, features)";
        return Err(LayerError::input_shape(expected, std::slice::from_ref(step)));
    }
    Ok(inputs::one(std::slice::from_ref(step))?.with_last(Some(units)))
}

/// Step `at` of `(samples, steps, ...)`.
pub(super) fn step_of(g: &mut Graph, x: ValueId, at: usize) -> Result<ValueId, GraphError> {
    let step = g.slice(x, 1, at, 1, 1)?;
    let mut dims = g.shape(step).dims().to_vec();
    dims.remove(1);
    g.reshape(step, Shape::new(dims))
}

/// Steps `(samples, ...)` next to one another: `(samples, steps, ...)`.
pub(super) fn stack(g: &mut Graph, steps: &[ValueId]) -> Result<ValueId, GraphError> {
    let mut lines = Vec::with_capacity(steps.len());
    for &step in steps {
        let mut dims = g.shape(step).dims().to_vec();
        dims.insert(1, Dim::Fixed(1));
        lines.push(g.reshape(step, Shape::new(dims))?);
    }
    g.concat(&lines, 1)
}

/// `seen` for the samples whose step `at` is not masked, `other` for the rest.
fn where_seen(
    g: &mut Graph,
    mask: ValueId,
    at: usize,
    seen: ValueId,
    other: ValueId,
) -> Result<ValueId, GraphError> {
    let step = g.slice(mask, 1, at, 1, 1)?;
    let mut dims = vec![Dim::Fixed(1); g.shape(seen).rank()];
    dims[0] = g.shape(step).dims()[0];
    let step = g.reshape(step, Shape::new(dims))?;
    g.select(step, seen, other)
}
