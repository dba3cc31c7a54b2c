use cornu_graph::ValueId;
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value, json};

use crate::layers::{Layer, LowerCx, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// The elements of a sample with other axes; one size may be -1 for what is left. Keras 3,
/// keras/src/layers/reshaping/reshape.py.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reshape {
    /// Sizes of a sample's new axes.
    pub target_shape: Vec<i64>,
}

impl Reshape {
    /// To samples of these sizes.
    pub fn new(target_shape: impl Into<Vec<i64>>) -> Self {
        Self { target_shape: target_shape.into() }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let missing = || LayerError::MissingKey("target_shape".to_owned());
        config.present("target_shape").ok_or_else(missing)?;
        Ok(Self { target_shape: config.integers_or("target_shape", &[])? })
    }

    /// The new sizes of samples with these sizes; `None` for one that cannot be known.
    fn sizes(&self, input: &SymbolicShape) -> Result<Vec<Option<usize>>, LayerError> {
        let wrong = || {
            let expected = "sizes from 0 on, at most one of them -1";
            LayerError::config("target_shape", expected, json!(self.target_shape))
        };
        let mut sizes = Vec::with_capacity(self.target_shape.len());
        for &size in &self.target_shape {
            sizes.push(if size == -1 {
                None
            } else {
                Some(usize::try_from(size).map_err(|_| wrong())?)
            });
        }
        if 1 < sizes.iter().filter(|size| size.is_none()).count() {
            return Err(wrong());
        }
        let Some(total) = input.sample().map(|dims| dims.iter().product::<usize>()) else {
            return Ok(sizes);
        };
        let given: usize = sizes.iter().flatten().product();
        let fits = if sizes.contains(&None) {
            0 < given && total.is_multiple_of(given)
        } else {
            given == total
        };
        if !fits {
            let expected = format!("samples of as many elements as {:?}", self.target_shape);
            return Err(LayerError::input_shape(expected, std::slice::from_ref(input)));
        }
        Ok(sizes.into_iter().map(|size| size.or(Some(total / given.max(1)))).collect())
    }
}

impl Layer for Reshape {
    fn class_name(&self) -> &'static str {
        "Reshape"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("target_shape", json!(self.target_shape)).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let input = inputs::one(inputs)?;
        let mut dims = vec![input.dims()[0]];
        dims.extend(self.sizes(input)?);
        Ok(SymbolicShape::new(dims))
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let shape = cx.graph.shape(inputs[0]).clone();
        let mut dims = vec![shape.dims()[0]];
        let sizes = self.sizes(&SymbolicShape::from_graph(&shape))?;
        dims.extend(sizes.into_iter().map(|size| Dim::Fixed(size.unwrap_or(0))));
        Ok(cx.graph.reshape(inputs[0], Shape::new(dims))?)
    }
}
