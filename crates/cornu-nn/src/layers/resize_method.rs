use std::f64::consts::PI;

use cornu_graph::ops::Interpolation;
use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::Array;

use super::image::{mix_axis, spatial_sizes};
use crate::{ConfigReader, LayerError};

/// How a picture is read at another size. Cell `i` of `m` reads an axis of `n` cells around
/// `(i + 1/2) n / m - 1/2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResizeMethod {
    /// The nearest cell.
    Nearest,
    /// Linear between the two neighbours on each axis.
    #[default]
    Bilinear,
    /// Keys's cubic (`a = -1/2`) through four neighbours, with weights from a table of 1024 steps as
    /// in TensorFlow.
    Bicubic,
    /// The windowed sinc of radius 3.
    Lanczos3,
    /// The windowed sinc of radius 5.
    Lanczos5,
}

impl From<Interpolation> for ResizeMethod {
    fn from(interpolation: Interpolation) -> Self {
        match interpolation {
            Interpolation::Nearest => Self::Nearest,
            Interpolation::Bilinear => Self::Bilinear,
        }
    }
}

impl ResizeMethod {
    const ALL: [Self; 5] =
        [Self::Nearest, Self::Bilinear, Self::Bicubic, Self::Lanczos3, Self::Lanczos5];

    /// Keras's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Bilinear => "bilinear",
            Self::Bicubic => "bicubic",
            Self::Lanczos3 => "lanczos3",
            Self::Lanczos5 => "lanczos5",
        }
    }

    /// Reads `interpolation`.
    pub(super) fn read(config: &mut ConfigReader, default: &str) -> Result<Self, LayerError> {
        let name = config.string_or("interpolation", default)?;
        Self::ALL.into_iter().find(|method| method.name() == name).ok_or_else(|| {
            let expected = "nearest, bilinear, bicubic, lanczos3 or lanczos5";
            LayerError::config("interpolation", expected, name)
        })
    }

    /// Pictures `(N, H, W, C)` at another size. With `antialias` the kernels are as wide as a cell of
    /// the result, if that is wider than one of the picture; nearest knows no such thing.
    pub(super) fn lower(
        self,
        g: &mut Graph,
        x: ValueId,
        size: [usize; 2],
        antialias: bool,
    ) -> Result<ValueId, GraphError> {
        let [height, width] = size;
        let from: [usize; 2] = spatial_sizes(g, x);
        match (self, antialias) {
            _ if from == size => Ok(x),
            (Self::Nearest, _) => g.resize(x, height, width, Interpolation::Nearest),
            (Self::Bilinear, false) => g.resize(x, height, width, Interpolation::Bilinear),
            _ => {
                let mut y = x;
                for ((axis, n), m) in (1..).zip(from).zip(size) {
                    y = mix_axis(g, y, axis, self.weights(n, m, antialias))?;
                }
                Ok(y)
            }
        }
    }

    /// What each of `m` cells reads of each of `n`.
    fn weights(self, n: usize, m: usize, antialias: bool) -> Array<f64> {
        let mut weights = Array::zeros([m, n]);
        for (i, row) in weights.data_mut().chunks_exact_mut(n).enumerate() {
            if self == Self::Bicubic && !antialias {
                cubic_weights(i, m, row);
            } else {
                self.kernel_weights(i, m, antialias, row);
            }
            // What lies beyond the edges is left out, and the rest counts for all.
            let sum: f64 = row.iter().sum();
            if sum.abs() >= 1e3 * f64::from(f32::MIN_POSITIVE) {
                row.iter_mut().for_each(|weight| *weight /= sum);
            }
        }
        weights
    }

    /// Weights by the distance of the cells' middles. Positions are `f32` as in TensorFlow, where
    /// rounding decides which cells lie just inside of the kernel.
    fn kernel_weights(self, i: usize, m: usize, antialias: bool, row: &mut [f64]) {
        let n = row.len();
        let step = 1.0 / (m as f32 / n as f32);
        let width = if antialias { step.max(1.0) } else { 1.0 };
        let at = (i as f32 + 0.5) * step;
        let radius = self.radius() * width;
        let first = (at - radius - 0.5).ceil().clamp(0.0, (n - 1) as f32) as usize;
        let last = (at + radius - 0.5).floor().clamp(0.0, (n - 1) as f32) as usize;
        for (j, weight) in row.iter_mut().enumerate().take(last + 1).skip(first) {
            let distance = ((j as f32 + 0.5 - at) / width).abs();
            *weight = self.kernel(f64::from(distance));
        }
    }

    fn radius(self) -> f32 {
        match self {
            Self::Nearest => 0.5,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos3 => 3.0,
            Self::Lanczos5 => 5.0,
        }
    }

    /// The weight of a cell at this distance.
    fn kernel(self, distance: f64) -> f64 {
        match self {
            Self::Nearest => f64::from(u8::from(distance <= 0.5)),
            Self::Bilinear => (1.0 - distance).max(0.0),
            Self::Bicubic => keys(distance),
            Self::Lanczos3 => lanczos(distance, 3.0),
            Self::Lanczos5 => lanczos(distance, 5.0),
        }
    }
}

/// Keys's cubic with `a = -1/2`.
fn keys(x: f64) -> f64 {
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

fn lanczos(x: f64, radius: f64) -> f64 {
    if x > radius {
        0.0
    } else if x <= 1e-3 {
        1.0
    } else {
        radius * (PI * x).sin() * (PI * x / radius).sin() / (PI * PI * x * x)
    }
}

/// The four neighbours of cell `i` of `m`, read from a table of 1024 steps.
fn cubic_weights(i: usize, m: usize, row: &mut [f64]) {
    let n = row.len();
    let at = (i as f32 + 0.5) * (n as f32 / m as f32) - 0.5;
    let offset = f64::from(((at - at.floor()) * 1024.0).round_ties_even()) / 1024.0;
    let first = at.floor() as i64 - 1;
    for (neighbour, distance) in (first..).zip([1.0 + offset, offset, 1.0 - offset, 2.0 - offset]) {
        if let Some(weight) = usize::try_from(neighbour).ok().and_then(|j| row.get_mut(j)) {
            *weight = keys(distance);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_a_cell_sum_to_one() {
        for method in ResizeMethod::ALL.into_iter().skip(1) {
            for (n, m) in [(1, 3), (5, 5), (7, 3), (3, 8), (10, 1)] {
                for antialias in [false, true] {
                    let weights = method.weights(n, m, antialias);
                    for row in weights.data().chunks(n) {
                        let sum: f64 = row.iter().sum();
                        assert!((sum - 1.0).abs() < 1e-9, "{method:?} {n} {m} {row:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_cubic_goes_through_its_cells() {
        let weights = ResizeMethod::Bicubic.weights(4, 4, false);
        assert_eq!(weights.data()[..4], [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(keys(1.0), 0.0);
        assert_eq!(keys(0.5), 0.5625);
    }
}
