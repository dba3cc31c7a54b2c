//! Metrics: what is reported of a model, summed up batch by batch on the host. Source: Keras 3,
//! `keras/src/metrics`.

mod accuracy;
mod mean;
mod values;

use std::fmt::Debug;

use cornu_tensor::{Array, Tensor};
use serde_json::{Map, Value};

use crate::LayerError;

pub use accuracy::{
    Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy, accuracy_for_shapes,
};

/// What every metric answers.
pub trait Metric: Debug + Send + Sync {
    /// Keras's class name, such as `BinaryAccuracy`.
    fn class_name(&self) -> &'static str;

    /// Its name in logs.
    fn name(&self) -> &str;

    /// Renames it.
    fn set_name(&mut self, name: &str);

    /// Keys of Keras's `get_config()` apart from `name` and `dtype`.
    fn own_config(&self) -> Map<String, Value> {
        Map::new()
    }

    /// Takes a batch into account; labels that are whole numbers come as floats.
    ///
    /// # Errors
    ///
    /// [`LayerError::InputShape`] if the shapes do not fit.
    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<(), LayerError>;

    /// The value over all batches since the start or the last reset; several for a few metrics.
    fn result(&self) -> Vec<f64>;

    /// Forgets all batches.
    fn reset(&mut self);

    /// The sums that it keeps, as Keras names them.
    fn variables(&self) -> Vec<(&'static str, Array<f64>)>;

    /// Whether it should grow or fall, if that is known.
    fn direction(&self) -> Option<Direction> {
        None
    }

    /// Keras's `get_config()`.
    fn config(&self) -> Map<String, Value> {
        let mut config = Map::new();
        config.insert("name".to_owned(), self.name().into());
        config.insert("dtype".to_owned(), "float32".into());
        config.extend(self.own_config());
        config
    }
}

/// Which way a metric gets better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Larger is better.
    Up,
    /// Smaller is better.
    Down,
}
