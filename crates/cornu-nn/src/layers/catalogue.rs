use std::sync::Arc;

use serde_json::Value;

use super::Layer;
use super::preprocessing::with_box_format;
use crate::{ConfigReader, LayerError};

/// A layer class and how one is read from its configuration.
#[derive(Debug, Clone, Copy)]
pub struct LayerEntry {
    /// Keras's class name.
    pub class_name: &'static str,
    /// What it is for.
    pub family: Family,
    /// Reads the layer's own keys.
    pub from_config: fn(&mut ConfigReader) -> Result<Arc<dyn Layer>, LayerError>,
}

/// What layers are for: the chapters of Keras's list of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Where data enters.
    Input,
    /// Dense layers, embeddings, masks.
    Core,
    /// Sequences, step by step.
    Recurrent,
    /// Sequences, all steps at once.
    Attention,
    /// Convolutions.
    Convolutional,
    /// Pooling.
    Pooling,
    /// Activation functions.
    Activation,
    /// Dropout, noise, penalties.
    Regularization,
    /// Another shape, more or fewer pixels.
    Reshaping,
    /// Values on one scale.
    Normalization,
    /// Preparation of data, and random changes of it.
    Preprocessing,
    /// Several tensors into one.
    Merging,
}

impl Family {
    /// The family of a class of [`LAYERS`]; `None` for classes that are not Keras's.
    pub fn of(class_name: &str) -> Option<Self> {
        LAYERS.iter().find(|entry| entry.class_name == class_name).map(|entry| entry.family)
    }
}

macro_rules! catalogue {
    ($($family:ident: $($layer:ident),*;)*) => {
        /// All layer classes.
        pub const LAYERS: &[LayerEntry] = &[$($(LayerEntry {
            class_name: stringify!($layer),
            family: Family::$family,
            from_config: |config| Ok(Arc::new(super::$layer::from_config(config)?)),
        }),*),*];
    };
}

catalogue! {
    Input: InputLayer;
    Core: Dense, Identity, EinsumDense, Embedding, ReversibleEmbedding, Masking, LayerScale;
    Recurrent:
        SimpleRNN, LSTM, GRU, ConvLSTM1D, ConvLSTM2D, ConvLSTM3D, RNN, Bidirectional, TimeDistributed;
    Attention: Attention, AdditiveAttention, MultiHeadAttention, GroupQueryAttention;
    Convolutional:
        Conv1D, Conv2D, Conv3D, Conv1DTranspose, Conv2DTranspose, Conv3DTranspose,
        DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D;
    Pooling:
        MaxPooling1D, MaxPooling2D, MaxPooling3D, AveragePooling1D, AveragePooling2D, AveragePooling3D,
        GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D,
        GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D,
        AdaptiveMaxPooling1D, AdaptiveMaxPooling2D, AdaptiveMaxPooling3D,
        AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D;
    Activation: Activation, ReLU, LeakyReLU, ELU, PReLU, Softmax;
    Regularization:
        Dropout, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D, AlphaDropout,
        GaussianNoise, GaussianDropout, ActivityRegularization;
    Reshaping:
        Flatten, Reshape, Permute, RepeatVector,
        ZeroPadding1D, ZeroPadding2D, ZeroPadding3D, Cropping1D, Cropping2D, Cropping3D,
        UpSampling1D, UpSampling2D, UpSampling3D;
    Normalization:
        BatchNormalization, LayerNormalization, GroupNormalization, RMSNormalization,
        UnitNormalization, SpectralNormalization;
    Preprocessing:
        CenterCrop, CategoryEncoding, Rescaling, Normalization, Resizing,
        Discretization, AutoContrast, Equalization, Solarization,
        RandomCrop, RandomShear, RandomHue, RandomSaturation, RandomSharpness, RandomColorDegeneration,
        RandomGrayscale, RandomPosterization, RandomGaussianBlur, RandomInvert, RandomErasing,
        RandomPerspective, RandomFlip, RandomRotation, RandomTranslation, RandomZoom, RandomContrast,
        RandomBrightness, RandomColorJitter, RandomElasticTransform, RandAugment, AugMix, MixUp, CutMix,
        ContrastLimitedAdaptiveHistogramEqualization, MaxNumBoundingBoxes, Pipeline;
    Merging: Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate, Dot;
}

/// Classes of [`LAYERS`] that are no public ones of Keras, and its modules that have them: files name
/// both.
pub const PRIVATE: &[(&str, &str)] = &[("LayerScale", "keras.src.applications.convnext")];

/// Keras's second names of layer classes.
pub const ALIASES: &[(&str, &str)] = &[
    ("AvgPool1D", "AveragePooling1D"),
    ("AvgPool2D", "AveragePooling2D"),
    ("AvgPool3D", "AveragePooling3D"),
    ("Convolution1D", "Conv1D"),
    ("Convolution1DTranspose", "Conv1DTranspose"),
    ("Convolution2D", "Conv2D"),
    ("Convolution2DTranspose", "Conv2DTranspose"),
    ("Convolution3D", "Conv3D"),
    ("Convolution3DTranspose", "Conv3DTranspose"),
    ("GlobalAvgPool1D", "GlobalAveragePooling1D"),
    ("GlobalAvgPool2D", "GlobalAveragePooling2D"),
    ("GlobalAvgPool3D", "GlobalAveragePooling3D"),
    ("GlobalMaxPool1D", "GlobalMaxPooling1D"),
    ("GlobalMaxPool2D", "GlobalMaxPooling2D"),
    ("GlobalMaxPool3D", "GlobalMaxPooling3D"),
    ("GroupedQueryAttention", "GroupQueryAttention"),
    ("MaxPool1D", "MaxPooling1D"),
    ("MaxPool2D", "MaxPooling2D"),
    ("MaxPool3D", "MaxPooling3D"),
    ("SeparableConvolution1D", "SeparableConv1D"),
    ("SeparableConvolution2D", "SeparableConv2D"),
];

/// Reads a layer of class `class_name` (or an alias) from its own configuration keys.
///
/// The keys that all layers share (`name`, `trainable`, `dtype`) are the caller's: it ignores them
/// in `config`, and calls [`ConfigReader::finish`] afterwards, so that unknown keys are errors.
///
/// # Errors
///
/// [`LayerError::UnknownClass`] for a class that is not in [`LAYERS`]; else what is wrong with a key.
pub fn layer_from_config(
    class_name: &str,
    config: &mut ConfigReader,
) -> Result<Arc<dyn Layer>, LayerError> {
    let main = ALIASES
        .iter()
        .find(|(alias, _)| *alias == class_name)
        .map_or(class_name, |(_, class_name)| class_name);
    let entry = LAYERS
        .iter()
        .find(|entry| entry.class_name == main)
        .ok_or_else(|| LayerError::UnknownClass { kind: "layer", name: class_name.to_owned() })?;
    Ok(with_box_format((entry.from_config)(config)?, config))
}

/// Checks the `dtype` of a layer, loss or metric: null, `"float32"` or Keras's policy object of that name.
///
/// # Errors
///
/// [`LayerError::Unsupported`] for any other.
pub fn check_dtype(dtype: &Value) -> Result<(), LayerError> {
    let name = match dtype {
        Value::Null => return Ok(()),
        Value::Object(_) => &dtype["config"]["name"],
        other => other,
    };
    if name == "float32" {
        return Ok(());
    }
    Err(LayerError::Unsupported {
        setting: format!("dtype={name}"),
        hint: "Cornu computes in float32; save the model with that policy".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_float32_is_taken() {
        let policy = json!({"class_name": "DTypePolicy", "config": {"name": "float32"}});
        for dtype in [json!(null), json!("float32"), policy] {
            check_dtype(&dtype).unwrap();
        }
        let policy = json!({"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}});
        assert!(check_dtype(&policy).unwrap_err().to_string().contains("mixed_float16"));
        assert!(check_dtype(&json!("float16")).is_err());
    }
}
