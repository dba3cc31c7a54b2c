use serde_json::Value;

use super::WeightSpec;
use crate::{ConfigReader, ConfigWriter, Constraint, Initializer, LayerError, Regularizer};

/// How one weight of a layer starts, is penalised and is limited: Keras's arguments
/// `WEIGHT_initializer`, `WEIGHT_regularizer` and `WEIGHT_constraint`.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightRules {
    /// The values it starts with.
    pub initializer: Initializer,
    /// Its penalty in the loss.
    pub regularizer: Option<Regularizer>,
    /// What it is changed to after each step.
    pub constraint: Option<Constraint>,
}

impl WeightRules {
    /// Starts with `initializer`; no penalty, no limit.
    pub fn new(initializer: Initializer) -> Self {
        Self { initializer, regularizer: None, constraint: None }
    }

    /// Keras's default for kernels: Glorot's uniform.
    pub fn kernel() -> Self {
        Self::new(Initializer::default())
    }

    /// Keras's default for biases: zeros.
    pub fn zeros() -> Self {
        Self::new(Initializer::Zeros)
    }

    /// Reads the keys of `weight`; the initializer of `default` if it is missing.
    pub(super) fn read(
        config: &mut ConfigReader,
        weight: &str,
        default: Self,
    ) -> Result<Self, LayerError> {
        let key = |rule: &str| format!("{weight}_{rule}");
        Ok(Self {
            initializer: config.initializer_or(&key("initializer"), default.initializer)?,
            regularizer: config.regularizer(&key("regularizer"))?,
            constraint: config.constraint(&key("constraint"))?,
        })
    }

    /// Writes the keys of `weight`.
    pub(super) fn write(&self, config: ConfigWriter, weight: &str) -> ConfigWriter {
        let regularizer = self.regularizer.map_or(Value::Null, |one| one.to_config());
        let constraint = self.constraint.as_ref().map_or(Value::Null, Constraint::to_config);
        config
            .set(&format!("{weight}_initializer"), self.initializer.to_config())
            .set(&format!("{weight}_regularizer"), regularizer)
            .set(&format!("{weight}_constraint"), constraint)
    }

    /// The weight itself.
    pub(super) fn spec(&self, name: &str, dims: &[usize]) -> Result<WeightSpec, LayerError> {
        Ok(WeightSpec::new(name, dims, &self.initializer)?
            .regularizer(self.regularizer)
            .constraint(&self.constraint))
    }
}
