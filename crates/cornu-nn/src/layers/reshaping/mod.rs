//! Layers that move elements without changing them.

mod cropping2d;
mod edges;
mod flatten;
mod permute;
mod repeat_vector;
mod reshape;
mod up_sampling2d;
mod zero_padding2d;

pub use cropping2d::Cropping2D;
pub use edges::IntoEdges;
pub use flatten::Flatten;
pub use permute::Permute;
pub use repeat_vector::RepeatVector;
pub use reshape::Reshape;
pub use up_sampling2d::UpSampling2D;
pub use zero_padding2d::ZeroPadding2D;
