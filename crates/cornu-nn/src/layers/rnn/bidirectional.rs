use cornu_graph::ValueId;
use serde_json::{Map, Value, json};

use crate::layers::{CallArguments, Layer, LowerCx, Nested, WeightSpec};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// How [`Bidirectional`] joins both outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MergeMode {
    /// One after the other along the last axis.
    #[default]
    Concat,
    /// Their sum.
    Sum,
    /// Their product.
    Mul,
    /// Their mean.
    Ave,
    /// Not at all: two outputs.
    Separate,
}

impl MergeMode {
    /// Keras's word; `None` for two outputs.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Concat => Some("concat"),
            Self::Sum => Some("sum"),
            Self::Mul => Some("mul"),
            Self::Ave => Some("ave"),
            Self::Separate => None,
        }
    }

    fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        match config.value("merge_mode") {
            None => Ok(Self::Concat),
            Some(Value::Null) => Ok(Self::Separate),
            Some(value) => [Self::Concat, Self::Sum, Self::Mul, Self::Ave]
                .into_iter()
                .find(|mode| mode.name() == value.as_str())
                .ok_or_else(|| {
                    LayerError::config("merge_mode", "concat, sum, mul, ave or null", value)
                }),
        }
    }
}

/// A recurrent layer forwards and a second one backwards over the same sequence.
///
/// Input and initial states as for the layers, the states of the forward layer first. Result: both
/// outputs, that of the backward layer in the order of time, joined as `merge_mode` says; then the
/// last states of both with `return_state`. Weights: those of the forward layer, then of the backward
/// layer. Steps that a mask leaves out give 0. Keras 3, keras/src/layers/rnn/bidirectional.py.
#[derive(Debug, Clone)]
pub struct Bidirectional {
    /// Goes forwards.
    pub forward_layer: Nested,
    /// Goes backwards.
    pub backward_layer: Nested,
    /// How the outputs are joined. Default: one after the other.
    pub merge_mode: MergeMode,
}

impl Bidirectional {
    /// Two copies of this layer.
    ///
    /// # Errors
    ///
    /// If it is not a recurrent layer.
    pub fn new(layer: impl Layer + 'static) -> Result<Self, LayerError> {
        Self::of(Nested::new(layer), None, MergeMode::Concat)
    }

    /// Sets `merge_mode`.
    pub fn merge_mode(mut self, merge_mode: MergeMode) -> Self {
        self.merge_mode = merge_mode;
        self
    }

    fn of(
        layer: Nested,
        backward: Option<Nested>,
        merge_mode: MergeMode,
    ) -> Result<Self, LayerError> {
        let flag = |layer: &Nested, key: &str| layer.layer.config().get(key).map(|v| v == true);
        let (Some(sequences), Some(backwards)) =
            (flag(&layer, "return_sequences"), flag(&layer, "go_backwards"))
        else {
            let expected = "a recurrent layer";
            return Err(LayerError::config("layer", expected, layer.layer.class_name()));
        };
        let named = |layer: &Nested, prefix: &str| {
            let plain = layer.name.strip_prefix(prefix).unwrap_or(&layer.name);
            format!("{prefix}{plain}")
        };
        // Steps that are left out are 0 in a sequence, so that both directions are alike.
        let zero = ("zero_output_for_mask", json!(sequences));
        let forward = layer.with_config(std::slice::from_ref(&zero))?;
        let forward_layer = Nested { name: named(&layer, "forward_"), ..forward };
        let backward_layer = match backward {
            Some(backward) => backward.with_config(&[zero])?,
            None => {
                let backward = layer.with_config(&[zero, ("go_backwards", json!(true))])?;
                Nested { name: named(&layer, "backward_"), ..backward }
            }
        };
        if flag(&backward_layer, "go_backwards") == Some(backwards) {
            let expected = format!("go_backwards={}", !backwards);
            return Err(LayerError::config("backward_layer", expected, backwards));
        }
        for key in ["return_sequences", "return_state"] {
            if flag(&forward_layer, key) != flag(&backward_layer, key) {
                let expected = format!("the same `{key}` as the forward layer");
                return Err(LayerError::config("backward_layer", expected, "another"));
            }
        }
        Ok(Self { forward_layer, backward_layer, merge_mode })
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let layer = Nested::read(config, "layer")?;
        let backward = match config.present("backward_layer") {
            None => None,
            Some(object) => Some(Nested::from_object("backward_layer", &object)?),
        };
        Self::of(layer, backward, MergeMode::read(config)?)
    }

    fn returns(&self, key: &str) -> bool {
        self.forward_layer.layer.config().get(key).is_some_and(|value| value == true)
    }

    /// The sequence with the initial states of each direction.
    fn halves<T: Clone>(&self, inputs: &[T]) -> [Vec<T>; 2] {
        let Some((sequence, states)) = inputs.split_first() else { return [vec![], vec![]] };
        let (forward, backward) = states.split_at(states.len() / 2);
        [forward, backward].map(|states| [&[sequence.clone()][..], states].concat())
    }

    /// Outputs of both directions, without joining them.
    fn both_shapes(&self, inputs: &[SymbolicShape]) -> Result<[Vec<SymbolicShape>; 2], LayerError> {
        if inputs.len().is_multiple_of(2) {
            let expected = "a sequence and perhaps as many states for each direction";
            return Err(LayerError::input_shape(expected, inputs));
        }
        let [forward, backward] = self.halves(inputs);
        Ok([
            self.forward_layer.layer.output_shapes(&forward)?,
            self.backward_layer.layer.output_shapes(&backward)?,
        ])
    }
}

impl Layer for Bidirectional {
    fn class_name(&self) -> &'static str {
        "Bidirectional"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("merge_mode", json!(self.merge_mode.name()))
            .set("layer", self.forward_layer.to_object())
            .set("backward_layer", self.backward_layer.to_object())
            .finish()
    }

    fn built_config(&self, inputs: &[SymbolicShape]) -> Map<String, Value> {
        ConfigWriter::new()
            .set("merge_mode", json!(self.merge_mode.name()))
            .set("layer", self.forward_layer.to_built_object(inputs))
            .set("backward_layer", self.backward_layer.to_built_object(inputs))
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        Ok(self.output_shapes(inputs)?[0].clone())
    }

    fn output_shapes(&self, inputs: &[SymbolicShape]) -> Result<Vec<SymbolicShape>, LayerError> {
        let [forward, backward] = self.both_shapes(inputs)?;
        let (a, b) = (&forward[0], &backward[0]);
        let mut shapes = match self.merge_mode {
            MergeMode::Separate => vec![a.clone(), b.clone()],
            MergeMode::Concat => {
                vec![a.with_last(a.last().zip(b.last()).map(|(a, b)| a + b))]
            }
            _ if a == b => vec![a.clone()],
            mode => {
                let expected = format!("outputs {a} and {b} of one shape");
                let got = mode.name().unwrap_or_default();
                return Err(LayerError::config("merge_mode", expected, got));
            }
        };
        shapes.extend(forward[1..].iter().chain(&backward[1..]).cloned());
        Ok(shapes)
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        let [forward, backward] = self.halves(inputs);
        let mut weights = self.forward_layer.weights(&forward, "forward_layer")?;
        weights.extend(self.backward_layer.weights(&backward, "backward_layer")?);
        Ok(weights)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        Ok(self.lower_outputs(cx, inputs)?[0])
    }

    fn lower_outputs(
        &self,
        cx: &mut LowerCx<'_>,
        inputs: &[ValueId],
    ) -> Result<Vec<ValueId>, LayerError> {
        let shapes: Vec<SymbolicShape> =
            inputs.iter().map(|&x| SymbolicShape::from_graph(cx.graph.shape(x))).collect();
        let [forward_shapes, _] = self.halves(&shapes);
        let n_forward = self.forward_layer.layer.weights(&forward_shapes)?.len();
        let mut weights = cx.weights.to_vec();
        let (of_forward, of_backward) = weights.split_at_mut(n_forward);
        let call = CallArguments { masks: vec![cx.mask(0)], ..CallArguments::default() };
        let [forward, backward] = self.halves(inputs);
        let forward = self.forward_layer.lower(cx, &forward, of_forward, &call)?;
        let backward = self.backward_layer.lower(cx, &backward, of_backward, &call)?;
        let g = &mut *cx.graph;
        let a = forward[0];
        let b = match self.returns("return_sequences") {
            true => g.reverse(backward[0], 1)?,
            false => backward[0],
        };
        let mut outputs = match self.merge_mode {
            MergeMode::Separate => vec![a, b],
            MergeMode::Concat => {
                let last = g.shape(a).rank() - 1;
                vec![g.concat(&[a, b], last)?]
            }
            MergeMode::Sum => vec![g.add(a, b)?],
            MergeMode::Mul => vec![g.mul(a, b)?],
            MergeMode::Ave => {
                let sum = g.add(a, b)?;
                vec![g.mul_scalar(sum, 0.5)?]
            }
        };
        outputs.extend(forward[1..].iter().chain(&backward[1..]));
        Ok(outputs)
    }

    fn output_mask(
        &self,
        cx: &mut LowerCx<'_>,
        _inputs: &[ValueId],
    ) -> Result<Option<ValueId>, LayerError> {
        Ok(cx.mask(0).filter(|_| self.returns("return_sequences")))
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
