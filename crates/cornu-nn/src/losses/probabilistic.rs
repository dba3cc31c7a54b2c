//! Losses between distributions. Source: Keras 3, `keras/src/losses/losses.py`.

use cornu_graph::{Graph, ValueId};
use serde_json::{Map, Value};

use super::common::{EPSILON, mean_last};
use super::crossentropy::{class_labels, one_hot};
use super::simple::{loss_settings, simple_loss};
use super::targets::{WrongTarget, check_classes};
use super::{Built, Loss, LossSettings};
use crate::{ConfigWriter, LayerError};

simple_loss! {
    /// `sum(y log(y / p))` over the last axis, both kept in `[1e-7, 1]`.
    KLDivergence, "kl_divergence", |graph, y_true, y_pred| {
        let last = graph.shape(y_pred).rank().saturating_sub(1);
        let y = graph.clip(y_true, EPSILON, 1.0)?;
        let p = graph.clip(y_pred, EPSILON, 1.0)?;
        let ratio = graph.div(y, p)?;
        let log = graph.log(ratio)?;
        let losses = graph.mul(y, log)?;
        Ok(graph.sum(losses, &[last], false)?)
    }
}

simple_loss! {
    /// Mean of `p - y log(p + 1e-7)` over the last axis.
    Poisson, "poisson", |graph, y_true, y_pred| {
        let p = graph.add_scalar(y_pred, EPSILON)?;
        let log = graph.log(p)?;
        let likely = graph.mul(y_true, log)?;
        let losses = graph.sub(y_pred, likely)?;
        mean_last(graph, losses)
    }
}

/// `(1 - p[label]^q) / q`: between cross-entropy (`q` to 0) and mean absolute error (`q` = 1), for
/// noisy labels. Labels are whole numbers of the predictions' shape without the last axis.
#[derive(Debug, Clone, PartialEq)]
pub struct CategoricalGeneralizedCrossEntropy {
    settings: LossSettings,
    q: f64,
}

impl CategoricalGeneralizedCrossEntropy {
    /// With Keras's default `q`, 0.5.
    pub fn new() -> Self {
        Self { settings: LossSettings::named("categorical_generalized_cross_entropy"), q: 0.5 }
    }

    /// Between 0 and 1. Default 0.5.
    pub fn q(mut self, q: f64) -> Self {
        self.q = q;
        self
    }
}

loss_settings!(CategoricalGeneralizedCrossEntropy);

impl Loss for CategoricalGeneralizedCrossEntropy {
    fn class_name(&self) -> &'static str {
        "CategoricalGeneralizedCrossEntropy"
    }

    fn settings(&self) -> &LossSettings {
        &self.settings
    }

    fn own_config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("q", self.q).finish()
    }

    /// Labels are brought to the shape of the predictions less the class axis where they are used.
    fn check_shapes(&self, _: &Graph, _: ValueId, _: ValueId) -> Result<(), LayerError> {
        Ok(())
    }

    fn check_targets(&self, targets: &[f32], y_pred: &[usize]) -> Result<(), WrongTarget> {
        match self.classes(y_pred) {
            Some(classes) => check_classes(targets, classes, None),
            None => Ok(()),
        }
    }

    fn classes(&self, y_pred: &[usize]) -> Option<usize> {
        y_pred.last().copied()
    }

    fn losses(&self, graph: &mut Graph, y_true: ValueId, y_pred: ValueId) -> Built {
        let last = graph.shape(y_pred).rank().saturating_sub(1);
        let labels = class_labels(graph, y_true, y_pred, last)?;
        let chosen = one_hot(graph, labels, y_pred, last)?;
        let taken = graph.mul(chosen, y_pred)?;
        let p = graph.sum(taken, &[last], false)?;
        let q = graph.scalar(self.q)?;
        let power = graph.pow(p, q)?;
        let rest = graph.scalar_sub(1.0, power)?;
        Ok(graph.div(rest, q)?)
    }
}
