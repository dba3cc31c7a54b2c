//! Runs the program, and makes small things for it to run on.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cornu::data::phantom;
use cornu::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

/// What a command did.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// Standard output of a command that succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// The objects that a command printed with `--json`.
    #[track_caller]
    pub(crate) fn json(self) -> Vec<Value> {
        self.ok().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The one line `error: ...` of a command that failed, which holds each of `parts`.
    #[track_caller]
    pub(crate) fn error(self, parts: &[&str]) {
        assert_eq!(self.code, 1, "{}{}", self.stdout, self.stderr);
        let last = self.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("error: "), "{}", self.stderr);
        assert_eq!(self.stderr.matches("error: ").count(), 1, "{}", self.stderr);
        for part in parts {
            assert!(last.contains(part), "`{part}` is not in: {last}");
        }
    }
}

/// A folder to work in.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A place with a small picture set in `pictures` and a small network in `net.json`.
    pub(crate) fn with_pictures() -> Self {
        let place = Self::new();
        phantom::Set::new(3, 20).export_png(&place.path("pictures")).unwrap();
        place.write_net("net.json", 1);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cornu"));
        command.current_dir(self.0.path()).env_remove("COLUMNS");
        command
    }

    /// Runs `cornu` with the words of `line`.
    pub(crate) fn run(&self, line: &str) -> Ran {
        self.command().args(line.split_whitespace()).output().unwrap().into()
    }

    /// A network for 32 x 32 grey pictures: sigmoid for one unit, else softmax.
    pub(crate) fn write_net(&self, name: &str, units: usize) {
        let last = if units == 1 { Activation::Sigmoid } else { Activation::Softmax };
        let inputs = Input::new([32, 32, 1]);
        let x = Conv2D::new(4, 3).activation(Activation::Relu).apply(&inputs).unwrap();
        let x = MaxPooling2D::new().apply(&x).unwrap();
        let x = GlobalAveragePooling2D::new().apply(&x).unwrap();
        let x = Dropout::new(0.2).apply(&x).unwrap();
        let outputs = Dense::new(units).activation(last).apply(&x).unwrap();
        let model = Model::new(&inputs, &outputs).unwrap();
        std::fs::write(self.path(name), model.to_json()).unwrap();
    }

    /// Bytes of a file.
    #[track_caller]
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        read(&self.path(name))
    }
}

#[track_caller]
pub(crate) fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
