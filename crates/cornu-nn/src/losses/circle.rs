//! Embeddings that are near those of the same class. Source: Keras 3, `keras/src/losses/losses.py`.

use cornu_graph::ops::CircleSums;
use cornu_graph::{Graph, ValueId};
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value};

use super::simple::loss_settings;
use super::targets::{WrongTarget, check_whole};
use super::{Built, Loss, LossSettings};
use crate::{ConfigWriter, LayerError, SymbolicShape};

/// Compares each sample with all others of the batch: `softplus(log(sum over its class) + log(sum over
/// the other classes))` with the terms of [`CircleSums`].
///
/// Predictions `(N, D)` are embeddings of length 1 (a `Dense` layer without activation and a
/// `UnitNormalization`); labels `(N)` or `(N, 1)` are whole numbers. One loss per sample. A sample
/// whose class or other classes have nobody has no loss (and no gradient, where that of Keras is NaN),
/// and the means are over the others. Samples that are masked or weigh 0 have no loss of their own, but
/// the others are compared with them, as in Keras.
#[derive(Debug, Clone, PartialEq)]
pub struct Circle {
    settings: LossSettings,
    gamma: f64,
    margin: f64,
    remove_diagonal: bool,
}

impl Circle {
    /// With Keras's defaults: `gamma` 80, `margin` 0.4, `remove_diagonal`.
    pub fn new() -> Self {
        Self {
            settings: LossSettings::named("circle"),
            gamma: 80.0,
            margin: 0.4,
            remove_diagonal: true,
        }
    }

    /// The scale of all terms. Default 80.
    pub fn gamma(mut self, gamma: f64) -> Self {
        self.gamma = gamma;
        self
    }

    /// The distance below which other classes weigh more and the same class less. Default 0.4.
    pub fn margin(mut self, margin: f64) -> Self {
        self.margin = margin;
        self
    }

    /// Whether a sample is not compared with itself. Default true.
    pub fn remove_diagonal(mut self, remove_diagonal: bool) -> Self {
        self.remove_diagonal = remove_diagonal;
        self
    }
}

loss_settings!(Circle);

impl Loss for Circle {
    fn class_name(&self) -> &'static str {
        "Circle"
    }

    fn settings(&self) -> &LossSettings {
        &self.settings
    }

    fn own_config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("gamma", self.gamma)
            .set("margin", self.margin)
            .set("remove_diagonal", self.remove_diagonal)
            .finish()
    }

    fn check_shapes(
        &self,
        graph: &Graph,
        y_true: ValueId,
        y_pred: ValueId,
    ) -> Result<(), LayerError> {
        let (labels, embeddings) = (graph.shape(y_true), graph.shape(y_pred));
        let one_each = matches!(labels.dims(), [_] | [_, Dim::Fixed(1)]);
        if one_each && matches!(embeddings.dims(), [_, Dim::Fixed(_)]) {
            return Ok(());
        }
        Err(LayerError::input_shape(
            "labels (None,) or (None, 1) and embeddings (None, size) for Circle",
            &[SymbolicShape::from_graph(labels), SymbolicShape::from_graph(embeddings)],
        ))
    }

    fn check_targets(&self, targets: &[f32], _y_pred: &[usize]) -> Result<(), WrongTarget> {
        check_whole(targets, "Circle compares classes: give each class a whole number")
    }

    fn losses(&self, graph: &mut Graph, y_true: ValueId, y_pred: ValueId) -> Built {
        let classes = graph.reshape(y_true, Shape::batched([]))?;
        let op = CircleSums {
            gamma: self.gamma,
            margin: self.margin,
            remove_diagonal: self.remove_diagonal,
        };
        let sums = graph.circle_sums(y_pred, classes, op)?;
        let sum = graph.sum(sums, &[1], false)?;
        Ok(graph.softplus(sum)?)
    }

    /// Keras leaves losses of 0 out of the means.
    fn mask(
        &self,
        graph: &mut Graph,
        y_true: ValueId,
        y_pred: ValueId,
    ) -> Result<Option<ValueId>, LayerError> {
        let losses = self.losses(graph, y_true, y_pred)?;
        let zero = graph.scalar(0.0)?;
        Ok(Some(graph.binary(cornu_graph::ops::BinaryKind::Greater, losses, zero)?))
    }
}
