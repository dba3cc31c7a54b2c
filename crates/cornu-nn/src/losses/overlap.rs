//! Losses for segmentation: how far two regions overlap. Source: Keras 3, `keras/src/losses/losses.py`.

use cornu_graph::{Graph, ValueId};
use serde_json::{Map, Value};

use super::common::{EPSILON, resolve_axis};
use super::crossentropy::BINARY_HINT;
use super::simple::loss_settings;
use super::targets::{WrongTarget, check_within_0_and_1};
use super::{Built, Loss, LossSettings};
use crate::{ConfigWriter, LayerError};

/// `1 - 2 sum(y p) / (sum(y) + sum(p) + 1e-7)`, over everything or over `axis`.
#[derive(Debug, Clone, PartialEq)]
pub struct Dice {
    settings: LossSettings,
    axis: Option<Vec<i64>>,
}

impl Dice {
    /// Over everything, all samples together.
    pub fn new() -> Self {
        Self { settings: LossSettings::named("dice"), axis: None }
    }

    /// The axes to sum over; all but the first gives one loss per sample. Default all.
    pub fn axis(mut self, axis: impl Into<Option<Vec<i64>>>) -> Self {
        self.axis = axis.into();
        self
    }
}

loss_settings!(Dice);

impl Loss for Dice {
    fn class_name(&self) -> &'static str {
        "Dice"
    }

    fn settings(&self) -> &LossSettings {
        &self.settings
    }

    fn own_config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("axis", self.axis.clone()).finish()
    }

    fn check_targets(&self, targets: &[f32], _y_pred: &[usize]) -> Result<(), WrongTarget> {
        check_within_0_and_1(targets, BINARY_HINT)
    }

    fn losses(&self, graph: &mut Graph, y_true: ValueId, y_pred: ValueId) -> Built {
        let axes = axes(graph, y_pred, self.axis.as_deref())?;
        let product = graph.mul(y_true, y_pred)?;
        let both = graph.sum(product, &axes, false)?;
        let twice = graph.mul_scalar(both, 2.0)?;
        let n_true = graph.sum(y_true, &axes, false)?;
        let n_pred = graph.sum(y_pred, &axes, false)?;
        let all = graph.add(n_true, n_pred)?;
        let all = graph.add_scalar(all, EPSILON)?;
        let dice = graph.div(twice, all)?;
        Ok(graph.scalar_sub(1.0, dice)?)
    }
}

/// `1 - both / (both + alpha sum(y (1 - p)) + beta sum((1 - y) p) + 1e-7)` with `both = sum(y p)`: the
/// Dice loss with weights for what was missed and what was found by mistake.
#[derive(Debug, Clone, PartialEq)]
pub struct Tversky {
    settings: LossSettings,
    alpha: f64,
    beta: f64,
    axis: Option<Vec<i64>>,
}

impl Tversky {
    /// `alpha` and `beta` 0.5, over everything.
    pub fn new() -> Self {
        Self { settings: LossSettings::named("tversky"), alpha: 0.5, beta: 0.5, axis: None }
    }

    /// Weight of what was missed, `y (1 - p)`. Default 0.5.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// Weight of what was found by mistake, `(1 - y) p`. Default 0.5.
    pub fn beta(mut self, beta: f64) -> Self {
        self.beta = beta;
        self
    }

    /// The axes to sum over. Default all.
    pub fn axis(mut self, axis: impl Into<Option<Vec<i64>>>) -> Self {
        self.axis = axis.into();
        self
    }
}

loss_settings!(Tversky);

impl Loss for Tversky {
    fn class_name(&self) -> &'static str {
        "Tversky"
    }

    fn settings(&self) -> &LossSettings {
        &self.settings
    }

    fn own_config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("alpha", self.alpha)
            .set("beta", self.beta)
            .set("axis", self.axis.clone())
            .finish()
    }

    fn check_targets(&self, targets: &[f32], _y_pred: &[usize]) -> Result<(), WrongTarget> {
        check_within_0_and_1(targets, BINARY_HINT)
    }

    fn losses(&self, graph: &mut Graph, y_true: ValueId, y_pred: ValueId) -> Built {
        let axes = axes(graph, y_pred, self.axis.as_deref())?;
        let product = graph.mul(y_true, y_pred)?;
        let both = graph.sum(product, &axes, false)?;
        let only_pred = graph.sub(y_pred, product)?;
        let false_positives = graph.sum(only_pred, &axes, false)?;
        let only_true = graph.sub(y_true, product)?;
        let false_negatives = graph.sum(only_true, &axes, false)?;
        let weighted_positives = graph.mul_scalar(false_positives, self.beta)?;
        let weighted_negatives = graph.mul_scalar(false_negatives, self.alpha)?;
        let all = graph.add(both, weighted_positives)?;
        let all = graph.add(all, weighted_negatives)?;
        let all = graph.add_scalar(all, EPSILON)?;
        let share = graph.div(both, all)?;
        Ok(graph.scalar_sub(1.0, share)?)
    }
}

fn axes(graph: &Graph, x: ValueId, axis: Option<&[i64]>) -> Result<Vec<usize>, LayerError> {
    let Some(axis) = axis else { return Ok((0..graph.shape(x).rank()).collect()) };
    let mut axes =
        axis.iter().map(|&axis| resolve_axis(graph, x, axis)).collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    axes.dedup();
    Ok(axes)
}
