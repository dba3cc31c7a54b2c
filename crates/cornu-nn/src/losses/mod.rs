//! Losses: how far predictions are from the truth, as a number to make small.
//!
//! A [`Loss`] adds nodes to a graph: [`Loss::losses`] one number per sample (and position), and
//! [`Loss::lower`] the weighted and reduced result. Source: Keras 3, `keras/src/losses`.

mod catalogue;
mod circle;
mod common;
mod crossentropy;
mod ctc;
mod focal;
mod hinge;
mod overlap;
mod probabilistic;
mod reduction;
mod regression;
mod simple;
mod targets;

use std::borrow::Cow;
use std::fmt::Debug;

use cornu_graph::{Graph, ValueId};
use cornu_tensor::Tensor;
use serde_json::{Map, Value};

use crate::{ConfigWriter, LayerError};

pub use catalogue::{LOSSES, LossEntry, crossentropy_for_shapes, loss_from_config};
pub use circle::Circle;
pub use crossentropy::{
    BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy,
};
pub use ctc::CTC;
pub use focal::{BinaryFocalCrossentropy, CategoricalFocalCrossentropy};
pub use hinge::{CategoricalHinge, Hinge, SquaredHinge};
pub use overlap::{Dice, Tversky};
pub use probabilistic::{CategoricalGeneralizedCrossEntropy, KLDivergence, Poisson};
pub use reduction::Reduction;
pub use regression::{
    CosineSimilarity, Huber, LogCosh, MeanAbsoluteError, MeanAbsolutePercentageError,
    MeanSquaredError, MeanSquaredLogarithmicError,
};
pub use targets::{WrongTarget, check_classes, check_within_0_and_1, first_wrong};

pub(crate) use catalogue::{Labels, optional_text};
pub(crate) use common::equalize_ranks;

/// What every loss answers.
pub trait Loss: Debug + Send + Sync {
    /// Keras's class name, such as `MeanSquaredError`.
    fn class_name(&self) -> &'static str;

    /// Name and reduction.
    fn settings(&self) -> &LossSettings;

    /// Keys of Keras's `get_config()` apart from `name` and `reduction`.
    ///
    /// All arguments are written, also the few that Keras's own `get_config` loses (`Huber.delta`,
    /// `CosineSimilarity.axis`).
    fn own_config(&self) -> Map<String, Value> {
        Map::new()
    }

    /// Keys of Keras's `get_config()` of the metric that is the mean of this loss; those of the loss
    /// for nearly all.
    fn metric_config(&self) -> Map<String, Value> {
        self.own_config()
    }

    /// Predictions as the metric that is the mean of this loss takes them; as they are for nearly
    /// all. For what Keras does in `f32`, while metrics are computed in double precision here.
    fn prepared<'a>(&self, y_pred: &'a Tensor) -> Cow<'a, Tensor> {
        Cow::Borrowed(y_pred)
    }

    /// One loss per sample and position: the last axis is averaged or summed away.
    ///
    /// The ranks of both operands are already made equal where Keras does so.
    ///
    /// # Errors
    ///
    /// [`LayerError::Graph`] or [`LayerError::InputShape`] if the shapes do not fit.
    fn losses(&self, graph: &mut Graph, y_true: ValueId, y_pred: ValueId) -> Built;

    /// 1 where the loss counts, 0 where it does not; of the shape of [`Loss::losses`].
    ///
    /// # Errors
    ///
    /// As for [`Loss::losses`].
    fn mask(
        &self,
        _graph: &mut Graph,
        _y_true: ValueId,
        _y_pred: ValueId,
    ) -> Result<Option<ValueId>, LayerError> {
        Ok(None)
    }

    /// Whether targets have a shape that the loss takes; here that of the predictions. (Keras spreads
    /// targets of one column over all predictions of some losses, which is hardly ever meant.)
    ///
    /// # Errors
    ///
    /// [`LayerError::InputShape`] if not.
    fn check_shapes(
        &self,
        graph: &Graph,
        y_true: ValueId,
        y_pred: ValueId,
    ) -> Result<(), LayerError> {
        crossentropy::same_shape(graph, y_true, y_pred)
    }

    /// Whether the loss takes the values of these targets, given the shape of the predictions with
    /// the samples' axis. Training and evaluation ask before each step. Here: all are taken.
    ///
    /// Targets that are infinite or NaN are refused by whoever asks, for all losses.
    ///
    /// # Errors
    ///
    /// [`WrongTarget`] names the first that is not taken.
    fn check_targets(&self, _targets: &[f32], _y_pred: &[usize]) -> Result<(), WrongTarget> {
        Ok(())
    }

    /// Number of classes that predictions of this shape tell apart, if they are about classes.
    fn classes(&self, _y_pred: &[usize]) -> Option<usize> {
        None
    }

    /// Its name in logs, such as `mean_squared_error`.
    fn name(&self) -> &str {
        &self.settings().name
    }

    /// How the losses of a batch become one number.
    fn reduction(&self) -> Reduction {
        self.settings().reduction
    }

    /// Keras's `get_config()`.
    fn config(&self) -> Map<String, Value> {
        let mut config = ConfigWriter::new()
            .set("name", self.name())
            .set("reduction", self.reduction().keras_name())
            .finish();
        config.extend(self.own_config());
        config
    }

    /// The losses times `sample_weight`, reduced: a scalar unless the reduction is
    /// [`Reduction::None`].
    ///
    /// Weights of shape `(N, 1)` and losses of shape `(N)` (or the other way round) meet as `(N, 1)`;
    /// everything else broadcasts as in NumPy, so weights `(N)` do not fit losses `(N, T)`.
    ///
    /// # Errors
    ///
    /// As for [`Loss::losses`] and [`Loss::check_shapes`]; also if the weights do not broadcast.
    fn lower(
        &self,
        graph: &mut Graph,
        y_true: ValueId,
        y_pred: ValueId,
        sample_weight: Option<ValueId>,
    ) -> Built {
        self.lower_masked(graph, y_true, y_pred, sample_weight, None)
    }

    /// As [`Loss::lower`], without the losses where the predictions' mask is 0.
    ///
    /// # Errors
    ///
    /// As for [`Loss::lower`].
    fn lower_masked(
        &self,
        graph: &mut Graph,
        y_true: ValueId,
        y_pred: ValueId,
        sample_weight: Option<ValueId>,
        mask: Option<ValueId>,
    ) -> Built {
        let (y_true, y_pred) = equalize_ranks(graph, y_true, y_pred)?;
        self.check_shapes(graph, y_true, y_pred)?;
        let losses = self.losses(graph, y_true, y_pred)?;
        let own = self.mask(graph, y_true, y_pred)?;
        let mask = match (mask, own) {
            (Some(mask), Some(own)) => Some(graph.and(mask, own)?),
            (mask, own) => mask.or(own),
        };
        reduction::reduce_weighted(graph, losses, sample_weight, mask, self.reduction())
    }
}

/// A value of the graph, or what is wrong.
pub type Built = Result<ValueId, LayerError>;

/// What all losses have.
#[derive(Debug, Clone, PartialEq)]
pub struct LossSettings {
    /// Name in logs.
    pub name: String,
    /// How the losses of a batch become one number.
    pub reduction: Reduction,
}

impl LossSettings {
    /// The default reduction under `name`.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), reduction: Reduction::SumOverBatchSize }
    }
}
