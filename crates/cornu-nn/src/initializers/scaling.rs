use cornu_tensor::Tensor;

use super::random::Draws;
use crate::LayerError;

/// Standard deviation of a standard normal distribution cut off at 2.
const TRUNCATED_DEVIATION: f64 = 0.879_625_661_034_239_8;

/// Which number of connections the variance is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FanMode {
    /// Inputs of a unit.
    FanIn,
    /// Units that an input goes to.
    FanOut,
    /// The mean of both.
    FanAvg,
}

impl FanMode {
    /// Keras's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::FanIn => "fan_in",
            Self::FanOut => "fan_out",
            Self::FanAvg => "fan_avg",
        }
    }

    pub(super) fn named(name: &str) -> Result<Self, LayerError> {
        match name {
            "fan_in" => Ok(Self::FanIn),
            "fan_out" => Ok(Self::FanOut),
            "fan_avg" => Ok(Self::FanAvg),
            _ => Err(LayerError::config("mode", "fan_in, fan_out or fan_avg", name)),
        }
    }
}

/// How the values are distributed about 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalingDistribution {
    /// Normal, cut off at two deviations and widened to the wanted variance.
    TruncatedNormal,
    /// Normal.
    UntruncatedNormal,
    /// Uniform.
    Uniform,
}

impl ScalingDistribution {
    /// Keras's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::TruncatedNormal => "truncated_normal",
            Self::UntruncatedNormal => "untruncated_normal",
            Self::Uniform => "uniform",
        }
    }

    pub(super) fn named(name: &str) -> Result<Self, LayerError> {
        match name {
            "truncated_normal" | "normal" => Ok(Self::TruncatedNormal),
            "untruncated_normal" => Ok(Self::UntruncatedNormal),
            "uniform" => Ok(Self::Uniform),
            _ => Err(LayerError::config(
                "distribution",
                "truncated_normal, untruncated_normal or uniform",
                name,
            )),
        }
    }
}

/// Values of mean 0 and variance `scale / n` (Keras 3,
/// keras/src/initializers/random_initializers.py).
pub(super) fn values(
    draws: &Draws,
    dims: &[usize],
    scale: f64,
    mode: FanMode,
    distribution: ScalingDistribution,
) -> Tensor {
    let (fan_in, fan_out) = fans(dims);
    let n = match mode {
        FanMode::FanIn => fan_in,
        FanMode::FanOut => fan_out,
        FanMode::FanAvg => (fan_in + fan_out) / 2.0,
    };
    let variance = scale / n.max(1.0);
    match distribution {
        ScalingDistribution::TruncatedNormal => {
            draws.truncated_normal(dims, 0.0, variance.sqrt() / TRUNCATED_DEVIATION)
        }
        ScalingDistribution::UntruncatedNormal => draws.normal(dims, 0.0, variance.sqrt()),
        ScalingDistribution::Uniform => {
            let limit = (3.0 * variance).sqrt();
            draws.uniform(dims, -limit, limit)
        }
    }
}

/// Connections into and out of a unit of a weight with these sizes.
fn fans(dims: &[usize]) -> (f64, f64) {
    match dims {
        [] => (1.0, 1.0),
        [n] => (*n as f64, *n as f64),
        [cells @ .., inputs, outputs] => {
            let cells = cells.iter().product::<usize>() as f64;
            (cells * *inputs as f64, cells * *outputs as f64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernels_cells_count_for_both_fans() {
        assert_eq!(fans(&[]), (1.0, 1.0));
        assert_eq!(fans(&[7]), (7.0, 7.0));
        assert_eq!(fans(&[4, 5]), (4.0, 5.0));
        assert_eq!(fans(&[3, 3, 16, 32]), (144.0, 288.0));
    }
}
