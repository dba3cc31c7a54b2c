//! Focal losses: easy samples count less. Source: Keras 3, `keras/src/losses/losses.py`.

use cornu_graph::{Graph, ValueId};
use serde_json::{Map, Value};

use super::common::{axis_size, mean_last, normalized, resolve_axis, size_along, smooth};
use super::crossentropy::{
    BINARY_HINT, ONE_HOT_HINT, binary_classes, binary_crossentropy, same_shape,
};
use super::simple::loss_settings;
use super::targets::{WrongTarget, check_within_0_and_1};
use super::{Built, Loss, LossSettings};
use crate::ConfigWriter;

/// Binary cross-entropy times `(1 - p_t)^gamma`, `p_t` being the probability of the truth; with
/// `apply_class_balancing` also times `alpha` for 1 and `1 - alpha` for 0. Mean over the last axis.
#[derive(Debug, Clone, PartialEq)]
pub struct BinaryFocalCrossentropy {
    settings: LossSettings,
    apply_class_balancing: bool,
    alpha: f64,
    gamma: f64,
    from_logits: bool,
    label_smoothing: f64,
    axis: i64,
}

impl BinaryFocalCrossentropy {
    /// With Keras's defaults: `gamma` 2, no balancing, probabilities.
    pub fn new() -> Self {
        Self {
            settings: LossSettings::named("binary_focal_crossentropy"),
            apply_class_balancing: false,
            alpha: 0.25,
            gamma: 2.0,
            from_logits: false,
            label_smoothing: 0.0,
            axis: -1,
        }
    }

    /// Whether `alpha` is used. Default false.
    pub fn apply_class_balancing(mut self, apply: bool) -> Self {
        self.apply_class_balancing = apply;
        self
    }

    /// Weight of label 1; that of 0 is `1 - alpha`. Default 0.25.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// How much less easy samples count. Default 2.
    pub fn gamma(mut self, gamma: f64) -> Self {
        self.gamma = gamma;
        self
    }

    /// Whether predictions are logits. Default false.
    pub fn from_logits(mut self, from_logits: bool) -> Self {
        self.from_logits = from_logits;
        self
    }

    /// Moves labels towards 1/2. Default 0.
    pub fn label_smoothing(mut self, label_smoothing: f64) -> Self {
        self.label_smoothing = label_smoothing;
        self
    }

    /// The axis to average over. Default -1.
    pub fn axis(mut self, axis: i64) -> Self {
        self.axis = axis;
        self
    }
}

loss_settings!(BinaryFocalCrossentropy);

impl Loss for BinaryFocalCrossentropy {
    fn class_name(&self) -> &'static str {
        "BinaryFocalCrossentropy"
    }

    fn settings(&self) -> &LossSettings {
        &self.settings
    }

    fn own_config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("from_logits", self.from_logits)
            .set("label_smoothing", self.label_smoothing)
            .set("axis", self.axis)
            .set("apply_class_balancing", self.apply_class_balancing)
            .set("alpha", self.alpha)
            .set("gamma", self.gamma)
            .finish()
    }

    fn check_targets(&self, targets: &[f32], _y_pred: &[usize]) -> Result<(), WrongTarget> {
        check_within_0_and_1(targets, BINARY_HINT)
    }

    fn classes(&self, y_pred: &[usize]) -> Option<usize> {
        binary_classes(y_pred)
    }

    fn losses(&self, graph: &mut Graph, y_true: ValueId, y_pred: ValueId) -> Built {
        let y = smooth(graph, y_true, self.label_smoothing, 2.0)?;
        let p = if self.from_logits { graph.sigmoid(y_pred)? } else { y_pred };
        let crossentropy = binary_crossentropy(graph, y, p, false)?;
        let is_zero = graph.scalar_sub(1.0, y)?;
        let q = graph.scalar_sub(1.0, p)?;
        let right_one = graph.mul(y, p)?;
        let right_zero = graph.mul(is_zero, q)?;
        let p_t = graph.add(right_one, right_zero)?;
        let rest = graph.scalar_sub(1.0, p_t)?;
        let gamma = graph.scalar(self.gamma)?;
        let focus = graph.pow(rest, gamma)?;
        let mut losses = graph.mul(focus, crossentropy)?;
        if self.apply_class_balancing {
            let ones = graph.mul_scalar(y, self.alpha)?;
            let zeros = graph.mul_scalar(is_zero, 1.0 - self.alpha)?;
            let weight = graph.add(ones, zeros)?;
            losses = graph.mul(weight, losses)?;
        }
        if self.axis == -1 {
            return mean_last(graph, losses);
        }
        let axis = resolve_axis(graph, losses, self.axis)?;
        Ok(graph.mean(losses, &[axis], false)?)
    }
}

/// `-sum(alpha (1 - p)^gamma y log(p))` over the class axis, labels one-hot. Probabilities are divided
/// by their sum and kept in `[1e-7, 1 - 1e-7]`.
#[derive(Debug, Clone, PartialEq)]
pub struct CategoricalFocalCrossentropy {
    settings: LossSettings,
    alpha: f64,
    gamma: f64,
    from_logits: bool,
    label_smoothing: f64,
    axis: i64,
}

impl CategoricalFocalCrossentropy {
    /// With Keras's defaults: `alpha` 0.25, `gamma` 2, probabilities.
    pub fn new() -> Self {
        Self {
            settings: LossSettings::named("categorical_focal_crossentropy"),
            alpha: 0.25,
            gamma: 2.0,
            from_logits: false,
            label_smoothing: 0.0,
            axis: -1,
        }
    }

    /// Factor of all losses. Default 0.25.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// How much less easy samples count. Default 2.
    pub fn gamma(mut self, gamma: f64) -> Self {
        self.gamma = gamma;
        self
    }

    /// Whether predictions are logits. Default false.
    pub fn from_logits(mut self, from_logits: bool) -> Self {
        self.from_logits = from_logits;
        self
    }

    /// Moves labels towards even odds. Default 0.
    pub fn label_smoothing(mut self, label_smoothing: f64) -> Self {
        self.label_smoothing = label_smoothing;
        self
    }

    /// The class axis. Default -1.
    pub fn axis(mut self, axis: i64) -> Self {
        self.axis = axis;
        self
    }
}

loss_settings!(CategoricalFocalCrossentropy);

impl Loss for CategoricalFocalCrossentropy {
    fn class_name(&self) -> &'static str {
        "CategoricalFocalCrossentropy"
    }

    fn settings(&self) -> &LossSettings {
        &self.settings
    }

    fn own_config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("from_logits", self.from_logits)
            .set("label_smoothing", self.label_smoothing)
            .set("axis", self.axis)
            .set("alpha", self.alpha)
            .set("gamma", self.gamma)
            .finish()
    }

    fn check_targets(&self, targets: &[f32], _y_pred: &[usize]) -> Result<(), WrongTarget> {
        check_within_0_and_1(targets, ONE_HOT_HINT)
    }

    fn classes(&self, y_pred: &[usize]) -> Option<usize> {
        size_along(y_pred, self.axis)
    }

    fn losses(&self, graph: &mut Graph, y_true: ValueId, y_pred: ValueId) -> Built {
        let axis = resolve_axis(graph, y_pred, self.axis)?;
        same_shape(graph, y_true, y_pred)?;
        // As in Keras the last axis counts, even if it is not that of the classes.
        let last = graph.shape(y_true).rank().saturating_sub(1);
        let n_classes = axis_size(graph, y_true, last)? as f64;
        let y = smooth(graph, y_true, self.label_smoothing, n_classes)?;
        let p = if self.from_logits { graph.softmax(y_pred, axis)? } else { y_pred };
        let p = normalized(graph, p, axis)?;
        let log_p = graph.log(p)?;
        let crossentropy = graph.mul(y, log_p)?;
        let rest = graph.scalar_sub(1.0, p)?;
        let gamma = graph.scalar(self.gamma)?;
        let focus = graph.pow(rest, gamma)?;
        let focus = graph.mul_scalar(focus, -self.alpha)?;
        let losses = graph.mul(focus, crossentropy)?;
        Ok(graph.sum(losses, &[axis], false)?)
    }
}
