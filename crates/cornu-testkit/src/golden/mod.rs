//! Numbers that the real Keras computed ("golden cases"), to compare our own with.
//!
//! The folder of cases is named by the environment variable `CORNU_GOLDEN`; without it,
//! `shared/golden/cases` is looked for in the folders above the workspace. That folder is not part
//! of the repository; a selection of other cases is, see [`Cases::committed`]:
//!
//! ```
//! use cornu_testkit::Cases;
//!
//! let Some(cases) = Cases::find().or_else(Cases::committed) else {
//!     eprintln!("skipped: no golden cases");
//!     return;
//! };
//! for case in cases.of_kind("activation") {
//!     let output = case.f32("out.0").unwrap(); // in a test: computed from case.f32("in.0")
//!     case.check("out.0", &output).unwrap();
//! }
//! ```
//!
//! A case is a pair of files, `KIND/NAME.json` and `KIND/NAME.safetensors`. Where the index says
//! `"packed": true`, all cases of a kind share a pair: `KIND.json` maps ids to cases, and tensors in
//! `KIND.safetensors` are called `KIND/NAME/TENSOR`.

mod case;
mod stored;

pub use case::{Case, number};

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stored::Stored;

/// Row-major positions of elements on which Keras' own backends disagree.
#[derive(Debug, Clone)]
enum Disputed {
    All,
    Elements(Vec<usize>),
}

/// Case id -> tensor name -> disputed elements, where JAX differs from the recorded TensorFlow.
type DisputedTensors = BTreeMap<String, BTreeMap<String, Disputed>>;

/// A folder of golden cases and its index.
#[derive(Debug, Clone)]
pub struct Cases {
    folder: PathBuf,
    index: Vec<Entry>,
    disputed: DisputedTensors,
    /// All cases, if they are packed.
    packed: Arc<BTreeMap<String, (Value, BTreeMap<String, Stored>)>>,
}

/// One line of the index.
#[derive(Debug, Clone)]
struct Entry {
    id: String,
    kind: String,
}

impl Cases {
    /// The cases of this machine; `None` where there are none.
    ///
    /// # Panics
    ///
    /// If `CORNU_GOLDEN` is set and names no readable folder of cases: tests that were asked for
    /// must not be skipped.
    pub fn find() -> Option<Self> {
        let folder = match env::var_os("CORNU_GOLDEN") {
            // Tests run in their crate's folder; whoever sets this is in the workspace's.
            Some(folder) => {
                let folder = workspace().join(folder);
                let inner = folder.join("cases");
                if inner.join("index.json").is_file() { inner } else { folder }
            }
            None => folder_above(&workspace())?,
        };
        match Self::open(&folder) {
            Ok(cases) => Some(cases),
            Err(message) => panic!("golden cases: {message}"),
        }
    }

    /// The cases that come with the repository, in `conformance/vectors`; `None` if they were left
    /// out.
    ///
    /// # Panics
    ///
    /// If their index is damaged.
    pub fn committed() -> Option<Self> {
        let folder = workspace().join("conformance/vectors");
        if !folder.join("index.json").is_file() {
            return None;
        }
        match Self::open(&folder) {
            Ok(cases) => Some(cases),
            Err(message) => panic!("golden cases: {message}"),
        }
    }

    /// The cases in `folder`.
    ///
    /// # Errors
    ///
    /// A message that names the file that is missing or damaged.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let index_file = folder.join("index.json");
        let index = read_json(&index_file)?;
        let is_packed = index["packed"] == true;
        let entries = index["cases"]
            .as_array()
            .ok_or_else(|| format!("{}: no list \"cases\"", index_file.display()))?;
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let index = entries.iter().map(|e| Entry { id: text(e, "id"), kind: text(e, "kind") });
        let mut disputed = BTreeMap::new();
        for file in ["../disputed.json", "disputed.json"].map(|name| folder.join(name)) {
            if file.exists() {
                disputed.extend(disputed_by_jax(&read_json(&file)?));
            }
        }
        let index: Vec<Entry> = index.collect();
        let mut packed = BTreeMap::new();
        if is_packed {
            let kinds: BTreeSet<&str> = index.iter().map(|entry| entry.kind.as_str()).collect();
            for kind in kinds {
                read_pack(folder, kind, &mut packed)?;
            }
        }
        Ok(Self { folder: folder.to_owned(), index, disputed, packed: Arc::new(packed) })
    }

    /// The folder of cases.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path of a file that Keras saved: `files/NAME`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join("files").join(name)
    }

    /// Id and kind of every case, in the order of the index.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.index.iter().map(|entry| (entry.id.as_str(), entry.kind.as_str()))
    }

    /// Ids of all cases of a kind (`"layer"`, `"loss"`, ...), in the order of the index.
    pub fn ids(&self, kind: &str) -> Vec<&str> {
        let of_kind = self.index.iter().filter(|entry| entry.kind == kind);
        of_kind.map(|entry| entry.id.as_str()).collect()
    }

    /// Reads all cases of a kind, one after the other.
    ///
    /// # Panics
    ///
    /// When it comes to a case whose files are missing or damaged.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = Case> + 'a {
        self.ids(kind).into_iter().map(|id| match self.read(id) {
            Ok(case) => case,
            Err(message) => panic!("golden case {id}: {message}"),
        })
    }

    /// Reads the case with an id such as `"layer/dense-relu"`.
    ///
    /// # Errors
    ///
    /// A message that names the file that is missing or damaged.
    pub fn read(&self, id: &str) -> Result<Case, String> {
        let disputed = self.disputed.get(id).cloned().unwrap_or_default();
        if let Some((json, tensors)) = self.packed.get(id) {
            return Ok(Case::new(id.to_owned(), json.clone(), tensors.clone(), disputed));
        }
        let json = read_json(&self.folder.join(format!("{id}.json")))?;
        let numbers = self.folder.join(format!("{id}.safetensors"));
        let tensors =
            if numbers.exists() { stored::read_tensors(&numbers)? } else { BTreeMap::new() };
        Ok(Case::new(id.to_owned(), json, tensors, disputed))
    }
}

/// Adds all cases of a kind in `folder` to `packed`.
fn read_pack(
    folder: &Path,
    kind: &str,
    packed: &mut BTreeMap<String, (Value, BTreeMap<String, Stored>)>,
) -> Result<(), String> {
    let file = folder.join(format!("{kind}.json"));
    let Value::Object(cases) = read_json(&file)? else {
        return Err(format!("{}: expected an object", file.display()));
    };
    packed.extend(cases.into_iter().map(|(id, json)| (id, (json, BTreeMap::new()))));
    let numbers = folder.join(format!("{kind}.safetensors"));
    for (path, tensor) in stored::read_tensors(&numbers)? {
        let slash = path.match_indices('/').nth(1).map(|(at, _)| at);
        let case = slash.and_then(|at| packed.get_mut(&path[..at]).zip(path.get(at + 1..)));
        let Some(((_, tensors), name)) = case else {
            return Err(format!("{}: {path:?} belongs to no case", numbers.display()));
        };
        tensors.insert(name.to_owned(), tensor);
    }
    Ok(())
}

/// The folder of the workspace.
fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// `shared/golden/cases` in the nearest folder above `start` that has it.
fn folder_above(start: &Path) -> Option<PathBuf> {
    let candidates = start.ancestors().map(|folder| folder.join("shared/golden/cases"));
    candidates.into_iter().find(|cases| cases.join("index.json").is_file())
}

fn read_json(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Keeps the entries that name JAX: where only torch differs, the recorded value stands.
fn disputed_by_jax(json: &Value) -> DisputedTensors {
    let cases = json.as_object().into_iter().flatten();
    let cases = cases.map(|(id, tensors)| {
        let tensors = tensors.as_object().into_iter().flatten();
        let tensors = tensors.filter_map(|(name, backends)| {
            let disputed = match &backends.get("jax")?["elements"] {
                Value::Array(elements) => Disputed::Elements(
                    elements.iter().filter_map(|i| i.as_u64().map(|i| i as usize)).collect(),
                ),
                _ => Disputed::All,
            };
            Some((name.clone(), disputed))
        });
        (id.clone(), tensors.collect())
    });
    cases.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_jax_disputes_is_disputed() {
        let disputed = disputed_by_jax(&json!({
            "op/a": {
                "gin.0": {"jax": {"elements": [3, 5], "of": 9}, "torch": {"elements": [1], "of": 9}},
                "out.0": {"torch": {"elements": [1], "of": 9}},
                "out.1": {"jax": {"elements": null, "of": 9}},
            }
        }));
        let tensors = &disputed["op/a"];
        assert!(matches!(&tensors["gin.0"], Disputed::Elements(e) if e == &[3, 5]));
        assert!(!tensors.contains_key("out.0"));
        assert!(matches!(tensors["out.1"], Disputed::All));
    }

    #[test]
    fn a_missing_folder_is_named() {
        let message = Cases::open(Path::new("no/such/folder")).unwrap_err();
        assert!(message.contains("no/such/folder/index.json"), "{message}");
    }

    #[test]
    fn every_case_can_be_read_and_agrees_with_itself() {
        let Some(cases) = Cases::find().or_else(Cases::committed) else {
            eprintln!("skipped: no golden cases");
            return;
        };
        for kind in ["layer", "activation", "loss", "metric", "optimizer", "schedule", "op"] {
            for case in cases.of_kind(kind) {
                for name in case.names().filter(|name| !name.starts_with("f64/")) {
                    case.check(name, &case.f32(name).unwrap()).unwrap();
                    case.check_f64(name, &case.truth(name).unwrap()).unwrap();
                }
            }
        }
    }

    #[test]
    fn a_wrong_element_is_noticed() {
        let Some(cases) = Cases::find().or_else(Cases::committed) else {
            eprintln!("skipped: no golden cases");
            return;
        };
        let Some(case) = cases.of_kind("layer").find(|case| case.class() == "Dense") else {
            eprintln!("skipped: no case of a dense layer");
            return;
        };
        let mut out = case.f32("out.0").unwrap();
        out.data_mut()[0] += 1.0;
        let message = case.check("out.0", &out).unwrap_err();
        assert!(message.starts_with("out.0: 1 of "), "{message}");
        assert!(case.check("out.7", &out).unwrap_err().contains("no tensor \"out.7\""));
    }
}
