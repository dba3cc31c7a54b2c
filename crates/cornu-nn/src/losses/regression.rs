//! Losses between numbers. Source: Keras 3, `keras/src/losses/losses.py`.

use cornu_graph::{Graph, ValueId};
use serde_json::{Map, Value};

use super::common::{EPSILON, mean_last, resolve_axis};
use super::simple::{loss_settings, simple_loss};
use super::{Built, Loss, LossSettings};
use crate::ConfigWriter;

simple_loss! {
    /// Mean of `(y - p)^2` over the last axis.
    MeanSquaredError, "mean_squared_error", |graph, y_true, y_pred| {
        let error = graph.sub(y_true, y_pred)?;
        let square = graph.square(error)?;
        mean_last(graph, square)
    }
}

simple_loss! {
    /// Mean of `|y - p|` over the last axis.
    MeanAbsoluteError, "mean_absolute_error", |graph, y_true, y_pred| {
        let error = graph.sub(y_true, y_pred)?;
        let distance = graph.abs(error)?;
        mean_last(graph, distance)
    }
}

simple_loss! {
    /// Mean of `100 |y - p| / max(|y|, 1e-7)` over the last axis.
    MeanAbsolutePercentageError, "mean_absolute_percentage_error", |graph, y_true, y_pred| {
        let error = graph.sub(y_true, y_pred)?;
        let size = graph.abs(y_true)?;
        let size = graph.max_scalar(size, EPSILON)?;
        let relative = graph.div(error, size)?;
        let distance = graph.abs(relative)?;
        let mean = mean_last(graph, distance)?;
        Ok(graph.mul_scalar(mean, 100.0)?)
    }
}

simple_loss! {
    /// Mean of `(log(max(y, 1e-7) + 1) - log(max(p, 1e-7) + 1))^2` over the last axis.
    MeanSquaredLogarithmicError, "mean_squared_logarithmic_error", |graph, y_true, y_pred| {
        let log = |graph: &mut Graph, x: ValueId| -> Built {
            let x = graph.max_scalar(x, EPSILON)?;
            let x = graph.add_scalar(x, 1.0)?;
            Ok(graph.log(x)?)
        };
        let (log_p, log_y) = (log(graph, y_pred)?, log(graph, y_true)?);
        let error = graph.sub(log_p, log_y)?;
        let square = graph.square(error)?;
        mean_last(graph, square)
    }
}

simple_loss! {
    /// Mean of `log(cosh(p - y))` over the last axis: about half the square for small errors, the
    /// distance less log 2 for large ones.
    LogCosh, "log_cosh", |graph, y_true, y_pred| {
        let error = graph.sub(y_pred, y_true)?;
        // log((e^x + e^-x) / 2) = x + log(1 + e^-2x) - log 2, without overflow
        let twice = graph.mul_scalar(error, -2.0)?;
        let rest = graph.softplus(twice)?;
        let sum = graph.add(error, rest)?;
        // Keras rounds this constant to 32 bits, also when it computes in 64.
        let losses = graph.add_scalar(sum, -f64::from(std::f32::consts::LN_2))?;
        mean_last(graph, losses)
    }
}

/// Mean over the last axis of `e^2 / 2` where `|e| <= delta`, else `delta |e| - delta^2 / 2`, with
/// `e = p - y`.
#[derive(Debug, Clone, PartialEq)]
pub struct Huber {
    settings: LossSettings,
    delta: f64,
}

impl Huber {
    /// With Keras's default `delta`, 1.
    pub fn new() -> Self {
        Self { settings: LossSettings::named("huber_loss"), delta: 1.0 }
    }

    /// The error from which on the loss is linear. Default 1.
    pub fn delta(mut self, delta: f64) -> Self {
        self.delta = delta;
        self
    }
}

loss_settings!(Huber);

impl Loss for Huber {
    fn class_name(&self) -> &'static str {
        "Huber"
    }

    fn settings(&self) -> &LossSettings {
        &self.settings
    }

    fn own_config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("delta", self.delta).finish()
    }

    fn losses(&self, graph: &mut Graph, y_true: ValueId, y_pred: ValueId) -> Built {
        let error = graph.sub(y_pred, y_true)?;
        let distance = graph.abs(error)?;
        let square = graph.square(error)?;
        let near = graph.mul_scalar(square, 0.5)?;
        let far = graph.mul_scalar(distance, self.delta)?;
        let far = graph.add_scalar(far, -0.5 * self.delta * self.delta)?;
        let delta = graph.scalar(self.delta)?;
        let is_near = graph.less_equal(distance, delta)?;
        let losses = graph.select(is_near, near, far)?;
        mean_last(graph, losses)
    }
}

/// `-sum(y p) / (|y| |p|)` along an axis: -1 for the same direction, 1 for the opposite one.
#[derive(Debug, Clone, PartialEq)]
pub struct CosineSimilarity {
    settings: LossSettings,
    axis: i64,
}

impl CosineSimilarity {
    /// Along the last axis.
    pub fn new() -> Self {
        Self { settings: LossSettings::named("cosine_similarity"), axis: -1 }
    }

    /// The axis of the vectors. Default -1.
    pub fn axis(mut self, axis: i64) -> Self {
        self.axis = axis;
        self
    }
}

loss_settings!(CosineSimilarity);

impl Loss for CosineSimilarity {
    fn class_name(&self) -> &'static str {
        "CosineSimilarity"
    }

    fn settings(&self) -> &LossSettings {
        &self.settings
    }

    fn own_config(&self) -> Map<String, Value> {
        ConfigWriter::new().set("axis", self.axis).finish()
    }

    fn losses(&self, graph: &mut Graph, y_true: ValueId, y_pred: ValueId) -> Built {
        let axis = resolve_axis(graph, y_pred, self.axis)?;
        let y = unit_vectors(graph, y_true, axis)?;
        let p = unit_vectors(graph, y_pred, axis)?;
        let product = graph.mul(y, p)?;
        let cosine = graph.sum(product, &[axis], false)?;
        Ok(graph.neg(cosine)?)
    }
}

/// `x / sqrt(max(sum(x^2), 1e-12))` along `axis`.
fn unit_vectors(graph: &mut Graph, x: ValueId, axis: usize) -> Built {
    let square = graph.square(x)?;
    let sum = graph.sum(square, &[axis], true)?;
    let sum = graph.max_scalar(sum, 1e-12)?;
    let scale = graph.rsqrt(sum)?;
    Ok(graph.mul(x, scale)?)
}
