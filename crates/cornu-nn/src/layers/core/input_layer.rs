use cornu_graph::ValueId;
use serde_json::{Map, Value, json};

use crate::layers::{Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Where samples come in. It only tells their shape; the model feeds it.
///
/// Keras 3, keras/src/layers/core/input_layer.py.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputLayer {
    /// Shape with the samples' axis first.
    pub batch_shape: SymbolicShape,
}

impl InputLayer {
    /// Samples of shape `shape`.
    pub fn new(shape: impl AsRef<[usize]>) -> Self {
        Self { batch_shape: SymbolicShape::batched(shape) }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        for kind in ["sparse", "ragged", "optional"] {
            config.only(kind, &[json!(false)], "only dense inputs that are always there")?;
        }
        config.only("dtype", &[json!("float32")], "cast the data to float32")?;
        let value = config
            .present("batch_shape")
            .ok_or_else(|| LayerError::MissingKey("batch_shape".to_owned()))?;
        let size = |v: &Value| {
            if v.is_null() { Some(None) } else { v.as_u64().map(|n| Some(n as usize)) }
        };
        let dims: Option<Vec<Option<usize>>> =
            value.as_array().and_then(|list| list.iter().map(size).collect());
        let dims = dims.filter(|dims| !dims.is_empty()).ok_or_else(|| {
            LayerError::config("batch_shape", "a list of sizes, null where unknown", &value)
        })?;
        Ok(Self { batch_shape: SymbolicShape::new(dims) })
    }
}

impl Layer for InputLayer {
    fn class_name(&self) -> &'static str {
        "InputLayer"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("batch_shape", json!(self.batch_shape.dims()))
            .set("sparse", false)
            .set("ragged", false)
            .set("optional", false)
            .finish()
    }

    /// The layer's own shape; it has no inputs.
    fn output_shape(&self, _inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        Ok(self.batch_shape.clone())
    }

    /// What is fed, as the model hands it in.
    fn lower(&self, _cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        inputs.first().copied().ok_or_else(|| LayerError::input_shape("what is fed", &[]))
    }
}
