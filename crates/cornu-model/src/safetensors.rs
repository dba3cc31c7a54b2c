//! Weights by name: safetensors files.

use std::path::Path;

use cornu_formats::{Dataset, Safetensors, read_safetensors, write_file_safely, write_safetensors};
use cornu_tensor::Tensor;

use crate::load::floats;
use crate::save::{file_error, weight_dataset};
use crate::{Model, ModelError};

impl Model {
    /// The weights by their paths, such as `conv2d/kernel`, or `base/conv2d/kernel` in a model used
    /// as a layer.
    pub(crate) fn save_safetensors(&self, path: &Path) -> Result<(), ModelError> {
        let mut file = Safetensors::default();
        for (index, weight) in self.weights.iter().enumerate() {
            file.tensors.insert(weight.path.clone(), weight_dataset(self, index));
        }
        file.metadata.insert("format".to_owned(), "keras".to_owned());
        let bytes =
            write_safetensors(&file).map_err(|error| file_error(path, error.to_string()))?;
        write_file_safely(path, &bytes).map_err(|error| file_error(path, error.without_path()))
    }

    /// Takes all weights over, or none if one is missing or does not fit, or if there are others.
    pub(crate) fn load_safetensors(&mut self, path: &Path) -> Result<(), ModelError> {
        let problem = |problem: String| file_error(path, problem);
        let bytes = std::fs::read(path).map_err(|error| problem(error.to_string()))?;
        let mut file = read_safetensors(&bytes).map_err(|error| problem(error.to_string()))?;
        drop(bytes);
        let mut values = Vec::new();
        for weight in &self.weights {
            let stored = file.tensors.remove(&weight.path);
            let stored =
                stored.ok_or_else(|| problem(format!("weight `{}` is missing", weight.path)))?;
            values.push(value(&weight.path, &weight.spec.dims, &stored).map_err(problem)?);
        }
        if !file.tensors.is_empty() {
            let names: Vec<String> = file.tensors.into_keys().collect();
            return Err(problem(format!(
                "the model has no such weights: {}; they were saved from another model",
                names.join(", ")
            )));
        }
        for (index, value) in values.into_iter().enumerate() {
            self.variables.set(index, value);
        }
        Ok(())
    }
}

fn value(path: &str, dims: &[usize], stored: &Dataset) -> Result<Tensor, String> {
    if stored.dims != dims {
        let got = &stored.dims;
        return Err(format!("weight `{path}`: expected shape {dims:?}, got {got:?}"));
    }
    floats(stored)
        .ok_or_else(|| format!("weight `{path}`: expected floats, got {}", stored.data.dtype()))
}
