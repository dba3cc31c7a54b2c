//! Layers that prepare data: scaling, resizing, and pictures changed at random in training.

mod category_encoding;
mod center_crop;
mod draw;
mod normalization;
mod numbers;
mod random_brightness;
mod random_contrast;
mod random_flip;
mod random_rotation;
mod random_translation;
mod random_zoom;
mod rescaling;
mod resizing;
mod sampling;

pub use category_encoding::{CategoryEncoding, OutputMode};
pub use center_crop::CenterCrop;
pub use draw::Factor;
pub use normalization::Normalization;
pub use numbers::Numbers;
pub use random_brightness::RandomBrightness;
pub use random_contrast::RandomContrast;
pub use random_flip::{FlipMode, RandomFlip};
pub use random_rotation::RandomRotation;
pub use random_translation::RandomTranslation;
pub use random_zoom::RandomZoom;
pub use rescaling::Rescaling;
pub use resizing::Resizing;
