//! Which optimizers there are, and how they are made from what Keras writes.

use serde_json::Value;

use super::{
    Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Ftrl, Lamb, Lion, Muon, Nadam, Optimizer,
    RMSprop, SGD, ScheduleFreeAdamW,
};
use crate::config::object_parts;
use crate::{ConfigReader, LayerError};

/// An optimizer that can be asked for by name.
#[derive(Debug, Clone, Copy)]
pub struct OptimizerEntry {
    /// Keras's class name; its lower case is a name too.
    pub class_name: &'static str,
    read: fn(&mut ConfigReader) -> Result<Box<dyn Optimizer>, LayerError>,
}

macro_rules! entries {
    ($($class:ident),* $(,)?) => {
        /// All optimizers.
        pub const OPTIMIZERS: &[OptimizerEntry] = &[
            $(OptimizerEntry {
                class_name: stringify!($class),
                read: |config| {
                    let mut optimizer = $class::read(config)?;
                    optimizer.settings_mut().read(config)?;
                    Ok(Box::new(optimizer))
                },
            }),*
        ];
    };
}

entries! {
    SGD, RMSprop, Adam, AdamW, Adadelta, Adagrad, Adamax, Nadam, Ftrl, Lion, Lamb, Adafactor, Muon,
    ScheduleFreeAdamW,
}

/// The optimizer that Keras names or writes as `value`: `"adam"`, `"Adam"`, or an object.
///
/// # Errors
///
/// [`LayerError::UnknownClass`], or what is wrong with the configuration.
pub fn optimizer_from_config(value: &Value) -> Result<Box<dyn Optimizer>, LayerError> {
    let (name, config) = object_parts("optimizer", value)?;
    let lower = name.to_lowercase();
    let entry = OPTIMIZERS
        .iter()
        .find(|entry| entry.class_name.to_lowercase() == lower)
        .ok_or(LayerError::UnknownClass { kind: "optimizer", name })?;
    let mut reader = ConfigReader::new(&config)?;
    let optimizer = (entry.read)(&mut reader)?;
    reader.finish()?;
    Ok(optimizer)
}
