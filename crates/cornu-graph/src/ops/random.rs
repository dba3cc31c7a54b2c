use cornu_tensor::{Array, Shape};

use super::{EvalCx, OpDef};
use crate::{GradientCx, GraphError};

/// Random numbers that depend on the seed, the stream, the step and the element's position in the
/// batch only: the same for any number of threads and any split of the batch.
///
/// Element `i` takes word `i % 64 / 16` of Philox4x32-10 block `i / 64 * 16 + i % 16` (Salmon et
/// al. 2011, "Parallel random numbers: as easy as 1, 2, 3"); `i` counts the elements of the whole
/// batch in row-major order, whatever the rank. The key is the seed, low half first. The counter is
/// the block's number, the stream, and the step, low half first: no two elements, streams or steps
/// share a word, but a value of more than 2³⁴ elements would repeat.
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
        // Sixteen blocks side by side: consecutive elements are the same word of different blocks,
        // which is how vector instructions make them.
        let block = (i / 64 * 16 + i % 16) as u32;
        let word = (i % 64 / 16) as usize;
        let counter = [block, self.stream, step as u32, (step >> 32) as u32];
        let words = philox(counter, [seed as u32, (seed >> 32) as u32]);
        let unit = |word: u32| f64::from(word >> 8) / f64::from(1u32 << 24);
        match self.distribution {
            Distribution::Uniform => unit(words[word]),
            Distribution::Normal => {
                // Words (0, 1) give a radius, which is never 0, and an angle; so do words (2, 3).
                let pair = word / 2 * 2;
                let not_zero = unit(words[pair]) + 1.0 / f64::from(1u32 << 24);
                let radius = (-2.0 * not_zero.ln()).sqrt();
                let angle = std::f64::consts::TAU * unit(words[pair + 1]);
                if word == pair { radius * angle.cos() } else { radius * angle.sin() }
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
