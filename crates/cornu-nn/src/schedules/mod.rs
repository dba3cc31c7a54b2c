//! Learning-rate schedules: the learning rate as a function of the number of steps taken. Source:
//! Keras 3, `keras/src/optimizers/schedules/learning_rate_schedule.py`.

mod catalogue;
mod cosine;
mod decay;

use serde_json::{Map, Value};

use crate::config::keras_object;

pub use catalogue::{SCHEDULES, schedule_from_config};
pub use cosine::{CosineDecay, CosineDecayRestarts};
pub use decay::{ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay};

/// A learning-rate schedule.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "each variant is documented as the type it holds")]
pub enum Schedule {
    ExponentialDecay(ExponentialDecay),
    PiecewiseConstantDecay(PiecewiseConstantDecay),
    PolynomialDecay(PolynomialDecay),
    InverseTimeDecay(InverseTimeDecay),
    CosineDecay(CosineDecay),
    CosineDecayRestarts(CosineDecayRestarts),
}

macro_rules! schedules {
    ($($class:ident),*) => {
        impl Schedule {
            /// Keras's class name.
            pub fn class_name(&self) -> &'static str {
                match self {
                    $(Self::$class(_) => stringify!($class)),*
                }
            }

            /// The learning rate of the step before which `step` steps were taken.
            pub fn value(&self, step: u64) -> f64 {
                match self {
                    $(Self::$class(schedule) => schedule.value(step)),*
                }
            }

            /// Keras's `get_config()`.
            pub fn config(&self) -> Map<String, Value> {
                match self {
                    $(Self::$class(schedule) => schedule.config()),*
                }
            }
        }

        $(
            impl From<$class> for Schedule {
                fn from(schedule: $class) -> Self {
                    Self::$class(schedule)
                }
            }

            impl From<$class> for crate::optimizers::LearningRate {
                fn from(schedule: $class) -> Self {
                    Self::Schedule(schedule.into())
                }
            }
        )*
    };
}

schedules! {
    ExponentialDecay, PiecewiseConstantDecay, PolynomialDecay, InverseTimeDecay, CosineDecay,
    CosineDecayRestarts
}

impl Schedule {
    /// The object that Keras writes.
    pub fn to_object(&self) -> Value {
        keras_object("keras.optimizers.schedules", self.class_name(), self.config())
    }
}
