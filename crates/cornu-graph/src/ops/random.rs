use cornu_tensor::{Array, Shape};

use super::{EvalCx, OpDef};
use crate::{GradientCx, GraphError};

/// Random numbers that depend on the seed, the stream, the step and the element's position in the
/// batch only: the same for any number of threads and any split of the batch.
///
/// Element `i` takes word `i % 4` of the Philox4x32-10 block `i / 4` of the seed, stream and step
/// (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"); `i` counts the elements of
/// the whole batch in row-major order, whatever the rank. The key is the seed, low half first. The
/// counter's words are
///
/// 0. the low half of the block's number,
/// 1. the stream, its upper 16 bits xored with the low 16 bits of the block's high half,
/// 2. the low half of the step,
/// 3. the high half of the step.
///
/// So no two elements share a word as long as there are fewer than 2¹⁶ streams in a graph and 2⁵⁰
/// elements in a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Random {
    /// How the numbers are distributed.
    pub distribution: Distribution,
    /// Tells apart the random values of one graph.
    pub stream: u32,
    /// Shape of the result.
    pub shape: Shape,
}

/// How random numbers are distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// Uniform in `[0, 1)`, multiples of 2⁻²⁴.
    Uniform,
    /// Normal with mean 0 and variance 1, by Box and Muller's transformation.
    Normal,
}

/// One block of Philox4x32-10: four words from a counter and a key.
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let ([mut c0, mut c1, mut c2, mut c3], [mut k0, mut k1]) = (counter, key);
    for _ in 0..10 {
        let p0 = u64::from(c0) * 0xD251_1F53;
        let p1 = u64::from(c2) * 0xCD9E_8D57;
        (c0, c1, c2, c3) =
            ((p1 >> 32) as u32 ^ c1 ^ k0, p1 as u32, (p0 >> 32) as u32 ^ c3 ^ k1, p0 as u32);
        k0 = k0.wrapping_add(0x9E37_79B9);
        k1 = k1.wrapping_add(0xBB67_AE85);
    }
    [c0, c1, c2, c3]
}

impl Random {
    /// Element `i` of the value for the whole batch.
    fn element(&self, seed: u64, step: u64, i: u64) -> f64 {
        let key = [seed as u32, (seed >> 32) as u32];
        let words = |block: u64| {
            philox(
                [
                    block as u32,
                    self.stream ^ ((block >> 32) as u32).rotate_left(16),
                    step as u32,
                    (step >> 32) as u32,
                ],
                key,
            )
        };
        let unit = |word: u32| f64::from(word >> 8) / f64::from(1u32 << 24);
        match self.distribution {
            Distribution::Uniform => unit(words(i / 4)[(i % 4) as usize]),
            Distribution::Normal => {
                // Words (0, 1) give elements 0 and 1 of the block, words (2, 3) elements 2 and 3.
                let block = words(i / 4);
                let pair = (i % 4) as usize / 2 * 2;
                let radius = (-2.0 * (1.0 - unit(block[pair])).ln()).sqrt();
                let angle = std::f64::consts::TAU * unit(block[pair + 1]);
                if i.is_multiple_of(2) { radius * angle.cos() } else { radius * angle.sin() }
            }
        }
    }
}

impl OpDef for Random {
    fn name(&self) -> &'static str {
        match self.distribution {
            Distribution::Uniform => "random_uniform",
            Distribution::Normal => "random_normal",
        }
    }

    fn attributes(&self) -> String {
        format!("stream={}", self.stream)
    }

    fn output_shape(&self, _inputs: &[&Shape]) -> Result<Shape, GraphError> {
        Ok(self.shape.clone())
    }

    fn gradient(&self, _cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        Ok(())
    }

    fn evaluate(&self, _inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let first =
            if self.shape.is_batched() { cx.first_sample * self.shape.n_per_sample() } else { 0 };
        Array::from_fn(cx.dims, |i| self.element(cx.seed, cx.step, (first + i) as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers published with the generator (Random123, `kat_vectors`).
    #[test]
    fn philox_meets_its_known_answers() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]
        );
    }

    #[test]
    fn a_part_of_the_batch_gets_the_same_numbers() {
        let op =
            Random { distribution: Distribution::Normal, stream: 3, shape: Shape::batched([5]) };
        let cx = EvalCx { dims: &[4, 5], samples: 4, batch: 4, first_sample: 0, seed: 9, step: 2 };
        let whole = op.evaluate(&[], &cx);
        let part = op.evaluate(&[], &EvalCx { dims: &[2, 5], samples: 2, first_sample: 2, ..cx });
        assert_eq!(whole.rows(2, 4), part);
    }

    fn numbers(distribution: Distribution, stream: u32, seed: u64, step: u64) -> Array<f64> {
        let op = Random { distribution, stream, shape: Shape::batched([5, 7, 11]) };
        let dims = [4, 5, 7, 11];
        let cx = EvalCx { dims: &dims, samples: 4, batch: 4, first_sample: 0, seed, step };
        op.evaluate(&[], &cx)
    }

    #[test]
    fn seed_stream_and_step_each_change_every_block() {
        let plain = numbers(Distribution::Uniform, 0, 0, 0);
        for other in [
            numbers(Distribution::Uniform, 1, 0, 0),
            numbers(Distribution::Uniform, 0, 1, 0),
            numbers(Distribution::Uniform, 0, 1 << 32, 0),
            numbers(Distribution::Uniform, 0, 0, 1),
            numbers(Distribution::Uniform, 0, 0, 1 << 32),
        ] {
            let same = plain.data().iter().zip(other.data()).filter(|(a, b)| a == b).count();
            assert!(same < 3, "{same} of {} numbers are the same", plain.len());
        }
    }

    #[test]
    fn moments_are_those_of_the_distribution() {
        for (distribution, mean, variance) in
            [(Distribution::Uniform, 0.5, 1.0 / 12.0), (Distribution::Normal, 0.0, 1.0)]
        {
            let x = numbers(distribution, 3, 7, 2);
            let n = x.len() as f64;
            let got_mean = x.data().iter().sum::<f64>() / n;
            let got_variance = x.data().iter().map(|x| (x - got_mean).powi(2)).sum::<f64>() / n;
            // Four standard errors of the mean; the variance's is about as large.
            let allowed = 4.0 * (2.0 * variance / n).sqrt();
            assert!((got_mean - mean).abs() < allowed, "{distribution:?} mean {got_mean}");
            assert!((got_variance - variance).abs() < allowed, "variance {got_variance}");
        }
    }
}
