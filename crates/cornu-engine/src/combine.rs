//! How partial results of a reduction over the samples become one.

use cornu_graph::Op;
use cornu_graph::ops::ReduceKind;
use cornu_kernels::moments;

/// What the partial results are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Combine {
    /// Sums.
    Sum,
    /// Maxima.
    Max,
    /// Minima.
    Min,
    /// Means, sums of squared distances from them, and the number of elements, as
    /// [`moments::merge`] has them; the result is the variance.
    Moments,
}

impl Combine {
    /// That of an op which reduces over the samples.
    pub(crate) fn of(op: &Op) -> Self {
        match op {
            Op::Reduce(op) => op.kind.into(),
            Op::Variance(_) => Self::Moments,
            _ => Self::Sum,
        }
    }

    /// What an accumulator holds before the first sample.
    pub(crate) fn start(self) -> f32 {
        match self {
            Self::Sum | Self::Moments => 0.0,
            Self::Max => f32::NEG_INFINITY,
            Self::Min => f32::INFINITY,
        }
    }

    /// Elements of the accumulator of a result of `len` elements.
    pub(crate) fn accumulator_len(self, len: usize) -> usize {
        if self == Self::Moments { 2 * len + 1 } else { len }
    }

    /// Whether each element of the result comes from the same element of each partial result.
    pub(crate) fn is_elementwise(self) -> bool {
        self != Self::Moments
    }

    /// Adds what is known of other samples.
    pub(crate) fn merge(self, to: &mut [f32], from: &[f32]) {
        if self == Self::Moments {
            let n = to.len() / 2;
            return moments::merge(to, &from[..n], &from[n..2 * n], from[2 * n] as usize);
        }
        for (to, from) in to.iter_mut().zip(from) {
            *to = self.of_two(*to, *from);
        }
    }

    /// One number of two; NaN if either is NaN.
    fn of_two(self, a: f32, b: f32) -> f32 {
        match self {
            Self::Sum | Self::Moments => a + b,
            Self::Max if b.is_nan() || a < b => b,
            Self::Min if b.is_nan() || b < a => b,
            Self::Max | Self::Min => a,
        }
    }

    /// The result, from the accumulator of all samples.
    pub(crate) fn finish(self, result: &mut [f32], accumulator: &[f32]) {
        match self {
            Self::Moments => moments::variance(result, accumulator),
            _ => result.copy_from_slice(accumulator),
        }
    }
}

impl From<ReduceKind> for Combine {
    fn from(kind: ReduceKind) -> Self {
        match kind {
            ReduceKind::Sum => Self::Sum,
            ReduceKind::Max => Self::Max,
            ReduceKind::Min => Self::Min,
        }
    }
}
