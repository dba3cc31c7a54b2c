use cornu_graph::ValueId;
use cornu_tensor::{Array, Dim, Shape};
use serde_json::{Map, Value, json};

use super::OutputMode;
use super::category_encoding::encode;
use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Numbers as the bins they fall into: bin `i` holds `boundaries[i - 1] <= x < boundaries[i]`.
///
/// Result: the number of the bin, or its encoding as [`CategoryEncoding`](super::CategoryEncoding)
/// writes it. Boundaries are given, or found by [`Discretization::adapted`]. Keras 3,
/// keras/src/layers/preprocessing/discretization.py.
#[derive(Debug, Clone, PartialEq)]
pub struct Discretization {
    /// Rising limits of the bins.
    pub bin_boundaries: Vec<f64>,
    /// How many bins were asked for where the boundaries were adapted.
    pub num_bins: Option<usize>,
    /// Kept for the configuration: how exactly boundaries are adapted. Default 0.01.
    pub epsilon: f64,
    /// An encoding in place of the number of the bin.
    pub output_mode: Option<OutputMode>,
}

impl Discretization {
    /// Between these limits.
    pub fn new(bin_boundaries: impl Into<Vec<f64>>) -> Self {
        Self {
            bin_boundaries: bin_boundaries.into(),
            num_bins: None,
            epsilon: 0.01,
            output_mode: None,
        }
    }

    /// Between limits that divide `values` into `num_bins` bins of about as many each, found to the
    /// share `epsilon` of them, as Keras's `adapt` does with one array.
    ///
    /// # Errors
    ///
    /// [`LayerError::Config`] if there are no values, no bins, or `epsilon` is not within 0 to 1.
    pub fn adapted(values: &[f32], num_bins: usize, epsilon: f64) -> Result<Self, LayerError> {
        if values.is_empty() || values.iter().any(|value| value.is_nan()) {
            let got = format!("{} values", values.len());
            return Err(LayerError::config("values", "at least one, and numbers only", got));
        }
        if num_bins == 0 {
            return Err(LayerError::config("num_bins", "at least 1", 0));
        }
        if !(0.0 < epsilon && epsilon < 1.0) {
            return Err(LayerError::config("epsilon", "a number between 0 and 1", epsilon));
        }
        let summary = Summary::of(values, epsilon).compressed(epsilon);
        let mut limits = summary.compressed(1.0 / num_bins as f64).values;
        limits.pop();
        Ok(Self {
            bin_boundaries: limits.into_iter().map(f64::from).collect(),
            num_bins: Some(num_bins),
            epsilon,
            output_mode: None,
        })
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        config.only("sparse", &[json!(false)], "rows are dense here")?;
        let num_bins = match config.present("num_bins") {
            None => None,
            Some(_) => Some(config.positive("num_bins")?),
        };
        let Some(value) = config.present("bin_boundaries") else {
            return Err(LayerError::Unsupported {
                setting: "bin_boundaries=null".to_owned(),
                hint: "give the boundaries, or find them by `Discretization::adapted`".to_owned(),
            });
        };
        let numbers = value.as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
        let output_mode = match config.string_or("output_mode", "int")?.as_str() {
            "int" => None,
            "one_hot" => Some(OutputMode::OneHot),
            "multi_hot" => Some(OutputMode::MultiHot),
            "count" => Some(OutputMode::Count),
            other => {
                let expected = "int, one_hot, multi_hot or count";
                return Err(LayerError::config("output_mode", expected, other));
            }
        };
        Ok(Self {
            bin_boundaries: numbers
                .ok_or_else(|| LayerError::config("bin_boundaries", "numbers", &value))?,
            num_bins,
            epsilon: config.number_or("epsilon", 0.01)?,
            output_mode,
        })
    }
}

/// Some of many values, in rising order, each standing for a number of them.
struct Summary {
    values: Vec<f32>,
    weights: Vec<f32>,
}

impl Summary {
    /// About `1 / epsilon` of `values`, or all of them if there are fewer.
    fn of(values: &[f32], epsilon: f64) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f32::total_cmp);
        let step = (values.len() as f64 / (1.0 / epsilon)).max(1.0);
        let values: Vec<f32> =
            sorted.into_iter().skip((step - 1.0) as usize).step_by(step as usize).collect();
        let weights = vec![step as f32; values.len()];
        Self { values, weights }
    }

    /// About `1 / epsilon` values in equal distances of the cumulative weight, read between those at
    /// hand.
    fn compressed(&self, epsilon: f64) -> Self {
        if (self.values.len() as f64) * epsilon < 1.0 {
            return Self { values: self.values.clone(), weights: self.weights.clone() };
        }
        let mut total = 0.0f32;
        let sums: Vec<f32> = self
            .weights
            .iter()
            .map(|weight| {
                total += weight;
                total
            })
            .collect();
        let shares: Vec<f64> = sums.iter().map(|sum| f64::from(sum / total)).collect();
        let n = (1.0 / epsilon).ceil() as usize;
        let mut compressed = Self { values: Vec::new(), weights: Vec::new() };
        let mut before = 0.0;
        for at in 0..n {
            let share = epsilon + at as f64 * epsilon;
            let sum = read_between(&shares, &sums, share);
            compressed.values.push(read_between(&shares, &self.values, share) as f32);
            compressed.weights.push((sum - before) as f32);
            before = sum;
        }
        compressed
    }
}

/// `ys` at `x` on the line through the points `(xs, ys)`, whose ends go on level.
fn read_between(xs: &[f64], ys: &[f32], x: f64) -> f64 {
    let after = xs.partition_point(|&other| other <= x);
    let y = |i: usize| f64::from(ys[i]);
    match after {
        0 => y(0),
        _ if after == xs.len() => y(after - 1),
        _ => {
            let (left, right) = (xs[after - 1], xs[after]);
            let slope = (y(after) - y(after - 1)) / (right - left);
            slope * (x - left) + y(after - 1)
        }
    }
}

setters!(Discretization { output_mode: Option<OutputMode> });

impl Layer for Discretization {
    fn class_name(&self) -> &'static str {
        "Discretization"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("bin_boundaries", json!(self.bin_boundaries))
            .set("num_bins", self.num_bins)
            .set("epsilon", self.epsilon)
            .set("output_mode", self.output_mode.map_or("int", OutputMode::name))
            .set("sparse", false)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        if !self.bin_boundaries.is_sorted() {
            let got = json!(self.bin_boundaries);
            return Err(LayerError::config("bin_boundaries", "rising numbers", got));
        }
        match self.output_mode {
            None => inputs::one(inputs).cloned(),
            Some(mode) => mode.encoded_shape(inputs, self.bin_boundaries.len() + 1),
        }
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let g = &mut *cx.graph;
        let n = self.bin_boundaries.len();
        let mut dims = g.shape(inputs[0]).dims().to_vec();
        let axis = dims.len();
        dims.push(Dim::Fixed(1));
        let x = g.reshape(inputs[0], Shape::new(dims))?;
        let limits = g.constant(Array::from_fn([n], |i| self.bin_boundaries[i]))?;
        let is_reached = g.greater_equal(x, limits)?;
        let bins = g.sum(is_reached, &[axis], false)?;
        match self.output_mode {
            None => Ok(bins),
            Some(mode) => encode(g, bins, mode, n + 1, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_that_keras_finds() {
        let values: Vec<f32> =
            (0..1000).map(|i| ((i * i * 7 + 3 * i) % 256) as f32 / 8.0).collect();
        let cases: [(usize, f64, usize, &[f64]); 5] = [
            (4, 0.01, 1000, &[7.99999, 15.75, 23.75]),
            (7, 0.1, 1000, &[4.39286, 9.03572, 13.60714, 18.07143, 22.71429, 27.35714]),
            (5, 0.01, 30, &[2.5, 8.0, 12.25, 23.5]),
            (3, 0.3, 11, &[1.75, 10.25]),
            (10, 0.003, 1000, &[3.0, 6.25, 9.5, 12.55, 15.75, 18.95, 22.25, 25.35, 28.675]),
        ];
        for (num_bins, epsilon, n, expected) in cases {
            let layer = Discretization::adapted(&values[..n], num_bins, epsilon).unwrap();
            assert_eq!(layer.bin_boundaries.len(), expected.len());
            for (got, expected) in layer.bin_boundaries.iter().zip(expected) {
                assert!((got - expected).abs() < 2e-5, "{got} instead of {expected}");
            }
        }
        let one = Discretization::adapted(&values, 1, 0.01).unwrap();
        assert!(one.bin_boundaries.is_empty());
        let few = Discretization::adapted(&values[..20], 100, 0.01).unwrap();
        assert_eq!(few.bin_boundaries.len(), 19, "fewer values than bins");
        for (values, num_bins, epsilon) in
            [(&values[..0], 3, 0.01), (&values[..], 0, 0.01), (&values[..], 3, 0.0)]
        {
            assert!(Discretization::adapted(values, num_bins, epsilon).is_err());
        }
    }
}
