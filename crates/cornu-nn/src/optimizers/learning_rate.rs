use serde_json::Value;

use crate::LayerError;
use crate::schedules::{Schedule, schedule_from_config};

/// A learning rate: a number, or a plan that gives one for each step.
#[derive(Debug, Clone, PartialEq)]
pub enum LearningRate {
    /// The same for all steps, until somebody changes it. Keras keeps it as a 32-bit float.
    Constant(f32),
    /// By the number of steps taken.
    Schedule(Schedule),
}

impl LearningRate {
    /// The learning rate of the step before which `step` steps were taken.
    pub fn value(&self, step: u64) -> f64 {
        match self {
            Self::Constant(value) => f64::from(*value),
            Self::Schedule(schedule) => schedule.value(step),
        }
    }

    /// As Keras writes it.
    pub fn to_config(&self) -> Value {
        match self {
            Self::Constant(value) => f64::from(*value).into(),
            Self::Schedule(schedule) => schedule.to_object(),
        }
    }

    /// From what Keras writes: a number with a decimal point, or a schedule object.
    ///
    /// # Errors
    ///
    /// [`LayerError::Config`] for whole numbers, which Keras refuses too, and for anything else.
    pub fn from_config(value: &Value) -> Result<Self, LayerError> {
        match value {
            Value::Number(number) if number.is_f64() => {
                Ok(Self::Constant(number.as_f64().unwrap_or_default() as f32))
            }
            Value::Object(_) => schedule_from_config(value).map(Self::Schedule),
            other => Err(LayerError::config(
                "learning_rate",
                "a number with a decimal point, such as 1.0, or a schedule",
                other,
            )),
        }
    }
}

impl From<f32> for LearningRate {
    fn from(value: f32) -> Self {
        Self::Constant(value)
    }
}

impl From<f64> for LearningRate {
    fn from(value: f64) -> Self {
        Self::Constant(value as f32)
    }
}

impl From<Schedule> for LearningRate {
    fn from(schedule: Schedule) -> Self {
        Self::Schedule(schedule)
    }
}
