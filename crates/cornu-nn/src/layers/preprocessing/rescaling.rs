use cornu_graph::ValueId;
use serde_json::{Map, Value};

use super::Numbers;
use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// `x * scale + offset`. Keras 3, keras/src/layers/preprocessing/rescaling.py.
#[derive(Debug, Clone, PartialEq)]
pub struct Rescaling {
    /// Factor: one number, or one for each channel.
    pub scale: Numbers,
    /// What is added. Default 0.
    pub offset: Numbers,
}

impl Rescaling {
    /// `x * scale`, such as `1.0 / 255.0` for bytes.
    pub fn new(scale: impl Into<Numbers>) -> Self {
        Self { scale: scale.into(), offset: Numbers::One(0.0) }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let missing = || LayerError::MissingKey("scale".to_owned());
        let scale = config.present("scale").ok_or_else(missing)?;
        let offset = config.present("offset").map(|value| Numbers::from_config("offset", &value));
        Ok(Self {
            scale: Numbers::from_config("scale", &scale)?,
            offset: offset.transpose()?.unwrap_or(Numbers::One(0.0)),
        })
    }
}

setters!(Rescaling { offset: Numbers });

impl Layer for Rescaling {
    fn class_name(&self) -> &'static str {
        "Rescaling"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("scale", self.scale.to_config())
            .set("offset", self.offset.to_config())
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let input = inputs::one(inputs)?;
        for (key, numbers) in [("scale", &self.scale), ("offset", &self.offset)] {
            let own = numbers.dims();
            let mut pairs = own.iter().rev().zip(input.dims().iter().rev());
            if input.rank() <= own.len()
                || pairs.any(|(own, n)| *own != 1 && n.is_some_and(|n| n != *own))
            {
                let expected = format!("one number, or one for each channel of {input}");
                return Err(LayerError::config(key, expected, numbers.to_config()));
            }
        }
        Ok(input.clone())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let scale = self.scale.constant(cx.graph)?;
        let y = cx.graph.mul(inputs[0], scale)?;
        if self.offset == Numbers::One(0.0) {
            return Ok(y);
        }
        let offset = self.offset.constant(cx.graph)?;
        Ok(cx.graph.add(y, offset)?)
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
