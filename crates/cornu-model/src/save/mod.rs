//! Models to files.

mod legacy;

use std::path::Path;

use cornu_formats::{Data, Dataset, Group, KerasArchive, write_file_safely, write_h5, write_keras};
use cornu_nn::optimizers::LearningRate;
use cornu_tensor::Tensor;

use crate::stored::stored_groups;
use crate::{Model, ModelError};

impl Model {
    /// Saves the model with its weights, what it is compiled with and the optimizer's state: as a
    /// `.keras` file that Keras 3 loads or, if the name ends in `.h5` or `.hdf5`, as an HDF5 file that
    /// Keras 3 loads too. Equal models give equal bytes. A file that is there is replaced completely
    /// or, if writing fails, stays as it is.
    ///
    /// # Errors
    ///
    /// [`ModelError::File`] names the file and what is wrong: an `.h5` file cannot hold operations.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ModelError> {
        let path = path.as_ref();
        let name = path.to_string_lossy();
        if name.ends_with(".weights.h5") {
            return Err(file_error(
                path,
                "a name that ends in `.weights.h5` is for weights alone: use `save_weights`, or \
                 another name"
                    .to_owned(),
            ));
        }
        if name.ends_with(".h5") || name.ends_with(".hdf5") {
            let tree = self.legacy_tree().map_err(|problem| file_error(path, problem))?;
            return write_tree(path, &tree);
        }
        expect_name(path, &[".keras", ".h5", ".hdf5"])?;
        write_keras(path, &self.to_archive())
            .map_err(|error| file_error(path, error.without_file()))
    }

    /// What [`Model::save`] writes, for programs that add something of their own to the file.
    pub fn to_archive(&self) -> KerasArchive {
        KerasArchive::new(self.to_config(), self.weights_tree())
    }

    /// Saves the weights, and the optimizer's state if there is one, as a `.weights.h5` file; or the
    /// weights alone, by their paths (`conv2d/kernel`), as a `.safetensors` file.
    ///
    /// # Errors
    ///
    /// As for [`Model::save`].
    pub fn save_weights(&self, path: impl AsRef<Path>) -> Result<(), ModelError> {
        let path = path.as_ref();
        expect_name(path, &[".weights.h5", ".safetensors"])?;
        if path.to_string_lossy().ends_with(".safetensors") {
            return self.save_safetensors(path);
        }
        write_tree(path, &self.weights_tree())
    }

    /// The tree of Keras's `model.weights.h5`.
    fn weights_tree(&self) -> Group {
        let mut root = Group::default();
        for group in stored_groups(&self.network, self.name(), &self.weights, &self.layer_weights) {
            root.group_mut(&group.path).set_text("name", group.name);
            for (position, &weight) in group.weights.iter().enumerate() {
                let path = format!("{}/{position}", group.path);
                root.set_dataset(&path, weight_dataset(self, weight));
            }
        }
        self.add_optimizer(&mut root);
        root
    }

    fn add_optimizer(&self, root: &mut Group) {
        let Some(compiled) = &self.compiled else { return };
        let settings = compiled.optimizer.settings();
        root.group_mut("optimizer/vars").set_text("name", settings.name.as_str());
        let iteration = Data::I64(vec![compiled.iteration as i64]);
        let mut datasets = vec![Dataset::new([], iteration)];
        if let LearningRate::Constant(rate) = settings.learning_rate {
            datasets.push(Dataset::new([], Data::F32(vec![rate])));
        }
        let n_state = compiled.state.as_ref().map_or(0, Vec::len);
        let state = self.weights.len()..self.weights.len() + n_state;
        datasets.extend(state.map(|index| dataset(self.variables.get(index))));
        for (position, dataset) in datasets.into_iter().enumerate() {
            root.set_dataset(&format!("optimizer/vars/{position}"), dataset);
        }
    }
}

fn dataset(value: &Tensor) -> Dataset {
    Dataset::new(value.dims(), Data::F32(value.data().to_vec()))
}

/// The values of a weight in the type that Keras has for it.
pub(crate) fn weight_dataset(model: &Model, weight: usize) -> Dataset {
    let value = model.variables.get(weight);
    if !model.weights[weight].is_integer() {
        return dataset(value);
    }
    Dataset::new(value.dims(), Data::I64(value.data().iter().map(|&v| v as i64).collect()))
}

fn write_tree(path: &Path, tree: &Group) -> Result<(), ModelError> {
    let bytes = write_h5(tree).map_err(|error| file_error(path, error.to_string()))?;
    write_file_safely(path, &bytes).map_err(|error| file_error(path, error.without_path()))
}

fn expect_name(path: &Path, endings: &[&str]) -> Result<(), ModelError> {
    if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
        return Ok(());
    }
    let endings: Vec<String> = endings.iter().map(|ending| format!("`{ending}`")).collect();
    Err(file_error(path, format!("expected a name that ends in {}", endings.join(" or "))))
}

/// The cause in `error`'s words, which may name the file already.
pub(crate) fn file_error(path: &Path, problem: String) -> ModelError {
    ModelError::File { path: path.to_owned(), problem }
}
