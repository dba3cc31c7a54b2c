//! Methods of [`Metric`](super::Metric) that are the same for all with the field `name`.

macro_rules! named {
    ($class:ident, $direction:expr) => {
        fn class_name(&self) -> &'static str {
            stringify!($class)
        }

        fn name(&self) -> &str {
            &self.name
        }

        fn set_name(&mut self, name: &str) {
            self.name = name.to_owned();
        }

        fn direction(&self) -> Option<$crate::metrics::Direction> {
            $direction
        }
    };
}

/// `a / b`, 0 where `b` is 0.
pub(super) fn divide_no_nan(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}

pub(super) use named;
