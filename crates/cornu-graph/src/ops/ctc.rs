use cornu_tensor::{Array, Dim, Shape};

use super::{EvalCx, OpDef, operands, shape_error};
use crate::{GradientCx, GraphError};

/// How unlikely labels are under the logits of a longer series of steps, whatever their timing
/// (connectionist temporal classification): `-log(sum of the probabilities of all paths)`.
///
/// Operands logits `(N, T, C)` and labels `(N, L)`, result `(N)`. A path has a class for each step; it
/// stands for the labels if they are left once repeated classes are taken as one and class 0, the
/// blank, is dropped. Labels are whole numbers below `C`; those that are 0 fill up the row and do not
/// count. Labels that need more steps than there are cost infinity. No gradient flows to the labels.
///
/// Source: Graves, Fernandez, Gomez, Schmidhuber, "Connectionist temporal classification" (2006).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ctc;

impl OpDef for Ctc {
    fn name(&self) -> &'static str {
        "ctc"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [logits, labels] = operands(self.name(), inputs)?;
        check(self.name(), logits, labels, inputs)?;
        Ok(Shape::new([logits.dims()[0]]))
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        if cx.needs(0) {
            let (logits, labels) = (cx.input(0), cx.input(1));
            let d_logits = cx.graph.ctc_grad(logits, labels)?;
            let d_output = cx.d_output();
            let samples = cx.graph.shape(d_output).dims()[0];
            let spread = Shape::new([samples, Dim::Fixed(1), Dim::Fixed(1)]);
            let d_output = cx.graph.reshape(d_output, spread)?;
            let d_logits = cx.graph.mul(d_logits, d_output)?;
            cx.add_to_input(0, d_logits)?;
        }
        Ok(())
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let samples = samples(inputs[0], inputs[1]);
        let costs: Vec<f64> = samples.map(|sample| -sample.forward().1).collect();
        Array::from_fn(cx.dims, |i| costs[i])
    }
}

/// The gradient of [`Ctc`] with respect to the logits, for costs that count 1 each: of each step and
/// class the probability less the share of the labels' paths that go through there.
///
/// Operands as for [`Ctc`], result `(N, T, C)`. It has no gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CtcGrad;

impl OpDef for CtcGrad {
    fn name(&self) -> &'static str {
        "ctc_grad"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [logits, labels] = operands(self.name(), inputs)?;
        check(self.name(), logits, labels, inputs)?;
        Ok(logits.clone())
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        Err(cx.no_gradient())
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let mut d_logits = Vec::with_capacity(cx.dims.iter().product());
        for sample in samples(inputs[0], inputs[1]) {
            d_logits.extend(sample.gradient());
        }
        Array::from_fn(cx.dims, |i| d_logits[i])
    }
}

fn check(
    op: &'static str,
    logits: &Shape,
    labels: &Shape,
    inputs: &[&Shape],
) -> Result<(), GraphError> {
    match (logits.dims(), labels.dims()) {
        ([n, Dim::Fixed(_), Dim::Fixed(classes)], [m, Dim::Fixed(_)]) if n == m && 0 < *classes => {
            Ok(())
        }
        _ => Err(shape_error(op, "logits (N, T, C) and labels (N, L)", inputs)),
    }
}

/// One sample: logarithms of the classes' probabilities, and what a path goes through.
struct Sample {
    steps: usize,
    classes: usize,
    /// `steps` rows of `classes` elements.
    log_p: Vec<f64>,
    /// Blank, first label, blank, second label, ..., blank.
    states: Vec<usize>,
}

fn samples<'a>(
    logits: &'a Array<f64>,
    labels: &'a Array<f64>,
) -> impl Iterator<Item = Sample> + 'a {
    let (steps, classes) = (logits.dims()[1], logits.dims()[2]);
    let (row, length) = (steps * classes, labels.dims()[1]);
    (0..logits.dims()[0]).map(move |n| {
        let log_p = logits.data()[n * row..(n + 1) * row]
            .chunks_exact(classes)
            .flat_map(|logits| {
                let sum = logits.iter().fold(f64::NEG_INFINITY, |sum, &x| log_add(sum, x));
                logits.iter().map(move |&x| x - sum)
            })
            .collect();
        let mut states = vec![0];
        for &label in &labels.data()[n * length..(n + 1) * length] {
            if label != 0.0 {
                states.extend([(label.max(0.0) as usize).min(classes - 1), 0]);
            }
        }
        Sample { steps, classes, log_p, states }
    })
}

impl Sample {
    fn log_p(&self, step: usize, state: usize) -> f64 {
        self.log_p[step * self.classes + self.states[state]]
    }

    /// Whether a path may go from the state before last straight to `state`: over a blank between
    /// two labels that differ.
    fn may_skip_to(&self, state: usize) -> bool {
        2 <= state && self.states[state] != 0 && self.states[state] != self.states[state - 2]
    }

    /// Logarithms of the probabilities of all beginnings of paths, by step and their last state, and
    /// of all whole paths.
    fn forward(&self) -> (Vec<f64>, f64) {
        let n = self.states.len();
        let mut alpha = vec![f64::NEG_INFINITY; self.steps * n];
        for step in 0..self.steps {
            for state in 0..n {
                let before = if step == 0 {
                    // A path begins with the first blank or the first label.
                    if state < 2 { 0.0 } else { f64::NEG_INFINITY }
                } else {
                    let last = &alpha[(step - 1) * n..step * n];
                    let mut sum = last[state];
                    if 1 <= state {
                        sum = log_add(sum, last[state - 1]);
                    }
                    if self.may_skip_to(state) {
                        sum = log_add(sum, last[state - 2]);
                    }
                    sum
                };
                alpha[step * n + state] = before + self.log_p(step, state);
            }
        }
        let total = match self.steps {
            0 if n == 1 => 0.0,
            0 => f64::NEG_INFINITY,
            // A path ends with the last label or the last blank.
            steps => alpha[steps * n - n.min(2)..]
                .iter()
                .fold(f64::NEG_INFINITY, |sum, &x| log_add(sum, x)),
        };
        (alpha, total)
    }

    /// Of all ends of paths after `step`, by step and the state in it.
    fn backward(&self) -> Vec<f64> {
        let n = self.states.len();
        let mut beta = vec![f64::NEG_INFINITY; self.steps * n];
        for step in (0..self.steps).rev() {
            for state in 0..n {
                beta[step * n + state] = if step + 1 == self.steps {
                    if n <= state + 2 { 0.0 } else { f64::NEG_INFINITY }
                } else {
                    let through = |to: usize| beta[(step + 1) * n + to] + self.log_p(step + 1, to);
                    let mut sum = through(state);
                    if state + 1 < n {
                        sum = log_add(sum, through(state + 1));
                    }
                    if state + 2 < n && self.may_skip_to(state + 2) {
                        sum = log_add(sum, through(state + 2));
                    }
                    sum
                };
            }
        }
        beta
    }

    fn gradient(&self) -> Vec<f64> {
        let n = self.states.len();
        let ((alpha, total), beta) = (self.forward(), self.backward());
        let mut d_logits: Vec<f64> = self.log_p.iter().map(|log_p| log_p.exp()).collect();
        for step in 0..self.steps {
            for (state, &class) in self.states.iter().enumerate() {
                let share = alpha[step * n + state] + beta[step * n + state] - total;
                if total != f64::NEG_INFINITY {
                    d_logits[step * self.classes + class] -= share.exp();
                }
            }
        }
        d_logits
    }
}

/// `log(exp(a) + exp(b))`.
fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum over all paths, each classified by hand.
    fn by_enumeration(p: &[Vec<f64>], labels: &[usize]) -> f64 {
        let (steps, classes) = (p.len(), p[0].len());
        let mut sum = 0.0;
        for code in 0..classes.pow(steps as u32) {
            let path: Vec<usize> =
                (0..steps).map(|step| code / classes.pow(step as u32) % classes).collect();
            let mut collapsed = path.clone();
            collapsed.dedup();
            collapsed.retain(|&class| class != 0);
            if collapsed == labels {
                sum += path.iter().zip(p).map(|(&class, p)| p[class]).product::<f64>();
            }
        }
        -sum.ln()
    }

    #[test]
    fn all_paths_count() {
        let logits = Array::from_fn([1, 4, 3], |i| (i as f64 * 0.7).sin());
        let p: Vec<Vec<f64>> = logits
            .data()
            .chunks_exact(3)
            .map(|row| {
                let sum: f64 = row.iter().map(|x| x.exp()).sum();
                row.iter().map(|x| x.exp() / sum).collect()
            })
            .collect();
        let cx = EvalCx { dims: &[1], samples: 1, batch: 1, first_sample: 0, seed: 0, step: 0 };
        for labels in [&[][..], &[1], &[2], &[1, 2], &[1, 1], &[2, 2], &[1, 2, 1], &[1, 1, 2]] {
            let row = Array::from_fn([1, 4], |i| labels.get(i).map_or(0.0, |&label| label as f64));
            let cost = Ctc.evaluate(&[&logits, &row], &cx).data()[0];
            let expected = by_enumeration(&p, labels);
            assert!((cost - expected).abs() < 1e-12, "{labels:?}: {cost} {expected}");
        }
        let too_long = Array::from_fn([1, 3], |_| 1.0);
        assert_eq!(Ctc.evaluate(&[&logits, &too_long], &cx).data()[0], f64::INFINITY);
    }
}
