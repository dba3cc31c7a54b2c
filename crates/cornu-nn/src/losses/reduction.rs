use cornu_graph::{Graph, ValueId};
use cornu_tensor::Dim;

use super::{Built, equalize_ranks};
use crate::LayerError;

/// How the losses of a batch become one number. Source: Keras 3, `keras/src/losses/loss.py`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reduction {
    /// Sum of the weighted losses / their number: the weights are not in the divisor.
    #[default]
    SumOverBatchSize,
    /// The same under its newer name.
    Mean,
    /// Sum of the weighted losses / sum of the weights.
    MeanWithSampleWeight,
    /// Sum of the weighted losses.
    Sum,
    /// The weighted losses themselves.
    None,
}

impl Reduction {
    /// Keras's word.
    pub fn keras_name(self) -> &'static str {
        match self {
            Self::SumOverBatchSize => "sum_over_batch_size",
            Self::Mean => "mean",
            Self::MeanWithSampleWeight => "mean_with_sample_weight",
            Self::Sum => "sum",
            Self::None => "none",
        }
    }

    /// The reduction of Keras's name; `None` if there is none.
    pub fn named(name: &str) -> Option<Self> {
        [Self::SumOverBatchSize, Self::Mean, Self::MeanWithSampleWeight, Self::Sum, Self::None]
            .into_iter()
            .find(|reduction| reduction.keras_name() == name)
    }
}

/// Weights, masks and reduces the losses of a batch.
pub(crate) fn reduce_weighted(
    graph: &mut Graph,
    losses: ValueId,
    sample_weight: Option<ValueId>,
    mask: Option<ValueId>,
    reduction: Reduction,
) -> Built {
    let weight = match mask {
        None => sample_weight,
        Some(mask) => Some(masked_weight(graph, sample_weight, mask, reduction)?),
    };
    let (losses, weight) = match weight {
        None => (losses, None),
        Some(weight) => {
            let (losses, weight) = equalize_ranks(graph, losses, weight)?;
            (graph.mul(losses, weight)?, Some(weight))
        }
    };
    if reduction == Reduction::None || graph.shape(losses).rank() == 0 {
        return Ok(losses);
    }
    let sum = graph.sum_all(losses)?;
    match (reduction, weight) {
        (Reduction::Sum | Reduction::None, _) => Ok(sum),
        (Reduction::MeanWithSampleWeight, Some(weight)) => {
            let divisor = graph.sum_all(weight)?;
            divide_no_nan(graph, sum, divisor)
        }
        _ => mean_of_sum(graph, sum, losses),
    }
}

/// `sum` / number of elements of `like`.
fn mean_of_sum(graph: &mut Graph, sum: ValueId, like: ValueId) -> Built {
    let shape = graph.shape(like).clone();
    let batched = matches!(shape.dims().first(), Some(Dim::Batch(_)));
    let mut mean = graph.mul_scalar(sum, 1.0 / shape.n_per_sample() as f64)?;
    if batched {
        let samples = graph.batch_size()?;
        mean = graph.div(mean, samples)?;
    }
    Ok(mean)
}

/// Weights that leave out what is masked. For the means, the rest weighs total / valid more, so that
/// the result is the mean of the valid losses.
fn masked_weight(
    graph: &mut Graph,
    sample_weight: Option<ValueId>,
    mask: ValueId,
    reduction: Reduction,
) -> Result<ValueId, LayerError> {
    let mut weight = mask;
    if matches!(reduction, Reduction::Mean | Reduction::SumOverBatchSize) {
        let sum = graph.sum_all(mask)?;
        // A count: raised to 1 only if nothing is valid, so that 0/0 does not occur.
        let valid = graph.max_scalar(sum, 1.0)?;
        let share = mean_of_sum(graph, valid, mask)?;
        weight = graph.div(mask, share)?;
    }
    match sample_weight {
        None => Ok(weight),
        Some(sample_weight) => {
            let (sample_weight, weight) = equalize_ranks(graph, sample_weight, weight)?;
            Ok(graph.mul(sample_weight, weight)?)
        }
    }
}

/// `a / b`, 0 where `b` is 0.
fn divide_no_nan(graph: &mut Graph, a: ValueId, b: ValueId) -> Built {
    let (zero, one) = (graph.scalar(0.0)?, graph.scalar(1.0)?);
    let there = graph.not_equal(b, zero)?;
    let divisor = graph.select(there, b, one)?;
    let quotient = graph.div(a, divisor)?;
    Ok(graph.select(there, quotient, zero)?)
}
