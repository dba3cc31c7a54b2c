//! Metrics that are the running mean of a loss function. Source: Keras 3,
//! `keras/src/metrics/{regression,probabilistic,hinge}_metrics.py`.

use cornu_graph::{Feed, Graph, evaluate};
use cornu_tensor::{Array, Shape, Tensor};
use serde_json::{Map, Value};

use super::mean::MeanState;
use super::{Direction, Metric};
use crate::LayerError;
use crate::losses::{self, Loss, equalize_ranks};

/// The per-sample values of a loss, computed in double precision.
pub(super) fn loss_values(
    loss: &dyn Loss,
    y_true: &Tensor,
    y_pred: &Tensor,
) -> Result<Array<f64>, LayerError> {
    let y_pred = loss.prepared(y_pred);
    let mut graph = Graph::new();
    let truth = graph.input("y_true", Shape::fixed(y_true.dims()))?;
    let pred = graph.input("y_pred", Shape::fixed(y_pred.dims()))?;
    let (truth, pred) = equalize_ranks(&mut graph, truth, pred)?;
    let losses = loss.losses(&mut graph, truth, pred)?;
    graph.set_output("losses", losses);
    let mut feed = Feed::default();
    feed.inputs.insert("y_true".to_owned(), y_true.to_f64());
    feed.inputs.insert("y_pred".to_owned(), y_pred.to_f64());
    let mut outputs = evaluate(&graph, &mut feed)?;
    Ok(outputs.remove("losses").unwrap_or_default())
}

macro_rules! loss_metric {
    ($(#[$doc:meta])* $class:ident, $name:literal, $direction:ident, $sign:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $class {
            name: String,
            loss: loss_metric!(@loss $class),
            state: MeanState,
        }

        impl $class {
            /// With Keras's defaults.
            pub fn new() -> Self {
                Self::of(Default::default())
            }

            /// The mean of this loss, with its settings but for name and reduction.
            pub fn of(loss: loss_metric!(@loss $class)) -> Self {
                Self { name: $name.to_owned(), loss, state: MeanState::default() }
            }
        }

        impl Default for $class {
            fn default() -> Self {
                Self::new()
            }
        }

        impl Metric for $class {
            fn class_name(&self) -> &'static str {
                stringify!($class)
            }

            fn name(&self) -> &str {
                &self.name
            }

            fn set_name(&mut self, name: &str) {
                self.name = name.to_owned();
            }

            fn heeds_mask(&self) -> bool {
                true
            }

            fn own_config(&self) -> Map<String, Value> {
                self.loss.metric_config()
            }

            fn update(
                &mut self,
                y_true: &Tensor,
                y_pred: &Tensor,
                sample_weight: Option<&Tensor>,
            ) -> Result<(), LayerError> {
                let values = loss_values(&self.loss, y_true, y_pred)?.map(|value| $sign * value);
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

            fn direction(&self) -> Option<Direction> {
                Some(Direction::$direction)
            }
        }
    };
    (@loss LogCoshError) => { losses::LogCosh };
    (@loss $class:ident) => { losses::$class };
}

loss_metric! {
    /// Mean of [`losses::MeanSquaredError`].
    MeanSquaredError, "mean_squared_error", Down, 1.0
}
loss_metric! {
    /// Mean of [`losses::MeanAbsoluteError`].
    MeanAbsoluteError, "mean_absolute_error", Down, 1.0
}
loss_metric! {
    /// Mean of [`losses::MeanAbsolutePercentageError`].
    MeanAbsolutePercentageError, "mean_absolute_percentage_error", Down, 1.0
}
loss_metric! {
    /// Mean of [`losses::MeanSquaredLogarithmicError`].
    MeanSquaredLogarithmicError, "mean_squared_logarithmic_error", Down, 1.0
}
loss_metric! {
    /// Mean of [`losses::LogCosh`].
    LogCoshError, "logcosh", Down, 1.0
}
loss_metric! {
    /// Mean cosine: minus [`losses::CosineSimilarity`], so 1 is best.
    CosineSimilarity, "cosine_similarity", Up, -1.0
}
loss_metric! {
    /// Mean of [`losses::Hinge`].
    Hinge, "hinge", Down, 1.0
}
loss_metric! {
    /// Mean of [`losses::SquaredHinge`].
    SquaredHinge, "squared_hinge", Down, 1.0
}
loss_metric! {
    /// Mean of [`losses::CategoricalHinge`].
    CategoricalHinge, "categorical_hinge", Down, 1.0
}
loss_metric! {
    /// Mean of [`losses::KLDivergence`].
    KLDivergence, "kl_divergence", Down, 1.0
}
loss_metric! {
    /// Mean of [`losses::Poisson`].
    Poisson, "poisson", Down, 1.0
}
loss_metric! {
    /// Mean of [`losses::BinaryCrossentropy`].
    BinaryCrossentropy, "binary_crossentropy", Down, 1.0
}
loss_metric! {
    /// Mean of [`losses::CategoricalCrossentropy`].
    CategoricalCrossentropy, "categorical_crossentropy", Down, 1.0
}
loss_metric! {
    /// Mean of [`losses::SparseCategoricalCrossentropy`].
    SparseCategoricalCrossentropy, "sparse_categorical_crossentropy", Down, 1.0
}

/// The running mean of any loss, under a name of its own.
#[derive(Debug)]
pub struct LossMetric {
    name: String,
    loss: Box<dyn Loss>,
    state: MeanState,
}

impl LossMetric {
    /// Of `loss`, logged as `name`.
    pub fn new(loss: Box<dyn Loss>, name: &str) -> Self {
        Self { name: name.to_owned(), loss, state: MeanState::default() }
    }
}

impl Metric for LossMetric {
    /// Keras's word for a metric made of a function.
    fn class_name(&self) -> &'static str {
        "MeanMetricWrapper"
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn set_name(&mut self, name: &str) {
        self.name = name.to_owned();
    }

    fn heeds_mask(&self) -> bool {
        true
    }

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<(), LayerError> {
        let values = loss_values(&*self.loss, y_true, y_pred)?;
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

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Down)
    }
}
