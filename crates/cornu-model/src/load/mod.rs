//! Models from files.

mod legacy;

use std::collections::BTreeSet;
use std::path::Path;

use cornu_formats::{Dataset, Group, read_h5, read_keras};
use cornu_tensor::Tensor;

use crate::compile::Compile;
use crate::save::file_error;
use crate::stored::stored_groups;
use crate::{Model, ModelError};

impl Model {
    /// Loads a `.keras` file that Keras 3 or [`Model::save`] wrote, or an `.h5` file of Keras. A model that was compiled is
    /// compiled again and goes on training where it was.
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
        if path.extension().is_some_and(|extension| extension == "h5") {
            return Self::load_legacy(path, compile);
        }
        let archive = read_keras(path).map_err(|error| file_error(path, error.without_file()))?;
        let in_file = |error: ModelError| in_file(path, "config.json", &error);
        let mut model = Self::from_config(&archive.config).map_err(in_file)?;
        let config = &archive.config["compile_config"];
        if compile && config.as_object().is_some_and(|config| !config.is_empty()) {
            let compile = Compile::from_config(config).map_err(in_file)?;
            model.compile_with(compile).map_err(in_file)?;
        }
        model
            .take_tree(&archive.weights)
            .map_err(|problem| ModelError::File { path: path.to_owned(), problem })?;
        Ok(model)
    }

    /// Loads the weights of a `.weights.h5` file, and the state of the optimizer if the file has one
    /// and the model is compiled.
    ///
    /// # Errors
    ///
    /// [`ModelError::File`] names the file, the layer and what is wrong. The model is unchanged
    /// then.
    pub fn load_weights(&mut self, path: impl AsRef<Path>) -> Result<(), ModelError> {
        let path = path.as_ref();
        let problem = |problem: String| ModelError::File { path: path.to_owned(), problem };
        let bytes = std::fs::read(path).map_err(|error| problem(error.to_string()))?;
        let root = read_h5(bytes).map_err(|error| file_error(path, error.to_string()))?;
        self.take_tree(&root).map_err(problem)
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
        if !scheduled {
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

/// What a file knows of an optimizer.
struct StoredOptimizer {
    iteration: u64,
    learning_rate: Option<f32>,
    state: Vec<Tensor>,
}

/// The values as `float32`; whole numbers too.
fn floats(dataset: &Dataset) -> Option<Tensor> {
    dataset.to_f32().or_else(|| dataset.to_i64().map(|values| values.map(|&value| value as f32)))
}

fn in_file(path: &Path, member: &str, error: &ModelError) -> ModelError {
    ModelError::File { path: path.to_owned(), problem: format!("{member}: {error}") }
}
