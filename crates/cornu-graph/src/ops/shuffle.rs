use cornu_tensor::{Array, Dim, Shape};

use super::{EvalCx, OpDef, operands, philox, shape_error};
use crate::{GradientCx, GraphError};

/// The samples of the batch in an order drawn at random: `y[i] = x[p(i)]` with a permutation `p`.
///
/// Each sample draws a number, and `p(i)` is how many samples have a smaller one (of equal numbers,
/// the earlier is the smaller): every order is as likely as any other. Sample `i` takes the first
/// word of the Philox block that [`Random`](super::Random) has under number `i`. The order depends on
/// the seed, the stream, the step and the size of the batch only.
///
/// It reads other samples: its operand is complete before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shuffle {
    /// Tells apart the random values of one graph; one order for all that have it.
    pub stream: u32,
    /// Whether samples go back to where they came from: `y[p(i)] = x[i]`.
    pub inverse: bool,
}

impl Shuffle {
    /// Which of the `batch` samples comes to position `i`.
    pub fn source(&self, i: usize, batch: usize, seed: u64, step: u64) -> usize {
        let key = [seed as u32, (seed >> 32) as u32];
        let number = |sample: usize| {
            philox([sample as u32, self.stream, step as u32, (step >> 32) as u32], key)[0]
        };
        let smaller = |than: u32| (0..batch).filter(|&sample| number(sample) < than).count();
        if !self.inverse {
            let own = number(i);
            return smaller(own) + (0..i).filter(|&sample| number(sample) == own).count();
        }
        // The largest number that at most `i` samples are below is that of the sample looked for.
        let (mut low, mut high) = (0, u32::MAX);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if smaller(middle) <= i { low = middle } else { high = middle - 1 }
        }
        let ties = i - smaller(low);
        (0..batch).filter(|&sample| number(sample) == low).nth(ties).unwrap_or(i)
    }
}

impl OpDef for Shuffle {
    fn name(&self) -> &'static str {
        "shuffle"
    }

    fn attributes(&self) -> String {
        format!("stream={} inverse={}", self.stream, self.inverse)
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [x] = operands(self.name(), inputs)?;
        match x.dims() {
            [Dim::Batch(1), ..] => Ok(x.clone()),
            _ => Err(shape_error(self.name(), "samples (N, ...)", inputs)),
        }
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let back = Self { inverse: !self.inverse, ..*self };
        let dx = cx.graph.add_node(back.into(), &[cx.d_output()])?;
        cx.add_to_input(0, dx)
    }

    /// The operand is that of the whole batch.
    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let n: usize = cx.dims[1..].iter().product();
        let mut y = Array::zeros(cx.dims);
        for i in 0..cx.samples {
            let from = self.source(cx.first_sample + i, cx.batch, cx.seed, cx.step);
            y.data_mut()[i * n..(i + 1) * n]
                .copy_from_slice(&inputs[0].data()[from * n..(from + 1) * n]);
        }
        y
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_as_likely_and_the_inverse_goes_back() {
        let (there, back) =
            (Shuffle { stream: 2, inverse: false }, Shuffle { stream: 2, inverse: true });
        let mut counts = std::collections::BTreeMap::new();
        for step in 0..2400 {
            let order: Vec<usize> = (0..4).map(|i| there.source(i, 4, 9, step)).collect();
            for (i, &from) in order.iter().enumerate() {
                assert_eq!(back.source(from, 4, 9, step), i);
            }
            *counts.entry(order).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 24);
        // 100 of each are expected; five standard errors.
        assert!(counts.values().all(|n| (50..150).contains(n)), "{counts:?}");
    }

    #[test]
    fn a_part_of_the_batch_gets_the_same_samples() {
        let op = Shuffle { stream: 1, inverse: false };
        let x = Array::from_fn([5, 2], |i| i as f64);
        let cx = EvalCx { dims: &[5, 2], samples: 5, batch: 5, first_sample: 0, seed: 3, step: 4 };
        let whole = op.evaluate(&[&x], &cx);
        let part = EvalCx { dims: &[2, 2], samples: 2, first_sample: 3, ..cx };
        assert_eq!(op.evaluate(&[&x], &part), whole.rows(3, 5));
    }
}
