//! Metrics: what is reported of a model, summed up batch by batch on the host. Source: Keras 3,
//! `keras/src/metrics`.

mod accuracy;
mod auc;
mod catalogue;
mod common;
mod confusion;
mod correlation;
mod fbeta;
mod iou;
mod loss_mean;
mod mean;
mod operating_point;
mod plain;
mod rates;
mod values;

use std::fmt::Debug;

use cornu_tensor::{Array, Tensor};
use serde_json::{Map, Value};

use crate::LayerError;

pub use accuracy::{
    Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy, accuracy_for_shapes,
};

pub use auc::{AUC, Curve, Summation};
pub use catalogue::{METRICS, MetricEntry, metric_for_shapes, metric_from_config};
pub use correlation::{ClassAggregation, ConcordanceCorrelation, PearsonCorrelation, R2Score};
pub use fbeta::{Average, F1Score, FBetaScore};
pub use iou::{BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU};
pub use loss_mean::{
    BinaryCrossentropy, CategoricalCrossentropy, CategoricalHinge, CosineSimilarity, Hinge,
    KLDivergence, LogCoshError, LossMetric, MeanAbsoluteError, MeanAbsolutePercentageError,
    MeanSquaredError, MeanSquaredLogarithmicError, Poisson, SparseCategoricalCrossentropy,
    SquaredHinge,
};
pub use operating_point::{
    PrecisionAtRecall, RecallAtPrecision, SensitivityAtSpecificity, SpecificityAtSensitivity,
};
pub use plain::{Mean, RootMeanSquaredError, Sum};
pub use rates::{FalseNegatives, FalsePositives, Precision, Recall, TrueNegatives, TruePositives};

/// What every metric answers.
pub trait Metric: Debug + Send + Sync {
    /// Keras's class name, such as `BinaryAccuracy`.
    fn class_name(&self) -> &'static str;

    /// Its name in logs.
    fn name(&self) -> &str;

    /// Renames it.
    fn set_name(&mut self, name: &str);

    /// What Keras counts in: `float32` but for metrics that count in whole numbers.
    fn dtype(&self) -> &'static str {
        "float32"
    }

    /// Keys of Keras's `get_config()` apart from `name` and `dtype`.
    fn own_config(&self) -> Map<String, Value> {
        Map::new()
    }

    /// Whether it leaves out what the mask of the predictions leaves out, as Keras's means of a
    /// function do: the mask then is to be a factor of the sample weights.
    fn heeds_mask(&self) -> bool {
        false
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

    /// Goes on from sums that [`Metric::variables`] gave, in its order, each as a flat list: the
    /// metric is as it was then. Answers whether they fit; if not, nothing has changed.
    fn restore(&mut self, variables: &[Vec<f64>]) -> bool;

    /// Whether it should grow or fall, if that is known.
    fn direction(&self) -> Option<Direction> {
        None
    }

    /// Keras's `get_config()`.
    fn config(&self) -> Map<String, Value> {
        let mut config = Map::new();
        config.insert("name".to_owned(), self.name().into());
        config.insert("dtype".to_owned(), self.dtype().into());
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
