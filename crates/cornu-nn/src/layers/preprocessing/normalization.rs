use cornu_graph::ValueId;
use cornu_tensor::{Array, Dim, Shape, Tensor, row_major_strides};
use serde_json::{Map, Value, json};

use super::Numbers;
use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, WeightSpec, inputs};
use crate::{ConfigReader, ConfigWriter, Initializer, LayerError, SymbolicShape};

/// Least deviation that is divided by.
const EPSILON: f64 = 1e-7;

/// `(x - mean) / max(sqrt(variance), 1e-7)`, or back again if `invert`.
///
/// Mean and variance are given, or taken from data beforehand by [`Normalization::adapt`]; then they
/// are the weights `mean`, `variance` and `count` (none of them trainable). Keras 3,
/// keras/src/layers/preprocessing/normalization.py.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalization {
    /// Axes with a mean and variance of their own for each position; empty for one for all.
    /// Default: the last.
    pub axis: Vec<i64>,
    /// Given mean, for all, or nested as the axes or the last of them are.
    pub mean: Option<Numbers>,
    /// Given variance.
    pub variance: Option<Numbers>,
    /// Whether to undo what the layer does otherwise. Default: false.
    pub invert: bool,
}

impl Default for Normalization {
    fn default() -> Self {
        Self::new()
    }
}

impl Normalization {
    /// For each position of the last axis, to be adapted to data.
    pub fn new() -> Self {
        Self { axis: vec![-1], mean: None, variance: None, invert: false }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let axis = match config.value("axis") {
            Some(Value::Null) => Vec::new(),
            _ => config.integers_or("axis", &[-1])?,
        };
        let mut numbers = |key: &str| {
            config.present(key).map(|value| Numbers::from_config(key, &value)).transpose()
        };
        let (mean, variance) = (numbers("mean")?, numbers("variance")?);
        if mean.is_some() != variance.is_some() {
            return Err(LayerError::MissingKey("mean and variance: both or neither".to_owned()));
        }
        Ok(Self { axis, mean, variance, invert: config.bool_or("invert", false)? })
    }

    /// Sizes of mean and variance.
    fn dims(&self, input: &SymbolicShape) -> Result<Vec<usize>, LayerError> {
        inputs::sample_axes(input, &self.axis)?
            .into_iter()
            .map(|axis| inputs::known(input, axis))
            .collect()
    }

    /// The weights `mean`, `variance` (of all elements, not one less) and `count` for `data`, whose
    /// first axis is the samples.
    ///
    /// # Errors
    ///
    /// [`LayerError::InputShape`] if the data lack an axis or a sample.
    pub fn adapt(&self, data: &Tensor) -> Result<[Tensor; 3], LayerError> {
        let input = SymbolicShape::batched(data.dims().get(1..).unwrap_or(&[]));
        let axes = inputs::sample_axes(&input, &self.axis)?;
        let dims = self.dims(&input)?;
        let n_kept: usize = dims.iter().product();
        if data.is_empty() {
            return Err(LayerError::input_shape("at least one sample to adapt to", &[input]));
        }
        let (strides, kept) = (row_major_strides(data.dims()), row_major_strides(&dims));
        let group = |i: usize| -> usize {
            axes.iter().zip(&kept).map(|(&axis, s)| i / strides[axis] % data.dims()[axis] * s).sum()
        };
        let n_each = (data.len() / n_kept) as f64;
        let mut mean = vec![0.0; n_kept];
        for (i, &x) in data.data().iter().enumerate() {
            mean[group(i)] += f64::from(x) / n_each;
        }
        let mut variance = vec![0.0; n_kept];
        for (i, &x) in data.data().iter().enumerate() {
            variance[group(i)] += (f64::from(x) - mean[group(i)]).powi(2) / n_each;
        }
        Ok([
            Tensor::from_fn(&dims[..], |i| mean[i] as f32),
            Tensor::from_fn(&dims[..], |i| variance[i] as f32),
            Tensor::scalar(data.dims()[0] as f32),
        ])
    }
}

setters!(Normalization {
    axis: Vec<i64>,
    mean: Option<Numbers>,
    variance: Option<Numbers>,
    invert: bool,
});

impl Layer for Normalization {
    fn class_name(&self) -> &'static str {
        "Normalization"
    }

    fn config(&self) -> Map<String, Value> {
        let numbers = |given: &Option<Numbers>| given.as_ref().map(Numbers::to_config);
        ConfigWriter::new()
            .set("axis", json!(self.axis))
            .set("invert", self.invert)
            .set("mean", numbers(&self.mean))
            .set("variance", numbers(&self.variance))
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let input = inputs::one(inputs)?;
        inputs::sample_axes(input, &self.axis)?;
        for (key, given) in [("mean", &self.mean), ("variance", &self.variance)] {
            let Some(numbers) = given else { continue };
            let (dims, own) = (self.dims(input)?, numbers.dims());
            let pairs = || own.iter().rev().zip(dims.iter().rev());
            if dims.len() < own.len() || pairs().any(|(own, n)| *own != 1 && own != n) {
                let expected = format!("numbers for {dims:?} or its last axes");
                return Err(LayerError::config(key, expected, numbers.to_config()));
            }
        }
        Ok(input.clone())
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        if self.mean.is_some() && self.variance.is_some() {
            return Ok(Vec::new());
        }
        let dims = self.dims(inputs::one(inputs)?)?;
        Ok(vec![
            WeightSpec::new("mean", dims.clone(), &Initializer::Zeros)?.frozen(),
            WeightSpec::new("variance", dims, &Initializer::Ones)?.frozen(),
            WeightSpec::new("count", [], &Initializer::Zeros)?.frozen(),
        ])
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let x = inputs[0];
        let shape = cx.graph.shape(x).clone();
        let axes = inputs::sample_axes(&SymbolicShape::from_graph(&shape), &self.axis)?;
        let sizes = (0..shape.rank()).map(|axis| match axes.contains(&axis) {
            true => shape.dims()[axis],
            false => Dim::Fixed(1),
        });
        let along = Shape::new(sizes.collect::<Vec<_>>());
        let (mean, deviation) = if let (Some(mean), Some(variance)) = (&self.mean, &self.variance) {
            let deviation = variance.map(|v| v.sqrt().max(EPSILON));
            let mut constant = |numbers: &Numbers| match numbers {
                Numbers::One(number) => cx.graph.scalar(*number),
                numbers => {
                    // Their axes are the last of those with a mean of their own.
                    let own = numbers.dims();
                    let mut sizes = vec![1; shape.rank()];
                    for (&axis, n) in axes.iter().rev().zip(own.into_iter().rev()) {
                        sizes[axis] = n;
                    }
                    let list = numbers.list();
                    cx.graph.constant(Array::from_fn(sizes, |i| list[i]))
                }
            };
            (constant(mean)?, constant(&deviation)?)
        } else {
            let mean = cx.graph.reshape(cx.weights[0], along.clone())?;
            let variance = cx.graph.reshape(cx.weights[1], along)?;
            let deviation = cx.graph.sqrt(variance)?;
            (mean, cx.graph.max_scalar(deviation, EPSILON)?)
        };
        if self.invert {
            let spread = cx.graph.mul(x, deviation)?;
            return Ok(cx.graph.add(spread, mean)?);
        }
        let centred = cx.graph.sub(x, mean)?;
        Ok(cx.graph.div(centred, deviation)?)
    }

    fn supports_masking(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adapting_takes_mean_and_variance_of_each_position() {
        let data =
            Tensor::new([2, 2, 2], vec![1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 6.0, 20.0]).unwrap();
        let [mean, variance, count] = Normalization::new().adapt(&data).unwrap();
        assert_eq!((mean.data(), variance.data()), (&[3.0, 20.0][..], &[3.5, 50.0][..]));
        assert_eq!(count.data(), [2.0]);
        let [mean, variance, _] = Normalization::new().axis(Vec::new()).adapt(&data).unwrap();
        assert_eq!((mean.dims(), mean.data()[0]), (&[][..], 11.5));
        assert_eq!(variance.data(), [99.0]);
        assert!(Normalization::new().adapt(&Tensor::zeros([0, 3])).is_err());
    }
}
