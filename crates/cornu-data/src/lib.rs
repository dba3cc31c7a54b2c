//! Pictures, arrays and their splits: everything between a disk and a batch of numbers.
//!
//! | step | where |
//! |---|---|
//! | find the pictures of a folder, or read its manifest | [`ImageFolder`] |
//! | divide them into train, validation and test | [`split_samples`], [`ImageFolder::split`] |
//! | decode one picture, change its channels and size | [`decode_file`], [`Picture`], [`Resize`] |
//! | keep or stream a whole set as NHWC batches of `f32` in 0..255 | [`Dataset`], [`ImageDataset`], [`Prefetch`] |
//! | find pictures that are in the set twice, changed or not | [`PictureHash`], [`near_duplicates`] |
//! | read and write `.npy` | [`read_npy`], [`write_npy`] |
//! | draw the synthetic chest X-rays | [`phantom`] |
//!
//! Nothing here prints, and nothing depends on the number of threads.

mod arrays;
mod dataset;
mod decode;
mod error;
mod folder;
mod jpeg;
mod keras_order;
mod loader;
mod manifest;
mod near_duplicate;
pub mod phantom;
mod picture;
mod prefetch;
mod random;
mod resize;
mod split;

pub use arrays::{MAX_NPY_BYTES, read_npy, write_npy};
pub use dataset::{ArrayDataset, Dataset};
pub use decode::{MAX_FILE_BYTES, MAX_PIXELS, MAX_SIDE, decode_bytes, decode_file, load_picture};
pub use error::{DataError, PictureProblem};
pub use folder::{
    IMAGE_EXTENSIONS, ImageFolder, MANIFEST_FILE, Sample, find_pictures, pictures_below,
};
pub use keras_order::keras_order;
pub use loader::{ImageDataset, LoadOptions, SampleShape};
pub use near_duplicate::{NEAR, PictureHash, near_duplicates};
pub use picture::{Picture, Pixels};
pub use prefetch::{Batch, Prefetch};
pub use random::SplitMix64;
pub use resize::{Interpolation, Resize};
pub use split::{Fractions, Split, SplitIndices, split_samples};
