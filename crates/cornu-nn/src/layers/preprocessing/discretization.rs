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
/// writes it. Boundaries must be given or adapted beforehand. Keras 3,
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

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        config.only("sparse", &[json!(false)], "rows are dense here")?;
        let num_bins = match config.present("num_bins") {
            None => None,
            Some(_) => Some(config.positive("num_bins")?),
        };
        let Some(value) = config.present("bin_boundaries") else {
            return Err(LayerError::Unsupported {
                setting: "bin_boundaries=null".to_owned(),
                hint: "give the boundaries, or adapt the layer in Keras".to_owned(),
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
            Some(mode) => encode(g, bins, mode, n + 1),
        }
    }
}
