use cornu_graph::ValueId;
use cornu_graph::ops::ReduceKind;
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value};

use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// The inputs one after the other along an axis. Keras 3, keras/src/layers/merging/concatenate.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concatenate {
    /// Which axis, not the samples'. Default: the last.
    pub axis: i64,
}

impl Default for Concatenate {
    fn default() -> Self {
        Self::new()
    }
}

impl Concatenate {
    /// Along the last axis.
    pub fn new() -> Self {
        Self { axis: -1 }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self { axis: config.integer_or("axis", -1)? })
    }
}

setters!(Concatenate { axis: i64 });

impl Layer for Concatenate {
    fn class_name(&self) -> &'static str {
        "Concatenate"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("axis", self.axis).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let first =
            inputs.first().ok_or_else(|| LayerError::input_shape("at least one tensor", inputs))?;
        let axis = inputs::sample_axis(first, self.axis)?;
        let mut dims = first.dims().to_vec();
        let mut total = Some(0);
        for input in inputs {
            if input.rank() != dims.len() {
                return Err(LayerError::input_shape("tensors of one rank", inputs));
            }
            total = total.zip(input.dims()[axis]).map(|(sum, size)| sum + size);
            for (other, (dim, &size)) in dims.iter_mut().zip(input.dims()).enumerate() {
                if other != axis && dim.is_some() && size.is_some() && *dim != size {
                    let expected = format!("shapes alike but for axis {}", self.axis);
                    return Err(LayerError::input_shape(expected, inputs));
                }
                *dim = dim.or(size);
            }
        }
        dims[axis] = total;
        Ok(SymbolicShape::new(dims))
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let shape = SymbolicShape::from_graph(cx.graph.shape(inputs[0]));
        let axis = inputs::sample_axis(&shape, self.axis)?;
        Ok(cx.graph.concat(inputs, axis)?)
    }

    fn output_mask(
        &self,
        cx: &mut LowerCx<'_>,
        inputs: &[ValueId],
    ) -> Result<Option<ValueId>, LayerError> {
        if (0..inputs.len()).all(|input| cx.mask(input).is_none()) {
            return Ok(None);
        }
        let mut masks = Vec::with_capacity(inputs.len());
        for (index, &input) in inputs.iter().enumerate() {
            let shape = cx.graph.shape(input).clone();
            let mut mask = match cx.mask(index) {
                Some(mask) => mask,
                None => cx.graph.scalar(1.0)?,
            };
            let mask_shape = cx.graph.shape(mask).clone();
            if (1..shape.rank()).contains(&mask_shape.rank()) {
                let mut dims = mask_shape.dims().to_vec();
                dims.push(Dim::Fixed(1));
                mask = cx.graph.reshape(mask, Shape::new(dims))?;
            }
            masks.push(cx.graph.broadcast_to(mask, shape)?);
        }
        let shape = SymbolicShape::from_graph(cx.graph.shape(inputs[0]));
        let axis = inputs::sample_axis(&shape, self.axis)?;
        let joined = cx.graph.concat(&masks, axis)?;
        Ok(Some(cx.graph.reduce(ReduceKind::Max, joined, &[shape.rank() - 1], false)?))
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn takes_list(&self) -> bool {
        true
    }
}
