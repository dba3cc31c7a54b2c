//! Constraints: what a weight is changed to after each step of the optimizer.
//!
//! Formulas are those of Keras 3, keras/src/constraints/constraints.py. `norm` is the L2 norm over
//! the given axes, and `eps = 1e-7`.

use cornu_graph::{Graph, GraphError, ValueId};
use serde_json::{Map, Value, json};

use crate::config::{keras_object, object_parts, one_or_list};
use crate::shape::resolve_axis;
use crate::{ConfigReader, LayerError};

const EPSILON: f64 = 1e-7;

/// What a weight is changed to.
#[derive(Debug, Clone, PartialEq)]
pub enum Constraint {
    /// `w * min(norm, max_value) / (eps + norm)`
    MaxNorm {
        /// Largest norm. Default 2.
        max_value: f64,
        /// Axes that the norm goes over. Default: 0, the inputs of a dense layer's unit.
        axis: Vec<i64>,
    },
    /// `w * (rate * clip(norm, min_value, max_value) + (1 - rate) * norm) / (eps + norm)`
    MinMaxNorm {
        /// Least norm. Default 0.
        min_value: f64,
        /// Largest norm. Default 1.
        max_value: f64,
        /// Share of the way to the limits. Default 1.
        rate: f64,
        /// Axes that the norm goes over. Default: 0.
        axis: Vec<i64>,
    },
    /// `max(w, 0)`
    NonNeg,
    /// `w / (eps + norm)`
    UnitNorm {
        /// Axes that the norm goes over. Default: 0.
        axis: Vec<i64>,
    },
}

impl Constraint {
    /// Keras's class names, each with its other names.
    pub const CLASSES: &[(&str, &[&str])] = &[
        ("MaxNorm", &["max_norm"]),
        ("MinMaxNorm", &["min_max_norm"]),
        ("NonNeg", &["non_neg"]),
        ("UnitNorm", &["unit_norm"]),
    ];

    /// [`Constraint::MaxNorm`] over axis 0.
    pub fn max_norm(max_value: f64) -> Self {
        Self::MaxNorm { max_value, axis: vec![0] }
    }

    /// [`Constraint::UnitNorm`] over axis 0.
    pub fn unit_norm() -> Self {
        Self::UnitNorm { axis: vec![0] }
    }

    /// Keras's class name.
    pub fn class_name(&self) -> &'static str {
        match self {
            Self::MaxNorm { .. } => "MaxNorm",
            Self::MinMaxNorm { .. } => "MinMaxNorm",
            Self::NonNeg => "NonNeg",
            Self::UnitNorm { .. } => "UnitNorm",
        }
    }

    /// Adds the changed weight to the graph.
    ///
    /// # Errors
    ///
    /// [`GraphError::Attribute`] if the weight lacks one of the axes.
    pub fn lower(&self, g: &mut Graph, w: ValueId) -> Result<ValueId, GraphError> {
        match self {
            Self::NonNeg => g.relu(w),
            Self::MaxNorm { max_value, axis } => {
                let norm = norm(g, w, axis)?;
                let wanted = g.min_scalar(norm, *max_value)?;
                rescale(g, w, wanted, norm)
            }
            Self::MinMaxNorm { min_value, max_value, rate, axis } => {
                let norm = norm(g, w, axis)?;
                let limited = g.clip(norm, *min_value, *max_value)?;
                let limited = g.mul_scalar(limited, *rate)?;
                let free = g.mul_scalar(norm, 1.0 - *rate)?;
                let wanted = g.add(limited, free)?;
                rescale(g, w, wanted, norm)
            }
            Self::UnitNorm { axis } => {
                let norm = norm(g, w, axis)?;
                let norm = g.add_scalar(norm, EPSILON)?;
                g.div(w, norm)
            }
        }
    }

    /// Reads what Keras writes under `key`: null, an object or a name.
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
        let constraint = match name.as_str() {
            "MaxNorm" | "max_norm" => Self::MaxNorm {
                max_value: config.number_or("max_value", 2.0)?,
                axis: config.integers_or("axis", &[0])?,
            },
            "MinMaxNorm" | "min_max_norm" => Self::MinMaxNorm {
                min_value: config.number_or("min_value", 0.0)?,
                max_value: config.number_or("max_value", 1.0)?,
                rate: config.number_or("rate", 1.0)?,
                axis: config.integers_or("axis", &[0])?,
            },
            "NonNeg" | "non_neg" => Self::NonNeg,
            "UnitNorm" | "unit_norm" => Self::UnitNorm { axis: config.integers_or("axis", &[0])? },
            _ => return Err(LayerError::UnknownClass { kind: "constraint", name }),
        };
        config.finish()?;
        Ok(Some(constraint))
    }

    /// What Keras writes: an object.
    pub fn to_config(&self) -> Value {
        let config = match self {
            Self::MaxNorm { max_value, axis } => {
                json!({ "max_value": max_value, "axis": one_or_list(axis) })
            }
            Self::MinMaxNorm { min_value, max_value, rate, axis } => json!({
                "min_value": min_value,
                "max_value": max_value,
                "rate": rate,
                "axis": one_or_list(axis),
            }),
            Self::NonNeg => json!({}),
            Self::UnitNorm { axis } => json!({ "axis": one_or_list(axis) }),
        };
        let config: Map<String, Value> = config.as_object().cloned().unwrap_or_default();
        keras_object("keras.constraints", self.class_name(), config)
    }
}

/// L2 norm over `axes`, which stay with size 1.
fn norm(g: &mut Graph, w: ValueId, axes: &[i64]) -> Result<ValueId, GraphError> {
    let rank = g.shape(w).rank();
    let mut from_front = axes
        .iter()
        .map(|&axis| resolve_axis(axis, rank))
        .collect::<Option<Vec<usize>>>()
        .ok_or_else(|| GraphError::Attribute {
            op: "constraint",
            attribute: "axis",
            problem: format!("the weight of shape {} lacks one of the axes {axes:?}", g.shape(w)),
        })?;
    from_front.sort_unstable();
    from_front.dedup();
    let square = g.square(w)?;
    let sum = g.sum(square, &from_front, true)?;
    g.sqrt(sum)
}

/// `w * wanted / (eps + norm)`.
fn rescale(
    g: &mut Graph,
    w: ValueId,
    wanted: ValueId,
    norm: ValueId,
) -> Result<ValueId, GraphError> {
    let norm = g.add_scalar(norm, EPSILON)?;
    let factor = g.div(wanted, norm)?;
    g.mul(w, factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_survive_a_round_trip() {
        for constraint in [
            Constraint::MaxNorm { max_value: 3.0, axis: vec![0, 1, 2] },
            Constraint::MinMaxNorm { min_value: 0.5, max_value: 1.5, rate: 0.7, axis: vec![1] },
            Constraint::NonNeg,
            Constraint::unit_norm(),
        ] {
            let config = constraint.to_config();
            assert_eq!(Constraint::from_config("c", &config).unwrap(), Some(constraint));
        }
        assert!(Constraint::from_config("c", &json!("no_norm")).is_err());
    }
}
