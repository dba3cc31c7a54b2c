//! The `.keras` archive: a zip of `metadata.json`, `config.json`, `model.weights.h5` and assets.
//! Source: Keras 3, keras/src/saving/saving_lib.py.

mod error;
mod members;
mod read;
mod write;

pub use error::{ArchiveError, Problem};
pub use read::{MAX_JSON, read_keras, read_keras_bytes};
pub use write::{keras_bytes, write_keras};

use crate::h5::Group;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const METADATA: &str = "metadata.json";
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.weights.h5";
const ASSETS: &str = "assets/";

/// The Keras version whose format is written.
pub const KERAS_VERSION: &str = "3.15.1";

/// What a `.keras` file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct KerasArchive {
    /// `keras_version` and `date_saved`; null where the file has none (Keras does not ask for it).
    pub metadata: Value,
    /// The serialized model: `module`, `class_name`, `config`, ...
    pub config: Value,
    /// The tree of the weights file.
    pub weights: Group,
    /// Other files of layers, such as vocabularies, by their path below `assets/`.
    pub assets: BTreeMap<String, Vec<u8>>,
}

impl KerasArchive {
    /// An archive without assets, of [`KERAS_VERSION`].
    ///
    /// The date is always 1980-01-01: equal models give equal files.
    pub fn new(config: Value, weights: Group) -> Self {
        let metadata = json!({"keras_version": KERAS_VERSION, "date_saved": "1980-01-01@00:00:00"});
        Self { metadata, config, weights, assets: BTreeMap::new() }
    }
}
