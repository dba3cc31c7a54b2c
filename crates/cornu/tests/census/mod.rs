//! Keras's names as its own code has them.
#![allow(dead_code, reason = "each test takes a part")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The root of the repository.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Keras's names as its own code has them; `None` where the file is not there.
pub(crate) fn census() -> Option<Value> {
    let found = workspace()
        .canonicalize()
        .ok()?
        .ancestors()
        .map(|folder| folder.join("shared/keras-api.json"))
        .find(|path| path.is_file());
    let Some(path) = found else {
        eprintln!("skipped: no shared/keras-api.json above the workspace");
        return None;
    };
    Some(serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
}
