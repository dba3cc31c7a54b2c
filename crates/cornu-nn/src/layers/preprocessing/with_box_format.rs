use std::sync::Arc;

use cornu_graph::ValueId;
use serde_json::{Map, Value};

use crate::layers::{Layer, LowerCx};
use crate::{ConfigReader, LayerError, SymbolicShape};

/// A picture layer whose configuration says how bounding boxes are written.
///
/// Boxes come to Keras's layers beside pictures in a dictionary; a tensor of pictures has none, and
/// then the setting changes nothing. It is kept for the configuration, as what it is: Keras does not
/// check it either.
#[derive(Debug)]
struct WithBoxFormat {
    layer: Arc<dyn Layer>,
    format: Value,
}

const KEY: &str = "bounding_box_format";

/// `layer` with the `bounding_box_format` of its configuration, if it is a picture layer and has one.
pub(in crate::layers) fn read(layer: Arc<dyn Layer>, config: &mut ConfigReader) -> Arc<dyn Layer> {
    if !LAYERS.contains(&layer.class_name()) {
        return layer;
    }
    match config.present(KEY) {
        None => layer,
        Some(format) => Arc::new(WithBoxFormat { layer, format }),
    }
}

/// Keras's subclasses of `BaseImagePreprocessingLayer`.
const LAYERS: &[&str] = &[
    "AugMix",
    "AutoContrast",
    "CenterCrop",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "CutMix",
    "Equalization",
    "MaxNumBoundingBoxes",
    "MixUp",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Resizing",
    "Solarization",
];

impl Layer for WithBoxFormat {
    fn class_name(&self) -> &'static str {
        self.layer.class_name()
    }

    fn config(&self) -> Map<String, Value> {
        let mut config = Map::new();
        for (key, value) in self.layer.config() {
            let is_place = key == "data_format";
            config.insert(key, value);
            if is_place {
                config.insert(KEY.to_owned(), self.format.clone());
            }
        }
        config
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        self.layer.output_shape(inputs)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        self.layer.lower(cx, inputs)
    }

    fn supports_masking(&self) -> bool {
        self.layer.supports_masking()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::layer_from_config;

    fn written(class_name: &str, config: &Value) -> Result<Value, LayerError> {
        let mut reader = ConfigReader::new(config)?;
        let layer = layer_from_config(class_name, &mut reader)?;
        reader.finish()?;
        Ok(Value::Object(layer.config()))
    }

    #[test]
    fn picture_layers_keep_it_and_others_refuse_it() {
        for class_name in LAYERS {
            let config = json!({"bounding_box_format": "xyxy", "factor": 0.5, "height": 3, "width": 3,
                "height_factor": 0.5, "width_factor": 0.5, "max_number": 2});
            let mut reader = ConfigReader::new(&config).unwrap();
            let layer = layer_from_config(class_name, &mut reader);
            let config = layer.or_else(|_| {
                let config = json!({"bounding_box_format": "xyxy", "factor": 2});
                layer_from_config(class_name, &mut ConfigReader::new(&config)?)
            });
            let config = config.unwrap().config();
            let place = |key: &str| config.keys().position(|other| other == key).unwrap();
            assert_eq!(place(KEY), place("data_format") + 1, "{class_name}");
            assert_eq!(config[KEY], "xyxy");
        }
        let without = written("RandomFlip", &json!({"bounding_box_format": null})).unwrap();
        assert!(without.get(KEY).is_none());
        let error = written("Dense", &json!({"units": 1, "bounding_box_format": "xyxy"}));
        assert!(error.unwrap_err().to_string().contains(KEY));
    }
}
