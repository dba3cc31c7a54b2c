//! Nothing is trained with garbage: what must hold of the numbers in a batch, and of the settings of
//! `fit`. Shapes are compared where a step is made (`step.rs`).

use std::collections::BTreeMap;

use cornu_nn::losses::{WrongTarget, first_wrong};
use cornu_tensor::Tensor;

use crate::data::{Arrays, Layout};
use crate::step::{StepKey, prediction_name};
use crate::{Model, ModelError};

const REPAIR: &str = "repair the sample or leave it out";

impl Model {
    /// Refuses a batch with numbers that nothing can be learned from. Samples are numbered as in the
    /// batch: [`ModelError::of_samples`] puts their numbers in the data set.
    pub(crate) fn check_values(&self, key: &StepKey, batch: Arrays<'_>) -> Result<(), ModelError> {
        if batch.samples() == 0 {
            return Err(ModelError::data("batch", "at least one sample", "0"));
        }
        for (i, (name, x)) in self.network.input_names().iter().zip(batch.x).enumerate() {
            let first = match self.programs.get(key) {
                Some(program) => program.first_non_finite(x.data()),
                None => first_wrong(x.data(), f32::is_finite),
            };
            let what = || format!("x[{i}] (input `{name}`)");
            first.map_or(Ok(()), |index| Err(wrong(x, index, "a finite number", what)))?;
        }
        for (i, weight) in batch.sample_weight.iter().enumerate() {
            let is_right = |w: f32| w.is_finite() & (0.0 <= w);
            let expected = "a finite number that is not negative";
            check_each(weight, is_right, expected, || format!("sample_weight[{i}]"))?;
        }
        for (i, y) in batch.y.iter().enumerate() {
            self.check_targets(key, i, y)?;
        }
        Ok(())
    }

    /// Targets of output `i` must be finite, and what the output's loss takes.
    fn check_targets(&self, key: &StepKey, i: usize, y: &Tensor) -> Result<(), ModelError> {
        let Some((name, y_pred)) =
            self.computed_output(key, i, y.dims().first().copied().unwrap_or(0))
        else {
            return Ok(());
        };
        let Some(loss) = self.compiled("fit")?.losses.get(i).and_then(Option::as_ref) else {
            return Ok(());
        };
        let what = || format!("y (output `{name}`)");
        check_each(y, f32::is_finite, "a finite number", what)?;
        let wrong = loss.with(y.dims(), &y_pred, |loss| loss.check_targets(y.data(), &y_pred));
        wrong.map_err(|WrongTarget { index, value, expected, hint }| ModelError::Value {
            what: what(),
            sample: sample_of(index, y),
            value,
            expected,
            hint,
        })
    }

    /// Name and shape of output `i` as the program of `key` computes it.
    fn computed_output(
        &self,
        key: &StepKey,
        i: usize,
        samples: usize,
    ) -> Option<(&str, Vec<usize>)> {
        let name = self.network.output_names().into_iter().nth(i)?;
        let graph = self.programs.get(key)?.graph();
        let path = prediction_name(name);
        let (_, value) = graph.outputs().iter().find(|(output, _)| *output == path)?;
        Some((name, graph.shape(*value).sizes(samples)))
    }

    /// Name and shape of output `i` for so many samples, if its shape is known.
    fn output(&self, i: usize, samples: usize) -> Option<(&str, Vec<usize>)> {
        let name = self.network.output_labels().into_iter().nth(i)?;
        let sample = self.network.output_shapes().get(i)?.sample()?;
        Some((name, [vec![samples], sample].concat()))
    }

    /// Class weights must be numbers to multiply losses with, and of classes that there are.
    pub(crate) fn check_class_weight(
        &self,
        layout: &Layout,
        weights: &BTreeMap<i64, f64>,
    ) -> Result<(), ModelError> {
        let problem =
            |expected: String, got: String| Err(ModelError::data("class_weight", expected, got));
        if let Some((class, weight)) = weights.iter().find(|(_, w)| !w.is_finite() || **w < 0.0) {
            let expected = "finite weights that are not negative".to_owned();
            return problem(expected, format!("{weight} for class {class}"));
        }
        let Some(classes) = self.classes(layout)? else { return Ok(()) };
        match weights.keys().find(|&&class| class < 0 || classes as i64 <= class) {
            Some(class) => problem(
                format!("classes from 0 to {}", classes.saturating_sub(1)),
                format!("a weight for class {class}"),
            ),
            None => Ok(()),
        }
    }

    /// Number of classes of a model with one output, if its loss is about classes.
    fn classes(&self, layout: &Layout) -> Result<Option<usize>, ModelError> {
        let ([Some(loss)], [y]) = (&self.compiled("fit")?.losses[..], &layout.y[..]) else {
            return Ok(None);
        };
        let Some((_, y_pred)) = self.output(0, 1) else { return Ok(None) };
        let y_true = [&[1], &y[..]].concat();
        Ok(loss.with(&y_true, &y_pred, |loss| loss.classes(&y_pred)))
    }
}

/// A size or number of times that must not be 0.
pub(crate) fn check_not_zero(what: &str, value: usize) -> Result<(), ModelError> {
    if value == 0 { Err(ModelError::data(what, "at least 1", "0")) } else { Ok(()) }
}

/// The first element that is not right is an error.
fn check_each(
    array: &Tensor,
    is_right: impl Fn(f32) -> bool,
    expected: &str,
    what: impl FnOnce() -> String,
) -> Result<(), ModelError> {
    let first = first_wrong(array.data(), is_right);
    first.map_or(Ok(()), |index| Err(wrong(array, index, expected, what)))
}

/// Element `index` is not as it should be.
fn wrong(
    array: &Tensor,
    index: usize,
    expected: &str,
    what: impl FnOnce() -> String,
) -> ModelError {
    ModelError::Value {
        what: what(),
        sample: sample_of(index, array),
        value: array.data()[index],
        expected: expected.to_owned(),
        hint: REPAIR.to_owned(),
    }
}

/// Which sample element `index` belongs to.
fn sample_of(index: usize, array: &Tensor) -> usize {
    let row: usize = array.dims().iter().skip(1).product();
    index.checked_div(row).unwrap_or(0)
}
