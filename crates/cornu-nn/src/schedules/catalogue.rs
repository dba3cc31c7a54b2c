//! Which schedules there are, and how they are made from what Keras writes.

use serde_json::Value;

use super::{
    CosineDecay, CosineDecayRestarts, ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay,
    PolynomialDecay, Schedule,
};
use crate::config::object_parts;
use crate::{ConfigReader, LayerError};

/// Keras's class names of all schedules.
pub const SCHEDULES: &[&str] = &[
    "ExponentialDecay",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "InverseTimeDecay",
    "CosineDecay",
    "CosineDecayRestarts",
];

/// The schedule that Keras writes as the object `value`.
///
/// # Errors
///
/// [`LayerError::UnknownClass`], or what is wrong with the configuration.
pub fn schedule_from_config(value: &Value) -> Result<Schedule, LayerError> {
    let (name, config) = object_parts("learning_rate", value)?;
    let mut reader = ConfigReader::new(&config)?;
    let schedule = match name.as_str() {
        "ExponentialDecay" => ExponentialDecay::read(&mut reader)?.into(),
        "PiecewiseConstantDecay" => PiecewiseConstantDecay::read(&mut reader)?.into(),
        "PolynomialDecay" => PolynomialDecay::read(&mut reader)?.into(),
        "InverseTimeDecay" => InverseTimeDecay::read(&mut reader)?.into(),
        "CosineDecay" => CosineDecay::read(&mut reader)?.into(),
        "CosineDecayRestarts" => CosineDecayRestarts::read(&mut reader)?.into(),
        _ => return Err(LayerError::UnknownClass { kind: "schedule", name }),
    };
    reader.finish()?;
    Ok(schedule)
}
