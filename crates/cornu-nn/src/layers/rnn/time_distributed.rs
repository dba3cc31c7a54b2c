use cornu_graph::ValueId;
use serde_json::{Map, Value};

use super::recurrent::{MAX_STEPS, stack, step_of};
use crate::layers::{CallArguments, Layer, LowerCx, Nested, WeightSpec};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// A layer applied to each step by itself.
///
/// Input `(samples, steps, ...)`, at most [`MAX_STEPS`] steps; result `(samples, steps, *out)` where
/// `out` is what the layer makes of a step. Weights: the layer's. As in Keras its activity
/// regularizer counts for nothing here. Keras 3, keras/src/layers/rnn/time_distributed.py.
#[derive(Debug, Clone)]
pub struct TimeDistributed {
    /// What each step goes through.
    pub layer: Nested,
}

impl TimeDistributed {
    /// Of this layer.
    pub fn new(layer: impl Layer + 'static) -> Self {
        Self { layer: Nested::new(layer) }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self { layer: Nested::read(config, "layer")? })
    }

    /// The shape of a step, and the number of steps.
    fn step(&self, inputs: &[SymbolicShape]) -> Result<(SymbolicShape, Option<usize>), LayerError> {
        match inputs {
            [input] if 3 <= input.rank() => {
                let (steps, mut dims) = (input.dims()[1], input.dims().to_vec());
                if steps.is_some_and(|steps| steps == 0 || MAX_STEPS < steps) {
                    let expected = format!("1 to {MAX_STEPS} steps");
                    return Err(LayerError::input_shape(expected, inputs));
                }
                dims.remove(1);
                Ok((SymbolicShape::new(dims), steps))
            }
            _ => Err(LayerError::input_shape("a sequence (samples, steps, ...)", inputs)),
        }
    }
}

impl Layer for TimeDistributed {
    fn class_name(&self) -> &'static str {
        "TimeDistributed"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("layer", self.layer.to_object()).finish()
    }

    fn built_config(&self, inputs: &[SymbolicShape]) -> Map<String, Value> {
        match self.step(inputs) {
            Ok((step, _)) => {
                ConfigWriter::new().set("layer", self.layer.to_built_object(&[step])).finish()
            }
            Err(_) => self.config(),
        }
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let (step, steps) = self.step(inputs)?;
        let mut dims = self.layer.layer.output_shape(&[step])?.dims().to_vec();
        dims.insert(1, steps);
        Ok(SymbolicShape::new(dims))
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        self.layer.weights(&[self.step(inputs)?.0], "layer")
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let steps = cx.graph.shape(inputs[0]).dims()[1].size(1);
        let mut weights = cx.weights.to_vec();
        let n_losses = cx.losses.len();
        let mut all = Vec::with_capacity(steps);
        for at in 0..steps {
            let x = step_of(cx.graph, inputs[0], at)?;
            let mask = match cx.mask(0) {
                // A mask of the steps alone says nothing within one.
                Some(mask) if 2 < cx.graph.shape(mask).rank() => Some(step_of(cx.graph, mask, at)?),
                _ => None,
            };
            let call = CallArguments { masks: vec![mask], ..CallArguments::default() };
            all.push(self.layer.lower(cx, &[x], &mut weights, &call)?[0]);
        }
        cx.losses.truncate(n_losses);
        for (position, (&before, &after)) in cx.weights.iter().zip(&weights).enumerate() {
            if before != after {
                cx.weight_updates.push((position, after));
            }
        }
        Ok(stack(cx.graph, &all)?)
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
