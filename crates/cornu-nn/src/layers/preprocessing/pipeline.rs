use cornu_graph::ValueId;
use serde_json::{Map, Value, json};

use crate::layers::nested::snake_case;
use crate::layers::{CallArguments, Layer, LowerCx, Nested, Sublayer, WeightSpec};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Layers of one input and one output, one after the other, as one layer.
///
/// Weights: those of the layers, in order. A mask that the last layer would hand on is an error. Keras
/// 3, keras/src/layers/preprocessing/pipeline.py.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// From the input on, at least one.
    pub layers: Vec<Nested>,
}

impl Pipeline {
    /// Of these layers.
    pub fn new(layers: impl Into<Vec<Nested>>) -> Self {
        Self { layers: layers.into() }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let value =
            config.present("layers").ok_or_else(|| LayerError::MissingKey("layers".to_owned()))?;
        let layers = value.as_array().filter(|layers| !layers.is_empty());
        let layers = layers
            .ok_or_else(|| LayerError::config("layers", "a list of at least one layer", &value))?;
        let read = |layer: &Value| Nested::from_object("layers", layer);
        Ok(Self { layers: layers.iter().map(read).collect::<Result<_, _>>()? })
    }

    /// The shapes of what each layer reads, then the last one's result.
    fn shapes(&self, inputs: &[SymbolicShape]) -> Result<Vec<SymbolicShape>, LayerError> {
        if self.layers.is_empty() {
            return Err(LayerError::config("layers", "at least one layer", "none"));
        }
        let mut shapes = vec![crate::layers::inputs::one(inputs)?.clone()];
        for nested in &self.layers {
            let outputs = nested.layer.output_shapes(&shapes[shapes.len() - 1..])?;
            let [output] = &outputs[..] else {
                return Err(LayerError::Unsupported {
                    setting: format!("a {} of several outputs", nested.layer.class_name()),
                    hint: "take layers of one output each".to_owned(),
                });
            };
            shapes.push(output.clone());
        }
        Ok(shapes)
    }

    /// What files call the layers: their classes' names, numbered where one comes again.
    fn key(&self, index: usize) -> String {
        let name = |index: usize| snake_case(self.layers[index].layer.class_name());
        match (0..index).filter(|&other| name(other) == name(index)).count() {
            0 => name(index),
            n => format!("{}_{n}", name(index)),
        }
    }
}

impl Layer for Pipeline {
    fn class_name(&self) -> &'static str {
        "Pipeline"
    }

    fn config(&self) -> Map<String, Value> {
        let layers: Vec<Value> = self.layers.iter().map(Nested::to_object).collect();
        ConfigWriter::new().set("layers", layers).finish()
    }

    fn built_config(&self, inputs: &[SymbolicShape]) -> Map<String, Value> {
        let Ok(shapes) = self.shapes(inputs) else { return self.config() };
        let object = |(nested, input): (&Nested, &SymbolicShape)| {
            let mut object = nested.to_object();
            object["build_config"] = json!({"input_shape": input.dims()});
            object
        };
        let layers: Vec<Value> = self.layers.iter().zip(&shapes).map(object).collect();
        ConfigWriter::new().set("layers", layers).finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        let mut shapes = self.shapes(inputs)?;
        Ok(shapes.remove(shapes.len() - 1))
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        let mut weights = Vec::new();
        for (index, (nested, input)) in self.layers.iter().zip(self.shapes(inputs)?).enumerate() {
            // Files put the layers of the list under `layers`.
            weights.extend(nested.weights(&[input], &format!("layers/{}", self.key(index)))?);
        }
        Ok(weights)
    }

    fn weightless_sublayers(&self) -> Vec<Vec<Sublayer>> {
        let sublayer = |index: usize| {
            let attribute = format!("layers/{}", self.key(index));
            vec![Sublayer::new(self.layers[index].name.as_str(), attribute)]
        };
        (0..self.layers.len()).map(sublayer).collect()
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let mut weights = cx.weights.to_vec();
        let (mut x, mut mask, mut first) = (inputs[0], cx.mask(0), 0);
        for nested in &self.layers {
            let shape = SymbolicShape::from_graph(cx.graph.shape(x));
            let n = nested.layer.weights(&[shape])?.len();
            let call = CallArguments { masks: vec![mask], ..CallArguments::default() };
            let y = nested.lower(cx, &[x], &mut weights[first..first + n], &call)?[0];
            mask = nested.output_mask(cx, &[x], &weights[first..first + n], &call)?;
            x = y;
            first += n;
        }
        if mask.is_some() {
            return Err(LayerError::Unsupported {
                setting: "a mask that comes out of a Pipeline".to_owned(),
                hint: "make the layers part of the model itself".to_owned(),
            });
        }
        for (position, (&before, &after)) in cx.weights.iter().zip(&weights).enumerate() {
            if before != after {
                cx.weight_updates.push((position, after));
            }
        }
        Ok(x)
    }
}
