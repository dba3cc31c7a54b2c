use cornu_graph::ValueId;

use super::LowerCx;
use crate::{Activation, LayerError, Regularizer};

/// What follows a layer's weighted sum: `activation(y + bias)`, and the penalty on the result.
pub(super) fn finish(
    cx: &mut LowerCx<'_>,
    mut y: ValueId,
    bias: Option<ValueId>,
    activation: Activation,
    activity_regularizer: Option<Regularizer>,
) -> Result<ValueId, LayerError> {
    if let Some(bias) = bias {
        y = cx.graph.add(y, bias)?;
    }
    y = activation.lower(cx.graph, y)?;
    if let Some(regularizer) = activity_regularizer {
        penalise(cx, regularizer, y)?;
    }
    Ok(y)
}

/// Adds the penalty on `y` to the losses. As in Keras it is divided by the number of samples.
pub(super) fn penalise(
    cx: &mut LowerCx<'_>,
    regularizer: Regularizer,
    y: ValueId,
) -> Result<(), LayerError> {
    let sum = regularizer.lower(cx.graph, y)?;
    let samples = cx.graph.batch_size()?;
    let loss = cx.graph.div(sum, samples)?;
    cx.losses.push(loss);
    Ok(())
}
