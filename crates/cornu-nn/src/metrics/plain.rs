//! Running mean and sum of given values. Source: Keras 3, `keras/src/metrics/reduction_metrics.py`.

use cornu_tensor::{Array, Tensor};

use super::common::named;
use super::mean::{MeanState, samplewise};
use super::values::{common_dims, sum_from};
use super::{Direction, Metric};
use crate::LayerError;

/// The weighted mean of values, each averaged per sample over all other axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Mean {
    name: String,
    state: MeanState,
}

impl Mean {
    /// Of nothing yet, which is 0.
    pub fn new() -> Self {
        Self { name: "mean".to_owned(), state: MeanState::default() }
    }

    /// Takes values into account.
    ///
    /// # Errors
    ///
    /// [`LayerError::InputShape`] if the weights do not fit.
    pub fn update_values(
        &mut self,
        values: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<(), LayerError> {
        self.state.add(&values.to_f64(), sample_weight)
    }
}

impl Default for Mean {
    fn default() -> Self {
        Self::new()
    }
}

/// In a model the values are the predictions.
impl Metric for Mean {
    named!(Mean, None);

    fn update(
        &mut self,
        _y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<(), LayerError> {
        self.update_values(y_pred, sample_weight)
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

/// The weighted sum of values.
#[derive(Debug, Clone, PartialEq)]
pub struct Sum {
    name: String,
    total: f64,
}

impl Sum {
    /// Of nothing yet, which is 0.
    pub fn new() -> Self {
        Self { name: "sum".to_owned(), total: 0.0 }
    }

    /// Takes values into account.
    ///
    /// # Errors
    ///
    /// [`LayerError::InputShape`] if the weights do not fit.
    pub fn update_values(
        &mut self,
        values: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<(), LayerError> {
        let (values, _) = samplewise(&values.to_f64(), sample_weight, sum_from)?;
        self.total += values.data().iter().sum::<f64>();
        Ok(())
    }
}

impl Default for Sum {
    fn default() -> Self {
        Self::new()
    }
}

/// In a model the values are the predictions.
impl Metric for Sum {
    named!(Sum, None);

    fn update(
        &mut self,
        _y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<(), LayerError> {
        self.update_values(y_pred, sample_weight)
    }

    fn result(&self) -> Vec<f64> {
        vec![self.total]
    }

    fn reset(&mut self) {
        self.total = 0.0;
    }

    fn variables(&self) -> Vec<(&'static str, Array<f64>)> {
        vec![("total", Array::scalar(self.total))]
    }

    fn restore(&mut self, variables: &[Vec<f64>]) -> bool {
        match variables {
            [total] if total.len() == 1 => self.total = total[0],
            _ => return false,
        }
        true
    }
}

/// The root of the mean squared error over everything so far.
#[derive(Debug, Clone, PartialEq)]
pub struct RootMeanSquaredError {
    name: String,
    state: MeanState,
}

impl RootMeanSquaredError {
    /// Of nothing yet, which is 0.
    pub fn new() -> Self {
        Self { name: "root_mean_squared_error".to_owned(), state: MeanState::default() }
    }
}

impl Default for RootMeanSquaredError {
    fn default() -> Self {
        Self::new()
    }
}

impl Metric for RootMeanSquaredError {
    named!(RootMeanSquaredError, Some(Direction::Down));

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<(), LayerError> {
        let dims = common_dims(y_true, y_pred)?;
        let squares = Array::from_fn(dims, |i| {
            (f64::from(y_true.data()[i]) - f64::from(y_pred.data()[i])).powi(2)
        });
        self.state.add(&squares, sample_weight)
    }

    fn result(&self) -> Vec<f64> {
        vec![self.state.result().sqrt()]
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
