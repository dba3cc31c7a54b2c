//! What layers ask of their inputs' shapes.

use crate::{LayerError, SymbolicShape};

/// The one input of a layer that takes one.
pub(super) fn one(inputs: &[SymbolicShape]) -> Result<&SymbolicShape, LayerError> {
    match inputs {
        [input] if 1 <= input.rank() => Ok(input),
        _ => Err(LayerError::input_shape("one tensor of samples", inputs)),
    }
}

/// The one input, which has at least `rank` axes.
pub(super) fn at_least(
    inputs: &[SymbolicShape],
    rank: usize,
) -> Result<&SymbolicShape, LayerError> {
    one(inputs).ok().filter(|input| rank <= input.rank()).ok_or_else(|| {
        LayerError::input_shape(format!("one tensor of at least {rank} axes"), inputs)
    })
}

/// The one input, which has exactly `rank` axes.
pub(super) fn of_rank(inputs: &[SymbolicShape], rank: usize) -> Result<&SymbolicShape, LayerError> {
    one(inputs)
        .ok()
        .filter(|input| rank == input.rank())
        .ok_or_else(|| LayerError::input_shape(format!("one tensor of {rank} axes"), inputs))
}

/// Size of `axis`, which a weight depends on.
pub(super) fn known(input: &SymbolicShape, axis: usize) -> Result<usize, LayerError> {
    input.dims()[axis].ok_or_else(|| {
        LayerError::input_shape(format!("a known size on axis {axis}"), std::slice::from_ref(input))
    })
}

/// `axis` from the front; negative ones count from the end. The samples' axis does not count.
pub(super) fn sample_axis(input: &SymbolicShape, axis: i64) -> Result<usize, LayerError> {
    crate::shape::resolve_axis(axis, input.rank()).filter(|&axis| 0 < axis).ok_or_else(|| {
        LayerError::input_shape(
            format!("an axis {axis} that is not the samples'"),
            std::slice::from_ref(input),
        )
    })
}

/// Several such axes, rising, each once.
pub(super) fn sample_axes(input: &SymbolicShape, axes: &[i64]) -> Result<Vec<usize>, LayerError> {
    let mut from_front =
        axes.iter().map(|&axis| sample_axis(input, axis)).collect::<Result<Vec<_>, _>>()?;
    from_front.sort_unstable();
    from_front.dedup();
    Ok(from_front)
}
