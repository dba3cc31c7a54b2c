//! Cross-entropies. Source: Keras 3, `keras/src/losses/losses.py` and `keras/src/backend/tensorflow/nn.py`.

use std::borrow::Cow;

use cornu_graph::{Graph, ValueId};
use cornu_tensor::{Array, Dim, Shape, Tensor};
use serde_json::{Map, Value};

use super::common::{
    EPSILON, Link, axis_size, logits_behind, mean_last, normalized, resolve_axis, size_along,
    smooth, without_axis,
};
use super::simple::loss_settings;
use super::targets::{WrongTarget, check_classes, check_within_0_and_1};
use super::{Built, Loss, LossSettings};
use crate::{ConfigWriter, LayerError, SymbolicShape};

/// For yes-or-no answers, each position for itself:
/// `-(y log(p) + (1 - y) log(1 - p))`, averaged over the last axis.
///
/// `p` is kept in `[1e-7, 1 - 1e-7]`. From logits `x`: `max(x, 0) - x y + log(1 + exp(-|x|))`; so too
/// if `y_pred` comes straight from a sigmoid.
#[derive(Debug, Clone, PartialEq)]
pub struct BinaryCrossentropy {
    settings: LossSettings,
    from_logits: bool,
    label_smoothing: f64,
    axis: i64,
}

impl BinaryCrossentropy {
    /// With Keras's defaults: probabilities, no smoothing.
    pub fn new() -> Self {
        Self {
            settings: LossSettings::named("binary_crossentropy"),
            from_logits: false,
            label_smoothing: 0.0,
            axis: -1,
        }
    }

    /// Whether predictions are logits, not probabilities. Default false.
    pub fn from_logits(mut self, from_logits: bool) -> Self {
        self.from_logits = from_logits;
        self
    }

    /// Moves labels towards 1/2: `y (1 - s) + s / 2`. Default 0.
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

loss_settings!(BinaryCrossentropy);

/// What to do about targets of yes-or-no losses that are not between 0 and 1.
pub(super) const BINARY_HINT: &str =
    "scale the labels: 0 is no, 1 is yes (divide masks of 0 and 255 by 255)";

/// A single prediction tells two classes apart; several are questions of their own.
pub(super) fn binary_classes(y_pred: &[usize]) -> Option<usize> {
    (y_pred.last() == Some(&1)).then_some(2)
}

impl Loss for BinaryCrossentropy {
    fn class_name(&self) -> &'static str {
        "BinaryCrossentropy"
    }

    fn settings(&self) -> &LossSettings {
        &self.settings
    }

    fn own_config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("from_logits", self.from_logits)
            .set("label_smoothing", self.label_smoothing)
            .set("axis", self.axis)
            .finish()
    }

    /// Keras's loss has the argument `axis`, its metric has not.
    fn metric_config(&self) -> Map<String, Value> {
        let mut config = self.own_config();
        config.remove("axis");
        config
    }

    /// Probabilities from 1e-7 to 1 less 1e-7 as Keras cuts them, in `f32`: there the latter is
    /// 1 less 1.19e-7, which the logarithm of what is left shows.
    fn prepared<'a>(&self, y_pred: &'a Tensor) -> Cow<'a, Tensor> {
        if self.from_logits {
            return Cow::Borrowed(y_pred);
        }
        Cow::Owned(y_pred.map(|p| p.clamp(1e-7, 1.0 - 1e-7)))
    }

    fn check_targets(&self, targets: &[f32], _y_pred: &[usize]) -> Result<(), WrongTarget> {
        check_within_0_and_1(targets, BINARY_HINT)
    }

    fn classes(&self, y_pred: &[usize]) -> Option<usize> {
        binary_classes(y_pred)
    }

    fn losses(&self, graph: &mut Graph, y_true: ValueId, y_pred: ValueId) -> Built {
        let y = smooth(graph, y_true, self.label_smoothing, 2.0)?;
        let losses = binary_crossentropy(graph, y, y_pred, self.from_logits)?;
        if self.axis == -1 {
            return mean_last(graph, losses);
        }
        let axis = resolve_axis(graph, losses, self.axis)?;
        Ok(graph.mean(losses, &[axis], false)?)
    }
}

/// Binary cross-entropy of each element.
pub(super) fn binary_crossentropy(
    graph: &mut Graph,
    y_true: ValueId,
    y_pred: ValueId,
    from_logits: bool,
) -> Built {
    let logits =
        if from_logits { Some(y_pred) } else { logits_behind(graph, y_pred, Link::Sigmoid) };
    if let Some(x) = logits {
        // log(1 + e^x) - x y, the softplus being max(x, 0) + log(1 + e^-|x|)
        let softplus = graph.softplus(x)?;
        let taken = graph.mul(x, y_true)?;
        return Ok(graph.sub(softplus, taken)?);
    }
    let p = graph.clip(y_pred, EPSILON, 1.0 - EPSILON)?;
    let log_p = graph.log(p)?;
    let yes = graph.mul(y_true, log_p)?;
    let q = graph.scalar_sub(1.0, p)?;
    let log_q = graph.log(q)?;
    let not_true = graph.scalar_sub(1.0, y_true)?;
    let no = graph.mul(not_true, log_q)?;
    let sum = graph.add(yes, no)?;
    Ok(graph.neg(sum)?)
}

/// For one of several classes, labels one-hot (or any distribution): `-sum(y log(p))` over the
/// class axis.
///
/// Probabilities are divided by their sum, then kept in `[1e-7, 1 - 1e-7]`. From logits: the
/// log-softmax; so too if `y_pred` comes straight from a softmax.
#[derive(Debug, Clone, PartialEq)]
pub struct CategoricalCrossentropy {
    settings: LossSettings,
    from_logits: bool,
    label_smoothing: f64,
    axis: i64,
}

impl CategoricalCrossentropy {
    /// With Keras's defaults: probabilities, no smoothing.
    pub fn new() -> Self {
        Self {
            settings: LossSettings::named("categorical_crossentropy"),
            from_logits: false,
            label_smoothing: 0.0,
            axis: -1,
        }
    }

    /// Whether predictions are logits, not probabilities. Default false.
    pub fn from_logits(mut self, from_logits: bool) -> Self {
        self.from_logits = from_logits;
        self
    }

    /// Moves labels towards even odds: `y (1 - s) + s / classes`. Default 0.
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

loss_settings!(CategoricalCrossentropy);

/// What to do about targets of categorical losses that are not between 0 and 1.
pub(super) const ONE_HOT_HINT: &str =
    "give one-hot labels, or use `SparseCategoricalCrossentropy` for labels as whole numbers";

impl Loss for CategoricalCrossentropy {
    fn class_name(&self) -> &'static str {
        "CategoricalCrossentropy"
    }

    fn settings(&self) -> &LossSettings {
        &self.settings
    }

    fn own_config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("from_logits", self.from_logits)
            .set("label_smoothing", self.label_smoothing)
            .set("axis", self.axis)
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
        let log_p = log_probabilities(graph, y_pred, axis, self.from_logits)?;
        let taken = graph.mul(y, log_p)?;
        let sum = graph.sum(taken, &[axis], false)?;
        Ok(graph.neg(sum)?)
    }
}

/// Logarithms of class probabilities.
fn log_probabilities(graph: &mut Graph, y_pred: ValueId, axis: usize, from_logits: bool) -> Built {
    let is_last = axis + 1 == graph.shape(y_pred).rank();
    let logits = if from_logits {
        Some(y_pred)
    } else {
        logits_behind(graph, y_pred, Link::Softmax).filter(|_| is_last)
    };
    match logits {
        Some(x) => Ok(graph.log_softmax(x, axis)?),
        None => {
            let p = normalized(graph, y_pred, axis)?;
            Ok(graph.log(p)?)
        }
    }
}

/// For one of several classes, labels as whole numbers: `-log(p[label])`.
///
/// Labels have the shape of the predictions without the class axis, or with 1 there. Probabilities
/// are kept in `[1e-7, 1 - 1e-7]`, then divided by their sum (TensorFlow's order). Labels equal to
/// `ignore_class` count for nothing. A label that is no class gives 0 here; training refuses it.
#[derive(Debug, Clone, PartialEq)]
pub struct SparseCategoricalCrossentropy {
    settings: LossSettings,
    from_logits: bool,
    ignore_class: Option<i64>,
    axis: i64,
}

impl SparseCategoricalCrossentropy {
    /// With Keras's defaults: probabilities, all classes count.
    pub fn new() -> Self {
        Self {
            settings: LossSettings::named("sparse_categorical_crossentropy"),
            from_logits: false,
            ignore_class: None,
            axis: -1,
        }
    }

    /// Whether predictions are logits, not probabilities. Default false.
    pub fn from_logits(mut self, from_logits: bool) -> Self {
        self.from_logits = from_logits;
        self
    }

    /// A label that counts for nothing, such as 255 for "no class" in pictures. Default none.
    pub fn ignore_class(mut self, ignore_class: impl Into<Option<i64>>) -> Self {
        self.ignore_class = ignore_class.into();
        self
    }

    /// The class axis. Default -1.
    pub fn axis(mut self, axis: i64) -> Self {
        self.axis = axis;
        self
    }

    /// 1 where the label is not `ignore_class`.
    fn valid(&self, graph: &mut Graph, labels: ValueId, ignore: i64) -> Built {
        let ignore = graph.scalar(ignore as f64)?;
        Ok(graph.not_equal(labels, ignore)?)
    }
}

loss_settings!(SparseCategoricalCrossentropy);

impl Loss for SparseCategoricalCrossentropy {
    fn class_name(&self) -> &'static str {
        "SparseCategoricalCrossentropy"
    }

    fn settings(&self) -> &LossSettings {
        &self.settings
    }

    fn own_config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("from_logits", self.from_logits)
            .set("ignore_class", self.ignore_class)
            .set("axis", self.axis)
            .finish()
    }

    /// Labels are brought to the shape of the predictions less the class axis where they are used.
    fn check_shapes(&self, _: &Graph, _: ValueId, _: ValueId) -> Result<(), LayerError> {
        Ok(())
    }

    fn check_targets(&self, targets: &[f32], y_pred: &[usize]) -> Result<(), WrongTarget> {
        match self.classes(y_pred) {
            Some(classes) => check_classes(targets, classes, self.ignore_class),
            None => Ok(()),
        }
    }

    fn classes(&self, y_pred: &[usize]) -> Option<usize> {
        size_along(y_pred, self.axis)
    }

    fn losses(&self, graph: &mut Graph, y_true: ValueId, y_pred: ValueId) -> Built {
        let axis = resolve_axis(graph, y_pred, self.axis)?;
        let labels = class_labels(graph, y_true, y_pred, axis)?;
        let is_last = axis + 1 == graph.shape(y_pred).rank();
        let logits = if self.from_logits {
            y_pred
        } else if let Some(x) = logits_behind(graph, y_pred, Link::Softmax).filter(|_| is_last) {
            x
        } else {
            let p = graph.clip(y_pred, EPSILON, 1.0 - EPSILON)?;
            graph.log(p)?
        };
        let log_p = graph.log_softmax(logits, axis)?;
        let chosen = one_hot(graph, labels, y_pred, axis)?;
        let zero = graph.scalar(0.0)?;
        let taken = graph.select(chosen, log_p, zero)?;
        let sum = graph.sum(taken, &[axis], false)?;
        let losses = graph.neg(sum)?;
        match self.ignore_class {
            None => Ok(losses),
            Some(ignore) => {
                let valid = self.valid(graph, labels, ignore)?;
                Ok(graph.select(valid, losses, zero)?)
            }
        }
    }

    fn mask(
        &self,
        graph: &mut Graph,
        y_true: ValueId,
        y_pred: ValueId,
    ) -> Result<Option<ValueId>, LayerError> {
        let Some(ignore) = self.ignore_class else { return Ok(None) };
        let axis = resolve_axis(graph, y_pred, self.axis)?;
        let labels = class_labels(graph, y_true, y_pred, axis)?;
        self.valid(graph, labels, ignore).map(Some)
    }
}

/// Labels in the shape of the predictions without the class axis; a class axis of size 1 is dropped.
pub(super) fn class_labels(
    graph: &mut Graph,
    y_true: ValueId,
    y_pred: ValueId,
    axis: usize,
) -> Built {
    let expected = without_axis(graph.shape(y_pred), axis);
    let shape = graph.shape(y_true).clone();
    if shape == expected {
        return Ok(y_true);
    }
    if shape.rank() == expected.rank() + 1
        && shape.dims().get(axis) == Some(&Dim::Fixed(1))
        && without_axis(&shape, axis) == expected
    {
        return Ok(graph.reshape(y_true, expected)?);
    }
    Err(LayerError::input_shape(
        format!("labels of shape {}", SymbolicShape::from_graph(&expected)),
        &[SymbolicShape::from_graph(&shape)],
    ))
}

/// 1 where the position along `axis` is the label, in the shape of `like`.
pub(super) fn one_hot(graph: &mut Graph, labels: ValueId, like: ValueId, axis: usize) -> Built {
    let n_classes = axis_size(graph, like, axis)?;
    let mut dims = graph.shape(labels).dims().to_vec();
    dims.insert(axis, Dim::Fixed(1));
    let labels = graph.reshape(labels, Shape::new(dims))?;
    let mut class_dims = vec![1; graph.shape(like).rank() - axis];
    class_dims[0] = n_classes;
    let classes = graph.constant(Array::from_fn(class_dims, |class| class as f64))?;
    Ok(graph.equal(labels, classes)?)
}

/// Labels must not be broadcast: a forgotten one-hot encoding would go unnoticed.
pub(super) fn same_shape(
    graph: &Graph,
    y_true: ValueId,
    y_pred: ValueId,
) -> Result<(), LayerError> {
    let (expected, got) = (graph.shape(y_pred), graph.shape(y_true));
    if expected == got {
        return Ok(());
    }
    Err(LayerError::input_shape(
        format!("labels of shape {}", SymbolicShape::from_graph(expected)),
        &[SymbolicShape::from_graph(got)],
    ))
}
