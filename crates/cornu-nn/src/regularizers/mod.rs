//! Regularizers: a penalty, added to the loss, that depends on a weight or an output.

mod norms;
mod orthogonal;

use cornu_graph::{Graph, GraphError, ValueId};
use serde_json::{Map, Value, json};

use crate::config::{keras_object, object_parts};
use crate::{ConfigReader, LayerError};

pub use orthogonal::OrthogonalMode;

/// A penalty on a tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Regularizer {
    /// `l1 * sum |w|`
    L1 {
        /// Factor. Default 0.01.
        l1: f64,
    },
    /// `l2 * sum w^2`, without a half
    L2 {
        /// Factor. Default 0.01.
        l2: f64,
    },
    /// `l1 * sum |w| + l2 * sum w^2`
    L1L2 {
        /// Factor of the absolute values. Default 0.
        l1: f64,
        /// Factor of the squares. Default 0.
        l2: f64,
    },
    /// Penalty on rows or columns of a matrix that are not at right angles
    OrthogonalRegularizer {
        /// Factor. Default 0.01.
        factor: f64,
        /// What is to be at right angles. Default: rows.
        mode: OrthogonalMode,
    },
}

impl Regularizer {
    /// Keras's class names, each with its other names.
    pub const CLASSES: &[(&str, &[&str])] = &[
        ("L1", &["l1"]),
        ("L1L2", &["l1_l2"]),
        ("L2", &["l2"]),
        ("OrthogonalRegularizer", &["orthogonal_regularizer"]),
    ];

    /// [`Regularizer::L1`].
    pub fn l1(l1: f64) -> Self {
        Self::L1 { l1 }
    }

    /// [`Regularizer::L2`].
    pub fn l2(l2: f64) -> Self {
        Self::L2 { l2 }
    }

    /// [`Regularizer::L1L2`].
    pub fn l1_l2(l1: f64, l2: f64) -> Self {
        Self::L1L2 { l1, l2 }
    }

    /// Keras's class name.
    pub fn class_name(&self) -> &'static str {
        match self {
            Self::L1 { .. } => "L1",
            Self::L2 { .. } => "L2",
            Self::L1L2 { .. } => "L1L2",
            Self::OrthogonalRegularizer { .. } => "OrthogonalRegularizer",
        }
    }

    /// Adds the penalty, a scalar, to the graph.
    ///
    /// # Errors
    ///
    /// [`GraphError::Shapes`] if an orthogonal regularizer is given something else than a matrix.
    pub fn lower(&self, g: &mut Graph, w: ValueId) -> Result<ValueId, GraphError> {
        match *self {
            Self::L1 { l1 } => norms::absolute(g, w, l1),
            Self::L2 { l2 } => norms::squares(g, w, l2),
            Self::L1L2 { l1, l2 } => {
                let absolute = norms::absolute(g, w, l1)?;
                let squares = norms::squares(g, w, l2)?;
                g.add(absolute, squares)
            }
            Self::OrthogonalRegularizer { factor, mode } => orthogonal::penalty(g, w, factor, mode),
        }
    }

    /// Reads what Keras writes under `key`: null, an object or a name. As in Keras the *name*
    /// `l1l2` stands for factors of 0, which is no penalty at all.
    ///
    /// # Errors
    ///
    /// [`LayerError::UnknownClass`] for another class, and what its configuration lacks.
    pub fn from_config(key: &str, value: &Value) -> Result<Option<Self>, LayerError> {
        if value.is_null() {
            return Ok(None);
        }
        let (name, config) = object_parts(key, value)?;
        let mut config = ConfigReader::new(&config)?;
        let regularizer = match name.as_str() {
            "L1" | "l1" => Self::L1 { l1: config.number_or("l1", 0.01)? },
            "L2" | "l2" => Self::L2 { l2: config.number_or("l2", 0.01)? },
            "L1L2" | "l1l2" => {
                Self::L1L2 { l1: config.number_or("l1", 0.0)?, l2: config.number_or("l2", 0.0)? }
            }
            "OrthogonalRegularizer" | "orthogonal_regularizer" => Self::OrthogonalRegularizer {
                factor: config.number_or("factor", 0.01)?,
                mode: OrthogonalMode::named(&config.string_or("mode", "rows")?)?,
            },
            _ => return Err(LayerError::UnknownClass { kind: "regularizer", name }),
        };
        config.finish()?;
        Ok(Some(regularizer))
    }

    /// What Keras writes: an object.
    pub fn to_config(&self) -> Value {
        let config = match *self {
            Self::L1 { l1 } => json!({ "l1": l1 }),
            Self::L2 { l2 } => json!({ "l2": l2 }),
            Self::L1L2 { l1, l2 } => json!({ "l1": l1, "l2": l2 }),
            Self::OrthogonalRegularizer { factor, mode } => {
                json!({ "factor": factor, "mode": mode.name() })
            }
        };
        let config: Map<String, Value> = config.as_object().cloned().unwrap_or_default();
        keras_object("keras.regularizers", self.class_name(), config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_survive_a_round_trip() {
        for regularizer in [
            Regularizer::l1(0.5),
            Regularizer::l2(0.25),
            Regularizer::l1_l2(0.1, 0.2),
            Regularizer::OrthogonalRegularizer { factor: 0.3, mode: OrthogonalMode::Columns },
        ] {
            let config = regularizer.to_config();
            assert_eq!(Regularizer::from_config("r", &config).unwrap(), Some(regularizer));
        }
    }

    #[test]
    fn l1l2_by_name_is_no_penalty() {
        let by_name = |name: &str| Regularizer::from_config("r", &json!(name));
        assert_eq!(by_name("l1l2").unwrap(), Some(Regularizer::l1_l2(0.0, 0.0)));
        assert_eq!(by_name("l2").unwrap(), Some(Regularizer::l2(0.01)));
        assert!(by_name("l1_l2").is_err());
    }
}
