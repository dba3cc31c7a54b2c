use cornu_graph::ValueId;
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value, json};

use super::{check_rate, drop};
use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, zeroes a share `rate` of the elements and divides the others by `1 - rate`; else
/// the identity. Keras 3, keras/src/layers/regularization/dropout.py.
#[derive(Debug, Clone, PartialEq)]
pub struct Dropout {
    /// Share of elements that is dropped, 0 to 1.
    pub rate: f64,
    /// Shape of the mask, which is broadcast: 1 drops along an axis together, `None` is the input's
    /// size. On the first axis, the samples', any other number means their number. Default: the
    /// input's shape.
    pub noise_shape: Option<Vec<Option<usize>>>,
    /// Kept for the configuration: the numbers come from the model's seed and the layer's place in
    /// it, so that they do not depend on other models.
    pub seed: Option<u64>,
}

impl Dropout {
    /// Drops a share `rate`.
    pub fn new(rate: f64) -> Self {
        Self { rate, noise_shape: None, seed: None }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let noise_shape = config.present("noise_shape").map(|value| {
            let size = |v: &Value| match v {
                Value::Null => Some(None),
                v => v.as_u64().map(|n| Some(n as usize)),
            };
            value.as_array().and_then(|sizes| sizes.iter().map(size).collect()).ok_or_else(|| {
                LayerError::config("noise_shape", "a list of sizes, null as in the input", &value)
            })
        });
        Ok(Self {
            rate: config.number("rate")?,
            noise_shape: noise_shape.transpose()?,
            seed: config.seed()?,
        })
    }

    /// The mask's shape for an input of this shape.
    pub(super) fn mask_shape(&self, input: &Shape) -> Shape {
        let Some(noise_shape) = &self.noise_shape else { return input.clone() };
        let dims = noise_shape.iter().zip(input.dims()).map(|(size, &dim)| match (size, dim) {
            (Some(1), _) => Dim::Fixed(1),
            // Either unknown before, or checked to be the same.
            _ => dim,
        });
        Shape::new(dims.collect::<Vec<_>>())
    }

    /// The mask has the input's axes, each of its size or 1.
    fn check_noise_shape(&self, input: &SymbolicShape) -> Result<(), LayerError> {
        let Some(noise_shape) = &self.noise_shape else { return Ok(()) };
        let fits = noise_shape.len() == input.rank()
            && noise_shape.iter().zip(input.dims()).enumerate().all(|(axis, (mask, size))| {
                axis == 0 || matches!(mask, None | Some(1)) || mask == size
            });
        if fits {
            return Ok(());
        }
        let expected = format!("1, null or the input's size for each axis of {input}");
        Err(LayerError::config("noise_shape", expected, json!(noise_shape)))
    }
}

setters!(Dropout { noise_shape: Option<Vec<Option<usize>>>, seed: Option<u64>, });

impl Layer for Dropout {
    fn class_name(&self) -> &'static str {
        "Dropout"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("rate", self.rate)
            .set("seed", self.seed)
            .set("noise_shape", json!(self.noise_shape))
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        check_rate("rate", self.rate)?;
        let input = inputs::one(inputs)?;
        self.check_noise_shape(input)?;
        Ok(input.clone())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let mask_shape = self.mask_shape(cx.graph.shape(inputs[0]));
        drop(cx, inputs[0], self.rate, mask_shape)
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
