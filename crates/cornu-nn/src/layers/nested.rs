use std::sync::Arc;

use cornu_graph::ValueId;
use serde_json::{Map, Value, json};

use super::{CallArguments, Layer, LowerCx, Sublayer, WeightSpec, check_dtype, layer_from_config};
use crate::config::{keras_object, object_parts};
use crate::{ConfigReader, LayerError, SymbolicShape};

/// A layer inside of another, with what a model would keep for it.
#[derive(Debug, Clone)]
pub struct Nested {
    /// Its name, which is part of the paths of its weights.
    pub name: String,
    /// Whether an optimizer may change its weights.
    pub trainable: bool,
    /// The layer.
    pub layer: Arc<dyn Layer>,
}

impl Nested {
    /// A trainable layer with Keras's name for its class: `Conv2D` is `conv2d`.
    pub fn new(layer: impl Layer + 'static) -> Self {
        let name = snake_case(layer.class_name());
        Self { name, trainable: true, layer: Arc::new(layer) }
    }

    /// Reads the object under `key`.
    pub(super) fn read(config: &mut ConfigReader, key: &str) -> Result<Self, LayerError> {
        let value = config.present(key).ok_or_else(|| LayerError::MissingKey(key.to_owned()))?;
        Self::from_object(key, &value)
    }

    /// Reads a Keras object; `key` is what errors call it.
    pub(super) fn from_object(key: &str, object: &Value) -> Result<Self, LayerError> {
        let (class_name, config) = object_parts(key, object)?;
        let mut reader = ConfigReader::new(&config)?;
        let name = reader.string_or("name", &snake_case(&class_name))?;
        let trainable = reader.bool_or("trainable", true)?;
        reader.ignore(&["dtype"]);
        check_dtype(&config["dtype"])?;
        let layer = layer_from_config(&class_name, &mut reader)?;
        reader.finish()?;
        Ok(Self { name, trainable, layer })
    }

    /// The same layer with some keys of its configuration set.
    pub(super) fn with_config(&self, changes: &[(&str, Value)]) -> Result<Self, LayerError> {
        let mut config = self.layer.config();
        for (key, value) in changes {
            config.insert((*key).to_owned(), value.clone());
        }
        let mut reader = ConfigReader::new(&Value::Object(config))?;
        let layer = layer_from_config(self.layer.class_name(), &mut reader)?;
        reader.finish()?;
        Ok(Self { layer, ..self.clone() })
    }

    /// The Keras object.
    pub(super) fn to_object(&self) -> Value {
        keras_object("keras.layers", self.layer.class_name(), self.config_with_name())
    }

    /// The Keras object once the layer is built for inputs of these shapes, which it then tells.
    pub(super) fn to_built_object(&self, inputs: &[SymbolicShape]) -> Value {
        let mut object = self.to_object();
        let has_weights = self.layer.weights(inputs).is_ok_and(|weights| !weights.is_empty());
        if let ([input, ..], true) = (inputs, has_weights) {
            object["build_config"] = json!({"input_shape": input.dims()});
        }
        object
    }

    fn config_with_name(&self) -> Map<String, Value> {
        let mut config = Map::new();
        config.insert("name".to_owned(), json!(self.name));
        config.insert("trainable".to_owned(), json!(self.trainable));
        config.insert("dtype".to_owned(), float32_policy());
        config.extend(self.layer.config());
        config
    }

    /// Its weights, as those of a sublayer that Keras holds as `attribute`.
    pub(super) fn weights(
        &self,
        inputs: &[SymbolicShape],
        attribute: &str,
    ) -> Result<Vec<WeightSpec>, LayerError> {
        let specs = self.layer.weights(inputs)?;
        Ok(specs
            .into_iter()
            .map(|mut spec| {
                spec.trainable &= self.trainable;
                spec.of_sublayer(Sublayer::new(self.name.as_str(), attribute))
            })
            .collect())
    }

    /// Calls the layer with `weights`, which are replaced where the call changes them. Its own
    /// updates are not passed on.
    pub(super) fn lower(
        &self,
        cx: &mut LowerCx<'_>,
        inputs: &[ValueId],
        weights: &mut [ValueId],
        call: &CallArguments,
    ) -> Result<Vec<ValueId>, LayerError> {
        let mut updates = Vec::new();
        let outputs = self.layer.lower_outputs(
            &mut LowerCx {
                graph: &mut *cx.graph,
                training: cx.training,
                trainable: cx.trainable && self.trainable,
                weights: &*weights,
                weight_updates: &mut updates,
                losses: &mut *cx.losses,
                next_stream: &mut *cx.next_stream,
                call,
            },
            inputs,
        )?;
        for (position, value) in updates {
            weights[position] = value;
        }
        Ok(outputs)
    }

    /// The mask of the output, after [`Nested::lower`] with the same arguments.
    pub(super) fn output_mask(
        &self,
        cx: &mut LowerCx<'_>,
        inputs: &[ValueId],
        weights: &[ValueId],
        call: &CallArguments,
    ) -> Result<Option<ValueId>, LayerError> {
        let mut inner = LowerCx {
            graph: &mut *cx.graph,
            training: cx.training,
            trainable: cx.trainable && self.trainable,
            weights,
            weight_updates: &mut Vec::new(),
            losses: &mut *cx.losses,
            next_stream: &mut *cx.next_stream,
            call,
        };
        self.layer.output_mask(&mut inner, inputs)
    }
}

/// Keras's policy object for `float32`.
pub(super) fn float32_policy() -> Value {
    json!({
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": "float32"},
        "registered_name": null,
    })
}

/// Keras's name for an object of a class: `_` before a capitalised word, then between a small and a
/// capital letter.
pub(super) fn snake_case(class_name: &str) -> String {
    let letters: Vec<char> = class_name.chars().collect();
    let mut name = String::new();
    for (i, &letter) in letters.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| letters[i]);
        let starts_word = letter.is_ascii_uppercase()
            && (before.is_some_and(|before| before.is_ascii_lowercase())
                || before.is_some()
                    && letters.get(i + 1).is_some_and(|next| next.is_ascii_lowercase()));
        if starts_word {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_keras() {
        for (class_name, name) in [
            ("Conv2D", "conv2d"),
            ("ReLU", "re_lu"),
            ("LSTM", "lstm"),
            ("LSTMCell", "lstm_cell"),
            ("MaxPooling2D", "max_pooling2d"),
            ("SimpleRNN", "simple_rnn"),
        ] {
            assert_eq!(snake_case(class_name), name);
        }
    }
}
