use cornu_graph::ValueId;
use serde_json::{Map, Value};

use super::common::{moving_average, one_minus_power, over_root_plus};
use super::settings::optimizer_settings;
use super::{Optimizer, OptimizerSettings, Prepared, SlotSpec, UpdateCx, VariableSpec};
use crate::{ConfigReader, ConfigWriter, LayerError};

/// What [`Adam`] and [`AdamW`] compute; they differ in their defaults only.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rule {
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
    amsgrad: bool,
}

impl Rule {
    const DEFAULT: Self = Self { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, amsgrad: false };

    fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            beta_1: config.number_or("beta_1", Self::DEFAULT.beta_1)?,
            beta_2: config.number_or("beta_2", Self::DEFAULT.beta_2)?,
            epsilon: config.number_or("epsilon", Self::DEFAULT.epsilon)?,
            amsgrad: config.bool_or("amsgrad", Self::DEFAULT.amsgrad)?,
        })
    }

    fn config(self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("beta_1", self.beta_1)
            .set("beta_2", self.beta_2)
            .set("epsilon", self.epsilon)
            .set("amsgrad", self.amsgrad)
            .finish()
    }

    fn slots(self, variable: &VariableSpec) -> Vec<SlotSpec> {
        let mut slots =
            vec![SlotSpec::like(variable, "momentum"), SlotSpec::like(variable, "velocity")];
        if self.amsgrad {
            slots.push(SlotSpec::like(variable, "velocity_hat").group(1));
        }
        slots
    }

    /// The one scalar that all variables share: `lr sqrt(1 - b2^t) / (1 - b1^t)`.
    fn prepare(self, cx: &mut UpdateCx<'_>) -> Result<Prepared, LayerError> {
        let square = one_minus_power(cx, self.beta_2)?;
        let root = cx.graph.sqrt(square)?;
        let divisor = one_minus_power(cx, self.beta_1)?;
        let correction = cx.graph.div(root, divisor)?;
        let alpha = cx.graph.mul(cx.learning_rate, correction)?;
        Ok(Prepared { scalars: vec![alpha], shared: Vec::new() })
    }

    fn update(
        self,
        cx: &mut UpdateCx<'_>,
        variable: ValueId,
        gradient: ValueId,
        slots: &[ValueId],
    ) -> Result<(ValueId, Vec<ValueId>), LayerError> {
        let graph = &mut *cx.graph;
        let m = moving_average(graph, slots[0], gradient, self.beta_1)?;
        let square = graph.square(gradient)?;
        let v = moving_average(graph, slots[1], square, self.beta_2)?;
        let mut new_slots = vec![m, v];
        let mut divisor = v;
        if self.amsgrad {
            divisor = graph.max(slots[2], v)?;
            new_slots.push(divisor);
        }
        let step = graph.mul(m, cx.scalars[0])?;
        let step = over_root_plus(graph, step, divisor, self.epsilon)?;
        Ok((graph.sub(variable, step)?, new_slots))
    }
}

macro_rules! adam {
    ($(#[$doc:meta])* $class:ident, $name:literal, $weight_decay:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $class {
            settings: OptimizerSettings,
            rule: Rule,
        }

        impl $class {
            /// With Keras's defaults: learning rate 0.001.
            pub fn new() -> Self {
                let mut settings = OptimizerSettings::new($name, 0.001);
                settings.weight_decay = $weight_decay;
                Self { settings, rule: Rule::DEFAULT }
            }

            /// How slowly the mean gradient `m` moves. Default 0.9.
            pub fn beta_1(mut self, beta_1: f64) -> Self {
                self.rule.beta_1 = beta_1;
                self
            }

            /// How slowly the mean square `v` moves. Default 0.999.
            pub fn beta_2(mut self, beta_2: f64) -> Self {
                self.rule.beta_2 = beta_2;
                self
            }

            /// Keeps the divisor from 0. Default 1e-7.
            pub fn epsilon(mut self, epsilon: f64) -> Self {
                self.rule.epsilon = epsilon;
                self
            }

            /// Whether to divide by the largest `v` so far. Default false.
            pub fn amsgrad(mut self, amsgrad: bool) -> Self {
                self.rule.amsgrad = amsgrad;
                self
            }

            pub(super) fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
                Ok(Self { rule: Rule::read(config)?, ..Self::new() })
            }
        }

        optimizer_settings!($class);

        impl Optimizer for $class {
            fn class_name(&self) -> &'static str {
                stringify!($class)
            }

            fn settings(&self) -> &OptimizerSettings {
                &self.settings
            }

            fn settings_mut(&mut self) -> &mut OptimizerSettings {
                &mut self.settings
            }

            fn own_config(&self) -> Map<String, Value> {
                self.rule.config()
            }

            fn slots(&self, variable: &VariableSpec) -> Vec<SlotSpec> {
                self.rule.slots(variable)
            }

            fn prepare(
                &self,
                cx: &mut UpdateCx<'_>,
                _shared: &[ValueId],
            ) -> Result<Prepared, LayerError> {
                self.rule.prepare(cx)
            }

            fn update(
                &self,
                cx: &mut UpdateCx<'_>,
                variable: ValueId,
                gradient: ValueId,
                slots: &[ValueId],
            ) -> Result<(ValueId, Vec<ValueId>), LayerError> {
                self.rule.update(cx, variable, gradient, slots)
            }
        }
    };
}

adam! {
    /// `m += (g - m)(1 - b1)`, `v += (g^2 - v)(1 - b2)`,
    /// `p -= m lr sqrt(1 - b2^t) / (1 - b1^t) / (sqrt(v) + epsilon)`.
    ///
    /// Epsilon is added to the uncorrected root, unlike in other libraries. With `amsgrad` the largest
    /// `v` so far stands in the root. Source: Keras 3, `keras/src/optimizers/adam.py`.
    Adam, "adam", None
}

adam! {
    /// [`Adam`] with a weight decay of 0.004 by default. Source: Keras 3,
    /// `keras/src/optimizers/adamw.py`.
    AdamW, "adam_w", Some(0.004)
}
