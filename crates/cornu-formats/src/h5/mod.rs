//! The part of HDF5 that Keras uses: named groups of attributes, groups and arrays.

mod error;
mod read;
mod texts;
mod tree;
mod write;

pub use error::H5Error;
pub(crate) use read::read_h5_within;
pub use read::{MAX_DEPTH, MAX_OBJECTS, read_h5};
pub use tree::{Attribute, Data, Dataset, Group};
pub use write::write_h5;
