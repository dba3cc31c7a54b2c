//! Keras model files in and out. Nothing here knows what a layer is: a file becomes JSON and a
//! tree of arrays, and the floor above maps these to models.
//!
//! - [`h5`]: the part of HDF5 that Keras uses, as a plain tree ([`h5::Group`], [`h5::Dataset`]).
//! - [`keras_archive`]: the `.keras` archive of configuration and weights.
//! - [`weights`]: how Keras names the groups of a weights file.
//! - [`safe_write`]: replacing a file completely or not at all.
//!
//! What comes from a file is not trusted: every reader has stated limits and answers damaged
//! bytes with an error, never with a panic.

pub mod h5;
pub mod keras_archive;
pub mod safe_write;
pub mod weights;

pub use h5::{Attribute, Data, Dataset, Group, H5Error, read_h5, write_h5};
pub use keras_archive::{ArchiveError, KerasArchive, read_keras, read_keras_bytes, write_keras};
pub use safe_write::{WriteError, write_file_safely};
