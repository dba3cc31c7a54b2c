//! The running mean that most metrics are.

use cornu_tensor::{Array, Tensor};

use super::values::{broadcast, equalize_dims, mean_from};
use crate::LayerError;

/// Sum of weighted values and sum of weights.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct MeanState {
    total: f64,
    count: f64,
}

impl MeanState {
    /// Adds the values of a batch, averaged per sample over all other axes.
    pub(super) fn add(
        &mut self,
        values: &Array<f64>,
        sample_weight: Option<&Tensor>,
    ) -> Result<(), LayerError> {
        let (values, weights) = samplewise(values, sample_weight, mean_from)?;
        self.total += values.data().iter().sum::<f64>();
        self.count += match weights {
            Some(weights) => weights.data().iter().sum::<f64>(),
            None => values.dims().first().map_or(1.0, |&n| n as f64),
        };
        Ok(())
    }

    /// 0 of nothing.
    pub(super) fn result(&self) -> f64 {
        if self.count == 0.0 { 0.0 } else { self.total / self.count }
    }

    pub(super) fn variables(&self) -> Vec<(&'static str, Array<f64>)> {
        vec![("total", Array::scalar(self.total)), ("count", Array::scalar(self.count))]
    }

    /// Goes on from what `variables` gave. Answers whether it fits.
    pub(super) fn restore(&mut self, variables: &[Vec<f64>]) -> bool {
        match variables {
            [total, count] if total.len() == 1 && count.len() == 1 => {
                *self = Self { total: total[0], count: count[0] };
                true
            }
            _ => false,
        }
    }
}

/// Weighted values of each sample, and the samples' weights. `reduce` sums up all axes from the given
/// one on.
pub(super) fn samplewise(
    values: &Array<f64>,
    sample_weight: Option<&Tensor>,
    reduce: fn(&Array<f64>, usize) -> Array<f64>,
) -> Result<(Array<f64>, Option<Array<f64>>), LayerError> {
    let Some(weights) = sample_weight else { return Ok((reduce(values, 1), None)) };
    let (value_dims, weight_dims) = equalize_dims(values.dims(), weights.dims());
    let values = Array::from_fn(value_dims, |i| values.data()[i]);
    let weights = Array::from_fn(weight_dims, |i| f64::from(weights.data()[i]));
    let values = reduce(&values, weights.rank());
    let weights = broadcast(&weights, values.dims())?;
    let weighted = Array::from_fn(values.dims(), |i| values.data()[i] * weights.data()[i]);
    Ok((reduce(&weighted, 1), Some(reduce(&weights, 1))))
}
