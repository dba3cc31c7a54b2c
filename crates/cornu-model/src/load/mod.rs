//! Models from files.

mod legacy;
mod legacy_optimizer;

use std::collections::BTreeSet;
use std::path::Path;

use cornu_formats::{Dataset, FileKind, Group, read_h5, read_keras};
use cornu_tensor::Tensor;
use serde_json::Value;

use crate::compile::Compile;
use crate::config::upgrade::Origin;
use crate::save::file_error;
use crate::stored::stored_groups;
use crate::{Model, ModelError};

impl Model {
    /// Loads a whole model: a `.keras` file that Keras 3 or [`Model::save`] wrote, the folder of an
    /// unzipped one, or an `.h5` (or `.hdf5`) file of any version of Keras. The bytes tell which it is.
    /// A model that was compiled is compiled again and goes on training where it was; where the
    /// state of its optimizer cannot be used, [`Model::load_notes`] says why.
    ///
    /// # Errors
    ///
    /// [`ModelError::File`] names the file, the layer and what is wrong. For a file that was
    /// compiled with something unknown, see [`Model::load_without_compile`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        Self::load_file(path.as_ref(), true)
    }

    /// The same without loss, metrics and optimizer: enough to predict with.
    ///
    /// # Errors
    ///
    /// As for [`Model::load`].
    pub fn load_without_compile(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        Self::load_file(path.as_ref(), false)
    }

    fn load_file(path: &Path, compile: bool) -> Result<Self, ModelError> {
        let problem = |problem: String| ModelError::File { path: path.to_owned(), problem };
        let kind = FileKind::of(path).map_err(problem)?;
        match kind {
            FileKind::Hdf5 => return Self::load_legacy(path, &read_tree(path)?, compile),
            FileKind::Safetensors => {
                return Err(problem(
                    "safetensors files have weights but no model; make the model first, from code \
                     or from a .json config, and load these weights into it"
                        .to_owned(),
                ));
            }
            FileKind::Json => {
                return Err(problem(
                    "a .json config has no weights; read it with `Model::from_json`".to_owned(),
                ));
            }
            FileKind::KerasArchive => {}
        }
        let mut archive =
            read_keras(path).map_err(|error| file_error(path, error.without_file()))?;
        let in_file = |error: ModelError| in_file(path, "config.json", &error);
        let version = archive.metadata["keras_version"].as_str();
        let origin = version.map_or_else(|| Origin::of_model(&archive.config), Origin::of_version);
        let mut model = Self::from_config_of(&archive.config, origin).map_err(in_file)?;
        let config = &archive.config["compile_config"];
        if compile && config.as_object().is_some_and(|config| !config.is_empty()) {
            model.compile_as(config, origin).map_err(in_file)?;
        }
        let is_old = version.is_some() && origin == Origin::Older;
        if is_old {
            as_keras_3(&mut archive.weights);
        }
        let optimizer = model.optimizer_of(&archive.weights);
        if let (true, Err(cause)) = (is_old, optimizer) {
            model.load_notes.push(format!("{OPTIMIZER_UNUSED}: {cause}"));
            archive.weights.groups.retain(|(name, _)| name != "optimizer");
        }
        model.take_tree(&archive.weights).map_err(problem)?;
        Ok(model)
    }

    /// Compiles the model as a file says. One loss, which Keras 2 noted alone, is that of every
    /// output.
    fn compile_as(&mut self, config: &Value, origin: Origin) -> Result<(), ModelError> {
        let mut config = config.clone();
        let n_outputs = self.output_shapes().len();
        let loss = &config["loss"];
        if 1 < n_outputs && (loss.is_string() || loss["class_name"].is_string()) {
            config["loss"] = vec![loss.clone(); n_outputs].into();
        }
        self.compile_with(Compile::from_config_of(&config, origin)?)
    }

    /// Loads the weights of a `.weights.h5` file, and the state of the optimizer if the file has one
    /// and the model is compiled; the weights of a whole model (`.keras`, `.h5`), of an `.h5` file
    /// that Keras 2's `save_weights` wrote, or of a `.safetensors` file with Keras's names.
    ///
    /// # Errors
    ///
    /// [`ModelError::File`] names the file, the layer and what is wrong. The model is unchanged
    /// then.
    pub fn load_weights(&mut self, path: impl AsRef<Path>) -> Result<(), ModelError> {
        let path = path.as_ref();
        let problem = |problem: String| ModelError::File { path: path.to_owned(), problem };
        match FileKind::of(path).map_err(problem)? {
            FileKind::Hdf5 => {
                let root = read_tree(path)?;
                if root.group("model_weights").is_some() || legacy::is_legacy(&root) {
                    return self.take_legacy_weights(&root).map(|_| ()).map_err(problem);
                }
                self.take_tree(&root).map_err(problem)
            }
            FileKind::KerasArchive => {
                let archive =
                    read_keras(path).map_err(|error| file_error(path, error.without_file()))?;
                self.take_tree(&archive.weights).map_err(problem)
            }
            FileKind::Safetensors => self.load_safetensors(path),
            FileKind::Json => Err(problem("a .json config has no weights".to_owned())),
        }
    }

    /// What did not go as it should when the model was loaded, though it could be: one text each.
    pub fn load_notes(&self) -> &[String] {
        &self.load_notes
    }

    /// Takes all values over, or none if one does not fit.
    fn take_tree(&mut self, root: &Group) -> Result<(), String> {
        let weights = self.weights_of(root)?;
        let optimizer = self.optimizer_of(root)?;
        for (index, value) in weights {
            self.variables.set(index, value);
        }
        if let Some(optimizer) = optimizer {
            self.take_optimizer(optimizer).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn weights_of(&self, root: &Group) -> Result<Vec<(usize, Tensor)>, String> {
        let mut values = Vec::new();
        let mut known = BTreeSet::new();
        for group in stored_groups(&self.network, self.name(), &self.weights, &self.layer_weights) {
            for (position, &index) in group.weights.iter().enumerate() {
                let path = format!("{}/{position}", group.path);
                let weight = &self.weights[index];
                let place =
                    format!("layer `{}`: weight `{}` (`{path}`)", group.name, weight.spec.name);
                let dataset = root.dataset(&path).ok_or_else(|| format!("{place} is missing"))?;
                if dataset.dims != weight.spec.dims {
                    return Err(format!(
                        "{place}: expected shape {:?}, got {:?}",
                        weight.spec.dims, dataset.dims
                    ));
                }
                values.push((
                    index,
                    floats(dataset).ok_or_else(|| {
                        format!("{place}: expected floats, got {}", dataset.data.dtype())
                    })?,
                ));
                known.insert(path);
            }
        }
        let unknown = root.all_datasets().into_iter().map(|(path, _)| path);
        let unknown: Vec<String> = unknown
            .map(|path| path.trim_start_matches('/').to_owned())
            .filter(|path| !path.starts_with("optimizer/") && !known.contains(path))
            // The sums of metrics, which Keras 2 saved too.
            .filter(|path| !path.starts_with("metrics/"))
            .collect();
        if unknown.is_empty() {
            return Ok(values);
        }
        Err(format!(
            "the model has no such weights: {}; it was saved from another model",
            unknown.join(", ")
        ))
    }

    fn optimizer_of(&self, root: &Group) -> Result<Option<StoredOptimizer>, String> {
        let (Some(compiled), Some(group)) = (&self.compiled, root.group("optimizer/vars")) else {
            return Ok(None);
        };
        let place = format!("optimizer `{}`", compiled.optimizer.name());
        let dataset = |position: usize| group.dataset(&position.to_string());
        let Some(iteration) = dataset(0) else { return Ok(None) };
        let iteration = iteration
            .to_i64()
            .and_then(|value| value.data().first().copied())
            .and_then(|value| u64::try_from(value).ok())
            .ok_or_else(|| format!("{place}: `vars/0` (iteration) is not a whole number"))?;
        let scheduled = self.has_schedule();
        let mut next = 1;
        let mut learning_rate = None;
        let n_state = self.optimizer_specs().len();
        // Keras 2 did not save the learning rate here.
        let without_rate = 0 < n_state && group.datasets.len() == 1 + n_state;
        if !scheduled && !without_rate {
            learning_rate = dataset(1).and_then(floats).and_then(|v| v.data().first().copied());
            next = 2;
        }
        let mut state = Vec::new();
        for position in next.. {
            let Some(dataset) = dataset(position) else { break };
            state.push(floats(dataset).ok_or_else(|| {
                format!(
                    "{place}: `vars/{position}`: expected numbers, got {}",
                    dataset.data.dtype()
                )
            })?);
        }
        let stored = StoredOptimizer { iteration, learning_rate, state };
        self.check_state(&place, &stored)?;
        Ok(Some(stored))
    }

    fn check_state(&self, place: &str, stored: &StoredOptimizer) -> Result<(), String> {
        // An optimizer that took no step yet has no state but its counter and learning rate.
        if stored.state.is_empty() {
            return Ok(());
        }
        let specs = self.optimizer_specs();
        if specs.len() != stored.state.len() {
            return Err(format!(
                "{place}: expected {} variables besides iteration and learning rate, got {}",
                specs.len(),
                stored.state.len()
            ));
        }
        for (spec, value) in specs.iter().zip(&stored.state) {
            if spec.dims != value.dims() {
                return Err(format!(
                    "{place}: `{}`: expected shape {:?}, got {:?}",
                    spec.path,
                    spec.dims,
                    value.dims()
                ));
            }
        }
        Ok(())
    }

    fn take_optimizer(&mut self, stored: StoredOptimizer) -> Result<(), ModelError> {
        if let Some(rate) = stored.learning_rate {
            self.set_learning_rate(f64::from(rate))?;
        }
        if !stored.state.is_empty() {
            self.build_optimizer()?;
            let first = self.weights.len();
            for (position, value) in stored.state.into_iter().enumerate() {
                self.variables.set(first + position, value);
            }
        }
        self.compiled_mut("load")?.iteration = stored.iteration;
        Ok(())
    }
}

/// What [`Model::load_notes`] says of an optimizer, before the cause.
const OPTIMIZER_UNUSED: &str = "the optimizer's state is not used, so it starts anew";

/// Gives the groups of Keras 2's weights the names that they have in Keras 3.
fn as_keras_3(group: &mut Group) {
    for (name, inner) in &mut group.groups {
        if matches!(&name[..], "_query_dense" | "_key_dense" | "_value_dense" | "_output_dense") {
            name.remove(0);
        }
        as_keras_3(inner);
    }
}

fn read_tree(path: &Path) -> Result<Group, ModelError> {
    let bytes = std::fs::read(path).map_err(|error| file_error(path, error.to_string()))?;
    read_h5(bytes).map_err(|error| file_error(path, error.to_string()))
}

/// What a file knows of an optimizer.
struct StoredOptimizer {
    iteration: u64,
    learning_rate: Option<f32>,
    state: Vec<Tensor>,
}

/// The values as `float32`; whole numbers too.
pub(crate) fn floats(dataset: &Dataset) -> Option<Tensor> {
    dataset.to_f32().or_else(|| dataset.to_i64().map(|values| values.map(|&value| value as f32)))
}

fn in_file(path: &Path, member: &str, error: &ModelError) -> ModelError {
    ModelError::File { path: path.to_owned(), problem: format!("{member}: {error}") }
}
