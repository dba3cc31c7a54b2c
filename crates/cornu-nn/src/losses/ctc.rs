//! Labels without timing. Source: Keras 3, `keras/src/losses/losses.py`.

use cornu_graph::{Graph, ValueId};

use super::simple::loss_settings;
use super::targets::{WrongTarget, check_classes};
use super::{Built, Loss, LossSettings};
use crate::{LayerError, SymbolicShape};

/// Connectionist temporal classification: how unlikely the labels are under the predictions for a
/// longer series of steps, whatever the timing (see [`cornu_graph::ops::Ctc`]).
///
/// Predictions `(N, T, C)` are logits, class 0 is the blank; labels `(N, L)` are whole numbers from
/// 1 to `C - 1`, and 0 after the last one of a sample. One loss per sample.
///
/// Labels that no path of `T` steps stands for are an error here (Keras has an infinite loss for
/// them), as is a label after a 0.
#[derive(Debug, Clone, PartialEq)]
pub struct CTC {
    settings: LossSettings,
}

impl CTC {
    /// With Keras's defaults.
    pub fn new() -> Self {
        Self { settings: LossSettings::named("ctc") }
    }
}

loss_settings!(CTC);

impl Loss for CTC {
    fn class_name(&self) -> &'static str {
        "CTC"
    }

    fn settings(&self) -> &LossSettings {
        &self.settings
    }

    fn check_shapes(
        &self,
        graph: &Graph,
        y_true: ValueId,
        y_pred: ValueId,
    ) -> Result<(), LayerError> {
        let (labels, logits) = (graph.shape(y_true), graph.shape(y_pred));
        if labels.rank() == 2 && logits.rank() == 3 {
            return Ok(());
        }
        Err(LayerError::input_shape(
            "labels (None, labels) and logits (None, steps, classes) for CTC",
            &[SymbolicShape::from_graph(labels), SymbolicShape::from_graph(logits)],
        ))
    }

    fn check_targets(&self, targets: &[f32], y_pred: &[usize]) -> Result<(), WrongTarget> {
        let &[samples, steps, classes] = y_pred else { return Ok(()) };
        check_classes(targets, classes, None)?;
        let length = targets.len() / samples.max(1);
        for (sample, labels) in targets.chunks(length.max(1)).enumerate() {
            check_labels(labels, steps).map_err(|(at, expected, hint)| WrongTarget {
                index: sample * length + at,
                value: labels[at],
                expected,
                hint: hint.to_owned(),
            })?;
        }
        Ok(())
    }

    fn classes(&self, y_pred: &[usize]) -> Option<usize> {
        y_pred.last().copied()
    }

    fn losses(&self, graph: &mut Graph, y_true: ValueId, y_pred: ValueId) -> Built {
        Ok(graph.ctc(y_pred, y_true)?)
    }
}

/// Whether a path of `steps` steps stands for the labels of a sample: they need one step each, and
/// one for the blank between two equal ones. Else which of them is wrong, what is expected, and what
/// to do.
fn check_labels(labels: &[f32], steps: usize) -> Result<(), (usize, String, &'static str)> {
    let n = labels.iter().position(|&label| label == 0.0).unwrap_or(labels.len());
    if let Some(at) = labels[n..].iter().position(|&label| label != 0.0) {
        let hint = "class 0 is the blank, which only fills up the rest of a row";
        return Err((n + at, "only 0 after the first 0 of a sample".to_owned(), hint));
    }
    let mut needed = 0;
    for (at, &label) in labels[..n].iter().enumerate() {
        needed += if 0 < at && labels[at - 1] == label { 2 } else { 1 };
        if steps < needed {
            let expected = format!("labels of a sample that fit into {steps} steps");
            return Err((at, expected, "give the model more steps, or shorten the labels"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_no_path_stands_for_are_named() {
        let wrong = |labels: &[f32]| CTC::new().check_targets(labels, &[2, 3, 4]);
        assert_eq!(wrong(&[1.0, 2.0, 3.0, 1.0, 1.0, 0.0]), Ok(()));
        assert_eq!(wrong(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0]), Ok(()));
        assert_eq!(wrong(&[1.0, 2.0, 3.0, 1.0, 1.0, 2.0]).unwrap_err().index, 5);
        assert_eq!(wrong(&[1.0, 2.0, 3.0, 1.0, 0.0, 2.0]).unwrap_err().index, 5);
        assert_eq!(wrong(&[1.0, 4.0, 3.0, 1.0, 0.0, 0.0]).unwrap_err().index, 1);
    }
}
