//! Correlation and explained variance. Source: Keras 3,
//! `keras/src/metrics/{correlation,regression}_metrics.py`.

use cornu_tensor::{Array, Tensor, row_major_strides};
use serde_json::{Map, Value};

use super::common::named;
use super::mean::MeanState;
use super::values::{common_dims, wrong_shape};
use super::{Direction, Metric};
use crate::config::one_or_list;
use crate::{ConfigWriter, LayerError};

macro_rules! correlation {
    ($(#[$doc:meta])* $class:ident, $name:literal, $function:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $class {
            name: String,
            axis: Vec<i64>,
            state: MeanState,
        }

        impl $class {
            /// Along the last axis.
            pub fn new() -> Self {
                Self { name: $name.to_owned(), axis: vec![-1], state: MeanState::default() }
            }

            /// The axes along which numbers are compared. Default the last.
            pub fn axis(mut self, axis: impl Into<Vec<i64>>) -> Self {
                self.axis = axis.into();
                self
            }
        }

        impl Default for $class {
            fn default() -> Self {
                Self::new()
            }
        }

        impl Metric for $class {
            named!($class, Some(Direction::Up));

            fn heeds_mask(&self) -> bool {
                true
            }

            fn own_config(&self) -> Map<String, Value> {
                ConfigWriter::new().set("axis", one_or_list(&self.axis)).finish()
            }

            fn update(
                &mut self,
                y_true: &Tensor,
                y_pred: &Tensor,
                sample_weight: Option<&Tensor>,
            ) -> Result<(), LayerError> {
                let dims = common_dims(y_true, y_pred)?;
                let (rows, group) = groups(&dims, &self.axis)?;
                let mut all = vec![[Vec::new(), Vec::new()]; rows.iter().product()];
                for (i, (&y, &p)) in y_true.data().iter().zip(y_pred.data()).enumerate() {
                    let [labels, predictions] = &mut all[group(i)];
                    labels.push(f64::from(y));
                    predictions.push(f64::from(p));
                }
                let values = Array::from_fn(rows, |i| $function(&Moments::of(&all[i][0], &all[i][1])));
                self.state.add(&values, sample_weight)
            }

            fn result(&self) -> Vec<f64> {
                vec![self.state.result()]
            }

            fn reset(&mut self) {
                self.state = MeanState::default();
            }

            fn variables(&self) -> Vec<(&'static str, Array<f64>)> {
                self.state.variables()
            }

            fn restore(&mut self, variables: &[Vec<f64>]) -> bool {
                self.state.restore(variables)
            }
        }
    };
}

correlation! {
    /// Mean over samples of Pearson's correlation along one or several axes.
    PearsonCorrelation, "pearson_correlation", pearson
}
correlation! {
    /// Mean over samples of Lin's concordance correlation along one or several axes: 1 only where
    /// predictions equal labels.
    ConcordanceCorrelation, "concordance_correlation", concordance
}

/// Sizes of the axes that are not in `axes`, and the position there of each element of an array of
/// `dims`.
fn groups(
    dims: &[usize],
    axes: &[i64],
) -> Result<(Vec<usize>, impl Fn(usize) -> usize), LayerError> {
    let along: Option<Vec<usize>> =
        axes.iter().map(|&axis| crate::shape::resolve_axis(axis, dims.len())).collect();
    let along = along
        .filter(|_| dims.iter().all(|&n| 0 < n))
        .ok_or_else(|| wrong_shape(format!("predictions with axis {}", one_or_list(axes)), dims))?;
    let kept: Vec<usize> = (0..dims.len()).filter(|axis| !along.contains(axis)).collect();
    let rows: Vec<usize> = kept.iter().map(|&axis| dims[axis]).collect();
    let strides = row_major_strides(dims);
    let steps: Vec<[usize; 3]> = kept
        .iter()
        .zip(row_major_strides(&rows))
        .map(|(&axis, step)| [strides[axis], dims[axis], step])
        .collect();
    Ok((rows, move |i| steps.iter().map(|[stride, n, step]| i / stride % n * step).sum()))
}

/// Means, variances and covariance of two rows.
struct Moments {
    means: [f64; 2],
    variances: [f64; 2],
    covariance: f64,
}

impl Moments {
    fn of(a: &[f64], b: &[f64]) -> Self {
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / a.len() as f64;
        let means = [mean(&mut a.iter().copied()), mean(&mut b.iter().copied())];
        let off = |i: usize| (a[i] - means[0], b[i] - means[1]);
        let positions = 0..a.len();
        Self {
            means,
            variances: [
                mean(&mut positions.clone().map(|i| off(i).0.powi(2))),
                mean(&mut positions.clone().map(|i| off(i).1.powi(2))),
            ],
            covariance: mean(&mut positions.map(|i| off(i).0 * off(i).1)),
        }
    }
}

fn pearson(moments: &Moments) -> f64 {
    moments.covariance / (moments.variances[0] * moments.variances[1]).sqrt()
}

fn concordance(moments: &Moments) -> f64 {
    let apart = (moments.means[0] - moments.means[1]).powi(2);
    2.0 * moments.covariance / (moments.variances[0] + moments.variances[1] + apart + 1e-7)
}

/// How the scores of several outputs become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassAggregation {
    /// Their mean.
    UniformAverage,
    /// Their mean weighted by the labels' variances.
    VarianceWeightedAverage,
}

impl ClassAggregation {
    pub(super) const ALL: [(Self, &'static str); 2] = [
        (Self::UniformAverage, "uniform_average"),
        (Self::VarianceWeightedAverage, "variance_weighted_average"),
    ];

    fn keras_name(self) -> &'static str {
        Self::ALL.iter().find(|(which, _)| *which == self).map_or("", |(_, name)| name)
    }
}

/// Part of the labels' variance that predictions explain: 1 is perfect, 0 no better than the mean.
#[derive(Debug, Clone, PartialEq)]
pub struct R2Score {
    name: String,
    class_aggregation: Option<ClassAggregation>,
    num_regressors: usize,
    n_samples: f64,
    /// Per output.
    squared_sum: Vec<f64>,
    sum: Vec<f64>,
    residual: Vec<f64>,
    count: Vec<f64>,
}

impl R2Score {
    /// The mean of all outputs, not adjusted.
    pub fn new() -> Self {
        Self {
            name: "r2_score".to_owned(),
            class_aggregation: Some(ClassAggregation::UniformAverage),
            num_regressors: 0,
            n_samples: 0.0,
            squared_sum: Vec::new(),
            sum: Vec::new(),
            residual: Vec::new(),
            count: Vec::new(),
        }
    }

    /// How the outputs become one number; `None`: they do not. Default their mean.
    pub fn class_aggregation(mut self, how: impl Into<Option<ClassAggregation>>) -> Self {
        self.class_aggregation = how.into();
        self
    }

    /// Number of inputs of the regression, for the adjusted score. Default 0: not adjusted.
    pub fn num_regressors(mut self, n: usize) -> Self {
        self.num_regressors = n;
        self
    }

    fn resize(&mut self, n: usize) {
        for values in [&mut self.squared_sum, &mut self.sum, &mut self.residual, &mut self.count] {
            values.resize(n, 0.0);
        }
    }
}

impl Default for R2Score {
    fn default() -> Self {
        Self::new()
    }
}

impl Metric for R2Score {
    named!(R2Score, Some(Direction::Up));

    fn own_config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("class_aggregation", self.class_aggregation.map(ClassAggregation::keras_name))
            .set("num_regressors", self.num_regressors)
            .finish()
    }

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<(), LayerError> {
        let dims = common_dims(y_true, y_pred)?;
        let &[n_samples, n_outputs] = dims.as_slice() else {
            return Err(wrong_shape("predictions of shape (samples, outputs)", &dims));
        };
        if let Some(weights) = sample_weight.filter(|weights| weights.len() != n_samples) {
            return Err(wrong_shape(format!("{n_samples} sample weights"), weights.dims()));
        }
        self.resize(n_outputs);
        for i in 0..n_samples * n_outputs {
            let (sample, output) = (i / n_outputs, i % n_outputs);
            let weight = sample_weight.map_or(1.0, |weights| f64::from(weights.data()[sample]));
            let (y, p) = (f64::from(y_true.data()[i]), f64::from(y_pred.data()[i]));
            self.sum[output] += weight * y;
            self.squared_sum[output] += weight * y * y;
            self.residual[output] += weight * (y - p).powi(2);
            self.count[output] += weight;
        }
        // Keras counts every output of a sample.
        self.n_samples += (n_samples * n_outputs) as f64;
        Ok(())
    }

    fn result(&self) -> Vec<f64> {
        let n = self.sum.len();
        let totals: Vec<f64> = (0..n)
            .map(|i| self.squared_sum[i] - self.sum[i] * self.sum[i] / self.count[i])
            .collect();
        let scores: Vec<f64> = (0..n)
            .map(|i| 1.0 - self.residual[i] / totals[i])
            .map(|score| if score.is_infinite() { 0.0 } else { score })
            .collect();
        let mut results = match self.class_aggregation {
            None => scores,
            Some(ClassAggregation::UniformAverage) => {
                vec![scores.iter().sum::<f64>() / n.max(1) as f64]
            }
            Some(ClassAggregation::VarianceWeightedAverage) => {
                let weighted: f64 = scores.iter().zip(&totals).map(|(score, w)| score * w).sum();
                vec![weighted / totals.iter().sum::<f64>()]
            }
        };
        let free = self.n_samples - self.num_regressors as f64 - 1.0;
        // Keras leaves the score as it is where there are too few samples to adjust it.
        if self.num_regressors != 0 && 0.0 < free {
            for score in &mut results {
                *score = 1.0 - (1.0 - *score) * (self.n_samples - 1.0) / free;
            }
        }
        results
    }

    fn reset(&mut self) {
        let n = self.sum.len();
        self.n_samples = 0.0;
        self.resize(0);
        self.resize(n);
    }

    fn variables(&self) -> Vec<(&'static str, Array<f64>)> {
        let shaped = |values: &[f64]| Array::from_fn([values.len()], |i| values[i]);
        vec![
            ("num_samples", Array::scalar(self.n_samples)),
            ("squared_sum", shaped(&self.squared_sum)),
            ("sum", shaped(&self.sum)),
            ("residual", shaped(&self.residual)),
            ("count", shaped(&self.count)),
        ]
    }

    fn restore(&mut self, variables: &[Vec<f64>]) -> bool {
        let [n_samples, per_output @ ..] = variables else { return false };
        let ([n_samples], [squared_sum, sum, residual, count]) = (&n_samples[..], per_output)
        else {
            return false;
        };
        if per_output.iter().any(|values| values.len() != sum.len()) {
            return false;
        }
        self.n_samples = *n_samples;
        self.squared_sum.clone_from(squared_sum);
        self.sum.clone_from(sum);
        self.residual.clone_from(residual);
        self.count.clone_from(count);
        true
    }
}
