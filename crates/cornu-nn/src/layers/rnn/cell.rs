use std::fmt::Debug;

use cornu_graph::ValueId;
use cornu_tensor::Shape;

use crate::layers::regularization::dropout_factors;
use crate::layers::{LowerCx, Sublayer, WeightSpec};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// What a recurrent layer does in one step.
pub trait Cell: Debug + Send + Sync {
    /// The class name of the layer made of it, such as `LSTM`.
    fn layer_name(&self) -> &'static str;

    /// Its own class name, such as `LSTMCell`.
    fn class_name(&self) -> &'static str;

    /// What it is called inside of the layer.
    fn sublayer(&self) -> Sublayer;

    /// Reads a layer's keys that are the cell's.
    ///
    /// # Errors
    ///
    /// What is wrong with a key.
    fn read(config: &mut ConfigReader) -> Result<Self, LayerError>
    where
        Self: Sized;

    /// Writes its keys.
    fn write(&self, config: ConfigWriter) -> ConfigWriter;

    /// Shapes of the states for steps of this shape.
    ///
    /// # Errors
    ///
    /// [`LayerError::InputShape`] if it takes no such steps.
    fn state_shapes(&self, step: &SymbolicShape) -> Result<Vec<SymbolicShape>, LayerError>;

    /// Shape of the output for steps of this shape: that of the first state.
    ///
    /// # Errors
    ///
    /// As for [`Cell::state_shapes`].
    fn output_shape(&self, step: &SymbolicShape) -> Result<SymbolicShape, LayerError> {
        Ok(self.state_shapes(step)?[0].clone())
    }

    /// Its weights for steps of this shape.
    ///
    /// # Errors
    ///
    /// [`LayerError::InputShape`] if a size is unknown.
    fn weights(&self, step: &SymbolicShape) -> Result<Vec<WeightSpec>, LayerError>;

    /// Shares of input and state that training drops.
    fn dropout(&self) -> [f64; 2] {
        [0.0; 2]
    }

    /// How many masks are drawn of each: one for each block of the weights, or one for all.
    fn n_masks(&self) -> usize {
        1
    }

    /// Masks for a whole sequence: they are the same in each step.
    ///
    /// # Errors
    ///
    /// [`LayerError::Graph`] if the graph refuses a node.
    fn draw(&self, cx: &mut LowerCx<'_>, step: &Shape) -> Result<Masks, LayerError> {
        let [of_input, of_state] = self.dropout();
        let state = self.state_shapes(&SymbolicShape::from_graph(step))?[0].clone();
        let state = state
            .to_graph()
            .ok_or_else(|| LayerError::input_shape("known sizes", std::slice::from_ref(&state)))?;
        Ok(Masks {
            input: draw(cx, of_input, self.n_masks(), step)?,
            state: draw(cx, of_state, self.n_masks(), &state)?,
            inner: Vec::new(),
        })
    }

    /// What can be computed for all steps `(samples, steps, ...)` at once; [`Cell::step`] then sees
    /// its steps.
    ///
    /// # Errors
    ///
    /// As for [`Cell::draw`].
    fn prepare(
        &self,
        cx: &mut LowerCx<'_>,
        weights: &[ValueId],
        sequence: ValueId,
        masks: &Masks,
    ) -> Result<ValueId, LayerError>;

    /// The output of a step, and the states after it.
    ///
    /// # Errors
    ///
    /// As for [`Cell::draw`].
    fn step(
        &self,
        cx: &mut LowerCx<'_>,
        weights: &[ValueId],
        prepared: ValueId,
        states: &[ValueId],
        masks: &Masks,
    ) -> Result<(ValueId, Vec<ValueId>), LayerError>;
}

/// Factors that drop elements of a cell's input and state; empty where nothing is dropped.
#[derive(Debug, Clone, Default)]
pub struct Masks {
    /// For the input.
    pub input: Vec<ValueId>,
    /// For the first state.
    pub state: Vec<ValueId>,
    /// For the cells of a stack.
    pub inner: Vec<Masks>,
}

impl Masks {
    /// The factor for block `index` of the input's weights: one for each, or one for all.
    pub(super) fn of(factors: &[ValueId], index: usize) -> Option<ValueId> {
        factors.get(index).or(factors.first()).copied()
    }
}

fn draw(
    cx: &mut LowerCx<'_>,
    rate: f64,
    n: usize,
    shape: &Shape,
) -> Result<Vec<ValueId>, LayerError> {
    // As in Keras a rate of 1 drops nothing.
    if !cx.training || rate <= 0.0 || 1.0 <= rate {
        return Ok(Vec::new());
    }
    (0..n).map(|_| dropout_factors(cx, rate, shape.clone())).collect()
}

/// `x` times a factor, if there is one.
pub(super) fn masked(
    cx: &mut LowerCx<'_>,
    x: ValueId,
    factor: Option<ValueId>,
) -> Result<ValueId, LayerError> {
    factor.map_or(Ok(x), |factor| Ok(cx.graph.mul(x, factor)?))
}
