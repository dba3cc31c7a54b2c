//! Keras model files in and out. Nothing here knows what a layer is: a file becomes JSON and a
//! tree of arrays, and the floor above maps these to models.
//!
//! - [`h5`]: the part of HDF5 that Keras uses, as a plain tree ([`h5::Group`], [`h5::Dataset`]).
//! - [`safetensors`]: named arrays behind a header.
//! - [`file_kind`]: which of these a file is.
//! - [`keras_archive`]: the `.keras` archive of configuration and weights.
//! - [`weights`]: how Keras names the groups of a weights file.
//! - [`safe_write`]: replacing a file completely or not at all.
//!
//! ```
//! use cornu_formats::{Dataset, Group, KerasArchive, read_keras, write_keras};
//! use cornu_tensor::Array;
//!
//! let mut weights = Group::default();
//! weights.set_dataset("layers/dense/vars/0", Array::full([2, 3], 0.5f32));
//! weights.group_mut("layers/dense/vars").set_text("name", "hidden");
//! let config = serde_json::json!({"module": "keras", "class_name": "Sequential"});
//! let archive = KerasArchive::new(config, weights);
//!
//! # let folder = tempfile::tempdir()?;
//! let path = folder.path().join("model.keras");
//! write_keras(&path, &archive)?;
//! let kernel = read_keras(&path)?.weights.dataset("layers/dense/vars/0").and_then(Dataset::to_f32);
//! assert_eq!(kernel, Some(Array::full([2, 3], 0.5)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What comes from a file is not trusted: every reader has stated limits and answers damaged
//! bytes with an error, never with a panic.

pub mod file_kind;
pub mod h5;
pub mod keras_archive;
pub mod safe_write;
pub mod safetensors;
pub mod tensorboard;
mod unpacked;
pub mod weights;

pub use file_kind::FileKind;
pub use h5::{Attribute, Data, Dataset, Group, H5Error, read_h5, write_h5};
pub use keras_archive::{ArchiveError, KerasArchive, read_keras, read_keras_bytes, write_keras};
pub use safe_write::{WriteError, write_file_safely};
pub use safetensors::{Safetensors, SafetensorsError, read_safetensors, write_safetensors};
pub use unpacked::{MAX_UNPACKED, unpacked_limit};
