//! Models as Keras's JSON: `config.json` of a `.keras` file, `model.to_json()`.
//!
//! Source: Keras 3, `keras/src/models/functional.py`, `sequential.py`, `keras/src/saving`.

mod read;
pub(crate) mod upgrade;
mod write;

use serde_json::Value;

use self::upgrade::Origin;
use crate::{Model, ModelError};

/// Layers whose inputs after the first are their initial states.
const RECURRENT: &[&str] =
    &["SimpleRNN", "LSTM", "GRU", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Bidirectional"];

impl Model {
    /// The architecture as Keras's object, with what it is compiled with; no weights.
    pub fn to_config(&self) -> Value {
        let mut object = write::model_object(&self.network, self.network.display_name());
        object["compile_config"] = self.compile_config();
        object
    }

    /// [`Model::to_config`] as text on one line.
    pub fn to_json(&self) -> String {
        self.to_config().to_string()
    }

    /// Makes a model of what Keras's `to_json` or [`Model::to_json`] wrote. Its weights are drawn
    /// anew; what it was compiled with is not read.
    ///
    /// # Errors
    ///
    /// [`ModelError::Config`] or [`ModelError::Layer`] names the place or layer and what is wrong.
    pub fn from_json(json: &str) -> Result<Self, ModelError> {
        let value = serde_json::from_str(json)
            .map_err(|error| ModelError::config("model", format!("not JSON: {error}")))?;
        Self::from_config(&value)
    }

    /// The same for parsed JSON. Names of Keras 1 and 2 are read unless the object notes a later
    /// version or has the keys `module` or `registered_name` of Keras 3.
    ///
    /// # Errors
    ///
    /// As for [`Model::from_json`].
    pub fn from_config(object: &Value) -> Result<Self, ModelError> {
        Self::from_config_of(object, Origin::of_model(object))
    }

    /// The same for a configuration that versions of `origin` wrote.
    pub(crate) fn from_config_of(object: &Value, origin: Origin) -> Result<Self, ModelError> {
        Self::from_network(read::network(&upgrade::model(object, origin, "model")?, "model")?)
    }
}
