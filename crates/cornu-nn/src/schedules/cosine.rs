//! Schedules along a cosine, which falls slowly, then fast, then slowly again.

use std::f64::consts::PI;

use serde_json::{Map, Value};

use super::decay::{steps, whole_if_possible};
use crate::{ConfigReader, ConfigWriter, LayerError};

/// From 1 at `progress` 0 to `alpha` at 1.
fn cosine(progress: f64, alpha: f64) -> f64 {
    (1.0 - alpha) * (0.5 * (1.0 + (PI * progress).cos())) + alpha
}

/// Down a cosine to `alpha * initial` in `decay_steps` steps, after an optional warm-up.
///
/// With `warmup_target`, the first `warmup_steps` steps rise in a straight line from
/// `initial_learning_rate` to it, and the cosine falls from it to `alpha * warmup_target`.
#[derive(Debug, Clone, PartialEq)]
pub struct CosineDecay {
    initial_learning_rate: f64,
    decay_steps: f64,
    alpha: f64,
    warmup_target: Option<f64>,
    warmup_steps: f64,
    name: String,
}

impl CosineDecay {
    /// To 0 in `decay_steps` steps, without warm-up.
    pub fn new(initial_learning_rate: f64, decay_steps: u64) -> Self {
        Self {
            initial_learning_rate,
            decay_steps: decay_steps as f64,
            alpha: 0.0,
            warmup_target: None,
            warmup_steps: 0.0,
            name: "CosineDecay".to_owned(),
        }
    }

    /// What is left in the end, as a part of the highest value. Default 0.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// First rises to `target` in `steps` steps.
    pub fn warmup(mut self, target: f64, steps: u64) -> Self {
        self.warmup_target = Some(target);
        self.warmup_steps = steps as f64;
        self
    }

    pub(super) fn value(&self, step: u64) -> f64 {
        let step = step as f64;
        let Some(target) = self.warmup_target else {
            let progress = step.min(self.decay_steps) / self.decay_steps;
            return self.initial_learning_rate * cosine(progress, self.alpha);
        };
        let step = step.min(self.warmup_steps + self.decay_steps);
        if step < self.warmup_steps {
            let rise = target - self.initial_learning_rate;
            return rise * (step / self.warmup_steps) + self.initial_learning_rate;
        }
        target * cosine((step - self.warmup_steps) / self.decay_steps, self.alpha)
    }

    pub(super) fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("initial_learning_rate", self.initial_learning_rate)
            .set("decay_steps", whole_if_possible(self.decay_steps))
            .set("alpha", self.alpha)
            .set("name", self.name.as_str())
            .set("warmup_target", self.warmup_target)
            .set("warmup_steps", whole_if_possible(self.warmup_steps))
            .finish()
    }

    pub(super) fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            initial_learning_rate: config.number("initial_learning_rate")?,
            decay_steps: steps(config, "decay_steps")?,
            alpha: config.number_or("alpha", 0.0)?,
            warmup_target: config.optional_number("warmup_target")?,
            warmup_steps: config.number_or("warmup_steps", 0.0)?,
            name: config.string_or("name", "CosineDecay")?,
        })
    }
}

/// Down a cosine in `first_decay_steps` steps, then again from the top (times `m_mul`) in `t_mul` times
/// as many, and so on.
#[derive(Debug, Clone, PartialEq)]
pub struct CosineDecayRestarts {
    initial_learning_rate: f64,
    first_decay_steps: f64,
    t_mul: f64,
    m_mul: f64,
    alpha: f64,
    name: String,
}

impl CosineDecayRestarts {
    /// Each fall twice as long as the one before, to 0, all from the same height.
    pub fn new(initial_learning_rate: f64, first_decay_steps: u64) -> Self {
        Self {
            initial_learning_rate,
            first_decay_steps: first_decay_steps as f64,
            t_mul: 2.0,
            m_mul: 1.0,
            alpha: 0.0,
            name: "SGDRDecay".to_owned(),
        }
    }

    /// How much longer each fall is than the one before. Default 2.
    pub fn t_mul(mut self, t_mul: f64) -> Self {
        self.t_mul = t_mul;
        self
    }

    /// How much higher each fall starts than the one before. Default 1.
    pub fn m_mul(mut self, m_mul: f64) -> Self {
        self.m_mul = m_mul;
        self
    }

    /// What is left at the end of a fall, as a part of its start. Default 0.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    pub(super) fn value(&self, step: u64) -> f64 {
        let completed = step as f64 / self.first_decay_steps;
        let (restart, progress) = if self.t_mul == 1.0 {
            (completed.floor(), completed.fract())
        } else {
            // The falls' lengths are a geometric series; its sum, solved for the number of falls.
            let restart = ((1.0 - completed * (1.0 - self.t_mul)).ln() / self.t_mul.ln()).floor();
            let sum = (1.0 - self.t_mul.powf(restart)) / (1.0 - self.t_mul);
            (restart, (completed - sum) / self.t_mul.powf(restart))
        };
        let height = self.m_mul.powf(restart);
        let fall = 0.5 * height * (1.0 + (PI * progress).cos());
        self.initial_learning_rate * ((1.0 - self.alpha) * fall + self.alpha)
    }

    pub(super) fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("initial_learning_rate", self.initial_learning_rate)
            .set("first_decay_steps", whole_if_possible(self.first_decay_steps))
            .set("t_mul", self.t_mul)
            .set("m_mul", self.m_mul)
            .set("alpha", self.alpha)
            .set("name", self.name.as_str())
            .finish()
    }

    pub(super) fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            initial_learning_rate: config.number("initial_learning_rate")?,
            first_decay_steps: steps(config, "first_decay_steps")?,
            t_mul: config.number_or("t_mul", 2.0)?,
            m_mul: config.number_or("m_mul", 1.0)?,
            alpha: config.number_or("alpha", 0.0)?,
            name: config.string_or("name", "SGDRDecay")?,
        })
    }
}
