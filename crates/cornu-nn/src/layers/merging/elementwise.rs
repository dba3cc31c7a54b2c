//! Layers that combine the elements at the same place. The inputs are broadcast to one another;
//! where one has fewer axes, the missing ones are put after the samples' axis.
//!
//! Keras 3, keras/src/layers/merging/base_merge.py.

use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value};

use crate::layers::{Layer, LowerCx};
use crate::{ConfigReader, LayerError, SymbolicShape};

macro_rules! elementwise {
    ($($(#[$doc:meta])* $layer:ident: $inputs:expr, $lower:expr);* $(;)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $layer;

        impl $layer {
            /// Without arguments.
            pub fn new() -> Self {
                Self
            }

            pub(crate) fn from_config(_config: &mut ConfigReader) -> Result<Self, LayerError> {
                Ok(Self)
            }
        }

        impl Layer for $layer {
            fn class_name(&self) -> &'static str {
                stringify!($layer)
            }

            fn config(&self) -> Map<String, Value> {
                Map::new()
            }

            fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
                let allowed: NumberOfInputs = $inputs;
                allowed.check(inputs)?;
                merged_shape(inputs)
            }

            fn lower(
                &self,
                cx: &mut LowerCx<'_>,
                inputs: &[ValueId],
            ) -> Result<ValueId, LayerError> {
                let inputs = of_one_rank(cx.graph, inputs)?;
                let lower: fn(&mut Graph, &[ValueId]) -> Result<ValueId, GraphError> = $lower;
                Ok(lower(cx.graph, &inputs)?)
            }

            fn takes_list(&self) -> bool {
                true
            }

            fn supports_masking(&self) -> bool {
                true
            }

            fn output_mask(
                &self,
                cx: &mut LowerCx<'_>,
                inputs: &[ValueId],
            ) -> Result<Option<ValueId>, LayerError> {
                either_mask(cx, inputs.len())
            }
        }
    )*};
}

elementwise! {
    /// The sum of the inputs.
    Add: NumberOfInputs::Several, |g, inputs| fold(g, inputs, Graph::add);
    /// The first input less the second.
    Subtract: NumberOfInputs::Two, |g, inputs| fold(g, inputs, Graph::sub);
    /// The product of the inputs.
    Multiply: NumberOfInputs::Several, |g, inputs| fold(g, inputs, Graph::mul);
    /// The mean of the inputs.
    Average: NumberOfInputs::Several, |g, inputs| {
        let sum = fold(g, inputs, Graph::add)?;
        g.mul_scalar(sum, 1.0 / inputs.len() as f64)
    };
    /// The largest of the inputs; the gradient of a tie goes to the first.
    Maximum: NumberOfInputs::Several, |g, inputs| fold(g, inputs, Graph::max);
    /// The smallest of the inputs; the gradient of a tie goes to the first.
    Minimum: NumberOfInputs::Several, |g, inputs| fold(g, inputs, Graph::min);
}

/// Where any of the inputs is to be looked at; nothing if one has no mask.
fn either_mask(cx: &mut LowerCx<'_>, n: usize) -> Result<Option<ValueId>, LayerError> {
    let Some(masks) = (0..n).map(|input| cx.mask(input)).collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    Ok(Some(fold(cx.graph, &masks, Graph::or)?))
}

/// How many inputs a layer takes.
#[derive(Clone, Copy, PartialEq)]
enum NumberOfInputs {
    Two,
    /// At least two.
    Several,
}

impl NumberOfInputs {
    fn check(self, inputs: &[SymbolicShape]) -> Result<(), LayerError> {
        let (fits, expected) = match self {
            Self::Two => (inputs.len() == 2, "two tensors"),
            Self::Several => (2 <= inputs.len(), "at least two tensors"),
        };
        if fits { Ok(()) } else { Err(LayerError::input_shape(expected, inputs)) }
    }
}

/// `f(f(inputs[0], inputs[1]), inputs[2])` and so on.
fn fold(
    g: &mut Graph,
    inputs: &[ValueId],
    f: fn(&mut Graph, ValueId, ValueId) -> Result<ValueId, GraphError>,
) -> Result<ValueId, GraphError> {
    inputs[1..].iter().try_fold(inputs[0], |before, &next| f(g, before, next))
}

/// The shape that all broadcast to.
fn merged_shape(inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
    let wrong = || LayerError::input_shape("shapes that broadcast to one another", inputs);
    let rank = inputs.iter().map(SymbolicShape::rank).max().unwrap_or(0);
    let mut merged = vec![Some(1); rank];
    for input in inputs {
        let dims = input.dims();
        let samples = dims.first().ok_or_else(wrong)?;
        let missing = rank - dims.len();
        let padded = std::iter::once(samples)
            .chain(std::iter::repeat_n(&Some(1), missing))
            .chain(&dims[1..]);
        for (merged, &size) in merged.iter_mut().zip(padded) {
            *merged = match (*merged, size) {
                (a, b) if a == b => a,
                (Some(1), other) | (other, Some(1)) => other,
                // The known size; the other must turn out to be the same or 1.
                (None, known) | (known, None) => known,
                _ => return Err(wrong()),
            };
        }
    }
    // The samples' axis is never made of a single one.
    merged[0] = if inputs.iter().any(|input| input.dims()[0].is_none()) { None } else { merged[0] };
    Ok(SymbolicShape::new(merged))
}

/// All inputs with as many axes as the largest has.
fn of_one_rank(g: &mut Graph, inputs: &[ValueId]) -> Result<Vec<ValueId>, GraphError> {
    let rank = inputs.iter().map(|&input| g.shape(input).rank()).max().unwrap_or(0);
    inputs
        .iter()
        .map(|&input| {
            let dims = g.shape(input).dims().to_vec();
            let missing = vec![Dim::Fixed(1); rank - dims.len()];
            let padded: Vec<Dim> =
                dims[..1].iter().chain(&missing).chain(&dims[1..]).copied().collect();
            g.reshape(input, Shape::new(padded))
        })
        .collect()
}
