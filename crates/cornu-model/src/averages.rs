//! Moving averages of the weights, which the optimizer keeps with `use_ema`.

use crate::{Model, ModelError};

impl Model {
    /// Exchanges the weights with their moving averages, which an optimizer with `use_ema` keeps;
    /// a second call exchanges them back. Weights that are not trained have no average and stay, and
    /// before the first step nothing happens, as there are no averages yet.
    ///
    /// # Errors
    ///
    /// [`ModelError::NotCompiled`], or [`ModelError::Compile`] if the optimizer keeps no averages.
    ///
    /// # Source
    ///
    /// Keras 3, `keras/src/callbacks/swap_ema_weights.py`.
    pub fn swap_ema_weights(&mut self) -> Result<(), ModelError> {
        self.check_averages()?;
        for (weight, average) in self.averages() {
            self.variables.swap(weight, average);
        }
        Ok(())
    }

    /// Weights become their moving averages, if the optimizer keeps any: the end of training.
    pub(crate) fn take_averages(&mut self) {
        for (weight, average) in self.averages() {
            let mean = self.variables.exact(average);
            self.variables.set_exact(weight, mean);
        }
    }

    /// Whether there are averages to ask for.
    pub(crate) fn check_averages(&self) -> Result<(), ModelError> {
        let compiled = self.compiled("swap_ema_weights")?;
        if compiled.optimizer.settings().use_ema {
            return Ok(());
        }
        Err(ModelError::Compile(
            "the optimizer keeps no moving averages of the weights: give it use_ema(true)"
                .to_owned(),
        ))
    }

    /// Indices of the variables of each trained weight and of its average; none if there are none.
    fn averages(&self) -> Vec<(usize, usize)> {
        let Some(compiled) = &self.compiled else { return Vec::new() };
        if !compiled.optimizer.settings().use_ema || compiled.iteration == 0 {
            return Vec::new();
        }
        // The averages of all trainable weights are the optimizer's first variables.
        let first = self.weights.len();
        let trainable = (0..first).filter(|&i| self.weights[i].trainable);
        trainable.zip(first..).collect()
    }
}
