use cornu_graph::ops::philox;
use cornu_tensor::Tensor;

/// Tells the counters of initial values apart from those of the random ops of a graph, which use
/// small stream numbers.
const STREAM: u32 = 0x696E_6974;

/// Random numbers of one seed. Element `i` depends on the seed and `i` only.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draws {
    key: [u32; 2],
}

impl Draws {
    pub(super) fn new(seed: u64) -> Self {
        Self { key: [seed as u32, (seed >> 32) as u32] }
    }

    /// Philox's words for block `block`, try `attempt`.
    fn words(&self, block: u64, attempt: u32) -> [u32; 4] {
        philox([block as u32, (block >> 32) as u32, attempt, STREAM], self.key)
    }

    /// Uniform in `[low, high)`: element `i` is word `i % 4` of block `i / 4`.
    pub(super) fn uniform(&self, dims: &[usize], low: f64, high: f64) -> Tensor {
        let mut block = [0; 4];
        Tensor::from_fn(dims, |i| {
            if i % 4 == 0 {
                block = self.words(i as u64 / 4, 0);
            }
            (low + (high - low) * unit(block[i % 4])) as f32
        })
    }

    /// Normal: element `i` is the first of the pair that Box and Muller make of block `i`.
    pub(super) fn normal(&self, dims: &[usize], mean: f64, stddev: f64) -> Tensor {
        Tensor::from_fn(dims, |i| (mean + stddev * self.standard(i, 0)[0]) as f32)
    }

    /// Normal, drawn again until it lies within two deviations.
    pub(super) fn truncated_normal(&self, dims: &[usize], mean: f64, stddev: f64) -> Tensor {
        Tensor::from_fn(dims, |i| {
            let within = (0..)
                .flat_map(|attempt| self.standard(i, attempt))
                .find(|x| x.abs() <= 2.0)
                .unwrap_or_default();
            (mean + stddev * within) as f32
        })
    }

    /// Two independent standard normal numbers from block `i`.
    pub(super) fn standard(&self, i: usize, attempt: u32) -> [f64; 2] {
        let words = self.words(i as u64, attempt);
        let radius = (-2.0 * (1.0 - unit(words[0])).ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * unit(words[1])).sin_cos();
        [radius * cos, radius * sin]
    }
}

/// A word as a number in `[0, 1)`, a multiple of 2⁻²⁴.
fn unit(word: u32) -> f64 {
    f64::from(word >> 8) / f64::from(1u32 << 24)
}
