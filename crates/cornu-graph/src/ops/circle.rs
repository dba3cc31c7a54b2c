use cornu_tensor::{Array, Dim, Shape};

use super::{EvalCx, OpDef, operands, shape_error};
use crate::{GradientCx, GraphError};

/// How alike each sample is to all others of the batch, for the circle loss: logarithms of two sums of
/// exponentials, over the samples of the same class and over those of other classes.
///
/// Operands embeddings `(N, D)` and classes `(N)`, result `(N, 2)`. With the distance
/// `d = max(1 - a . b, 0)` and the margin `m`, a sample of the same class counts
/// `-gamma max(m + d, 0) (m - d)`, one of another class `gamma max(1 + m - d, 0) (1 - m - d)`. A sum
/// over nobody has the logarithm minus infinity. No gradient flows to the classes.
///
/// It reads other samples: its operands are complete before it begins.
///
/// Source: Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity Optimization" (2020).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CircleSums {
    /// The scale of all terms.
    pub gamma: f64,
    /// The distance `m` around which terms are weighted.
    pub margin: f64,
    /// Whether a sample is left out of the sum over its own class.
    pub remove_diagonal: bool,
}

/// What 32 bits leave of [`CircleSums`]: the logarithms less what they are rounded to. Exponentials of
/// terms less a large logarithm would else be off by its rounding. Operands and result are the same;
/// no gradient flows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CircleRemainder(pub CircleSums);

impl OpDef for CircleRemainder {
    fn name(&self) -> &'static str {
        "circle_remainder"
    }

    fn attributes(&self) -> String {
        self.0.text()
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        self.0.output_shape(inputs)
    }

    fn gradient(&self, _cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        Ok(())
    }

    /// The operands are those of the whole batch.
    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let sums = self.0.evaluate(inputs, cx);
        Array::from_fn(cx.dims, |i| {
            let sum = sums.data()[i];
            if sum.is_finite() { sum - rounded(sum) } else { 0.0 }
        })
    }
}

fn rounded(sum: f64) -> f64 {
    f64::from(sum as f32)
}

impl CircleSums {
    /// The term of a pair at distance `d`, and how much it grows with the distance.
    fn term(&self, d: f64, is_same_class: bool) -> (f64, f64) {
        let m = self.margin;
        // Unlike `f64::max`, this lets NaN through.
        let d = if d < 0.0 { 0.0 } else { d };
        // At 0 the gradient goes through, as with the maximum of two values.
        let (weight, slope, left, sign) = if is_same_class {
            (m + d, 1.0, m - d, -self.gamma)
        } else {
            (1.0 + m - d, -1.0, 1.0 - m - d, self.gamma)
        };
        if weight < 0.0 {
            (0.0, 0.0)
        } else {
            (sign * weight * left, sign * (slope * left - weight))
        }
    }

    /// Calls `f` with the number of each other sample, the unbounded distance of sample `i` to it, and
    /// whether its class is the same; not with those that count for nothing.
    fn for_each_pair(
        &self,
        i: usize,
        embeddings: &Array<f64>,
        classes: &Array<f64>,
        mut f: impl FnMut(usize, f64, bool),
    ) {
        let n = embeddings.dims()[1];
        let row = |i: usize| &embeddings.data()[i * n..(i + 1) * n];
        for (j, &class) in classes.data().iter().enumerate() {
            let is_same_class = class == classes.data()[i];
            if !(is_same_class && self.remove_diagonal && i == j) {
                let product: f64 = row(i).iter().zip(row(j)).map(|(a, b)| a * b).sum();
                f(j, 1.0 - product, is_same_class);
            }
        }
    }

    fn text(&self) -> String {
        let Self { gamma, margin, remove_diagonal } = self;
        format!("gamma={gamma} margin={margin} remove_diagonal={remove_diagonal}")
    }
}

impl OpDef for CircleSums {
    fn name(&self) -> &'static str {
        "circle_sums"
    }

    fn attributes(&self) -> String {
        self.text()
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [embeddings, classes] = operands(self.name(), inputs)?;
        match (embeddings.dims(), classes.dims()) {
            ([Dim::Batch(1), Dim::Fixed(_)], [Dim::Batch(1)]) => Ok(Shape::batched([2])),
            _ => Err(shape_error(self.name(), "embeddings (N, D) and classes (N)", inputs)),
        }
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        if cx.needs(0) {
            let (embeddings, classes) = (cx.input(0), cx.input(1));
            let rest = cx.graph.add_node(CircleRemainder(*self).into(), &[embeddings, classes])?;
            let operands = [embeddings, classes, cx.output(), rest, cx.d_output()];
            let d_embeddings = cx.graph.add_node(CircleSumsGrad(*self).into(), &operands)?;
            cx.add_to_input(0, d_embeddings)?;
        }
        Ok(())
    }

    /// The operands are those of the whole batch.
    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let mut sums = Array::zeros(cx.dims);
        for (i, sums) in sums.data_mut().chunks_exact_mut(2).enumerate() {
            let mut terms = [Vec::new(), Vec::new()];
            self.for_each_pair(
                cx.first_sample + i,
                inputs[0],
                inputs[1],
                |_, distance, is_same| {
                    terms[usize::from(!is_same)].push(self.term(distance, is_same).0);
                },
            );
            sums.copy_from_slice(&terms.map(|terms| log_sum_exp(&terms)));
        }
        sums
    }
}

/// The gradient of [`CircleSums`] with respect to the embeddings.
///
/// Operands embeddings `(N, D)`, classes `(N)`, the sums, their [`CircleRemainder`] and their gradient
/// `(N, 2)`, result `(N, D)`. It reads other samples, too, and has no gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CircleSumsGrad(pub CircleSums);

impl OpDef for CircleSumsGrad {
    fn name(&self) -> &'static str {
        "circle_sums_grad"
    }

    fn attributes(&self) -> String {
        self.0.text()
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [embeddings, classes, sums, rest, d_sums] = operands(self.name(), inputs)?;
        let of_sums = self.0.output_shape(&[embeddings, classes])?;
        if [sums, rest, d_sums].iter().all(|shape| **shape == of_sums) {
            Ok(embeddings.clone())
        } else {
            Err(shape_error(self.name(), "sums, their rest and gradient (N, 2)", inputs))
        }
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        Err(cx.no_gradient())
    }

    /// The operands are those of the whole batch.
    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let [embeddings, classes, sums, rest, d_sums] = inputs else {
            return Array::zeros(cx.dims);
        };
        let n = cx.dims[1];
        let mut result = Array::zeros(cx.dims);
        for i in 0..cx.samples {
            let at = cx.first_sample + i;
            let d_row = &mut result.data_mut()[i * n..(i + 1) * n];
            self.0.for_each_pair(at, embeddings, classes, |j, distance, is_same| {
                if distance < 0.0 {
                    return;
                }
                let (term, slope) = self.0.term(distance, is_same);
                let which = usize::from(!is_same);
                // The pair is in the sum of both samples.
                let share = |sample: usize| {
                    let k = 2 * sample + which;
                    d_sums.data()[k] * (term - rounded(sums.data()[k]) - rest.data()[k]).exp()
                };
                let d_product = -slope * (share(at) + share(j));
                let other = &embeddings.data()[j * n..(j + 1) * n];
                for (d, other) in d_row.iter_mut().zip(other) {
                    *d += d_product * other;
                }
            });
        }
        result
    }
}

/// `log(sum(exp(x)))`, minus infinity for none.
fn log_sum_exp(x: &[f64]) -> f64 {
    if x.is_empty() {
        return f64::NEG_INFINITY;
    }
    let largest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + x.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_batch_gets_the_same_sums_and_gradients() {
        let op = CircleSums { gamma: 3.0, margin: 0.4, remove_diagonal: true };
        let x = Array::from_fn([5, 3], |i| (i as f64 * 0.7).sin());
        let classes = Array::from_fn([5], |i| [0.0, 1.0, 0.0, 2.0, 1.0][i]);
        let d_sums = Array::from_fn([5, 2], |i| 0.5 - 0.1 * i as f64);
        let whole =
            EvalCx { dims: &[5, 2], samples: 5, batch: 5, first_sample: 0, seed: 0, step: 0 };
        let part = EvalCx { dims: &[2, 2], samples: 2, first_sample: 3, ..whole };
        let sums = op.evaluate(&[&x, &classes], &whole);
        assert_eq!(op.evaluate(&[&x, &classes], &part), sums.rows(3, 5));
        // Nobody else is of class 2.
        assert_eq!(sums.data()[6], f64::NEG_INFINITY);

        let rest = CircleRemainder(op).evaluate(&[&x, &classes], &whole);
        let exact = rounded(sums.data()[0]) + rest.data()[0];
        assert!((exact - sums.data()[0]).abs() < 1e-14, "{rest:?}");
        let operands = [&x, &classes, &sums, &rest, &d_sums];
        let op = CircleSumsGrad(op);
        let gradient = op.evaluate(&operands, &EvalCx { dims: &[5, 3], ..whole });
        assert!(gradient.data().iter().all(|d| d.is_finite()), "{gradient:?}");
        let of_part = op.evaluate(&operands, &EvalCx { dims: &[2, 3], ..part });
        assert_eq!(of_part, gradient.rows(3, 5));
    }

    #[test]
    fn sums_of_two_classes_by_hand() {
        let op = CircleSums { gamma: 2.0, margin: 0.25, remove_diagonal: false };
        let x = Array::new([2, 1], vec![1.0, 0.5]).unwrap();
        let classes = Array::new([2], vec![1.0, 2.0]).unwrap();
        let cx = EvalCx { dims: &[2, 2], samples: 2, batch: 2, first_sample: 0, seed: 0, step: 0 };
        // Distances: 0 of the first to itself, 0.75 of the second to itself, 0.5 between them.
        let other = 2.0 * 0.75 * 0.25;
        let expected = [-2.0 * 0.25 * 0.25, other, -2.0 * 1.0 * -0.5, other];
        assert_eq!(op.evaluate(&[&x, &classes], &cx).data(), expected);
    }
}
