//! Schedules that only fall.

use serde_json::{Map, Value};

use crate::{ConfigReader, ConfigWriter, LayerError};

/// `step / steps`, rounded down if `staircase`.
fn progress(step: u64, steps: f64, staircase: bool) -> f64 {
    let progress = step as f64 / steps;
    if staircase { progress.floor() } else { progress }
}

/// `initial * rate^(step / decay_steps)`; with `staircase` the exponent is rounded down.
#[derive(Debug, Clone, PartialEq)]
pub struct ExponentialDecay {
    initial_learning_rate: f64,
    decay_steps: f64,
    decay_rate: f64,
    staircase: bool,
    name: String,
}

impl ExponentialDecay {
    /// From `initial_learning_rate`, times `decay_rate` every `decay_steps` steps.
    pub fn new(initial_learning_rate: f64, decay_steps: u64, decay_rate: f64) -> Self {
        Self {
            initial_learning_rate,
            decay_steps: decay_steps as f64,
            decay_rate,
            staircase: false,
            name: "ExponentialDecay".to_owned(),
        }
    }

    /// Whether it falls all at once every `decay_steps` steps. Default false.
    pub fn staircase(mut self, staircase: bool) -> Self {
        self.staircase = staircase;
        self
    }

    pub(super) fn value(&self, step: u64) -> f64 {
        let exponent = progress(step, self.decay_steps, self.staircase);
        self.initial_learning_rate * self.decay_rate.powf(exponent)
    }

    pub(super) fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("initial_learning_rate", self.initial_learning_rate)
            .set("decay_steps", whole_if_possible(self.decay_steps))
            .set("decay_rate", self.decay_rate)
            .set("staircase", self.staircase)
            .set("name", self.name.as_str())
            .finish()
    }

    pub(super) fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            initial_learning_rate: config.number("initial_learning_rate")?,
            decay_steps: steps(config, "decay_steps")?,
            decay_rate: config.number("decay_rate")?,
            staircase: config.bool_or("staircase", false)?,
            name: config.string_or("name", "ExponentialDecay")?,
        })
    }
}

/// `initial / (1 + rate * step / decay_steps)`; with `staircase` the quotient is rounded down.
#[derive(Debug, Clone, PartialEq)]
pub struct InverseTimeDecay {
    initial_learning_rate: f64,
    decay_steps: f64,
    decay_rate: f64,
    staircase: bool,
    name: String,
}

impl InverseTimeDecay {
    /// From `initial_learning_rate`, halved after `decay_steps / decay_rate` steps.
    pub fn new(initial_learning_rate: f64, decay_steps: u64, decay_rate: f64) -> Self {
        Self {
            initial_learning_rate,
            decay_steps: decay_steps as f64,
            decay_rate,
            staircase: false,
            name: "InverseTimeDecay".to_owned(),
        }
    }

    /// Whether it falls all at once every `decay_steps` steps. Default false.
    pub fn staircase(mut self, staircase: bool) -> Self {
        self.staircase = staircase;
        self
    }

    pub(super) fn value(&self, step: u64) -> f64 {
        let progress = progress(step, self.decay_steps, self.staircase);
        self.initial_learning_rate / (1.0 + self.decay_rate * progress)
    }

    pub(super) fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("initial_learning_rate", self.initial_learning_rate)
            .set("decay_steps", whole_if_possible(self.decay_steps))
            .set("decay_rate", self.decay_rate)
            .set("staircase", self.staircase)
            .set("name", self.name.as_str())
            .finish()
    }

    pub(super) fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            initial_learning_rate: config.number("initial_learning_rate")?,
            decay_steps: steps(config, "decay_steps")?,
            decay_rate: config.number("decay_rate")?,
            staircase: config.bool_or("staircase", false)?,
            name: config.string_or("name", "InverseTimeDecay")?,
        })
    }
}

/// `values[i]` up to and with step `boundaries[i]`, the last value after the last boundary.
#[derive(Debug, Clone, PartialEq)]
pub struct PiecewiseConstantDecay {
    boundaries: Vec<f64>,
    values: Vec<f64>,
    name: String,
}

impl PiecewiseConstantDecay {
    /// Rising boundaries, and one value more.
    ///
    /// # Errors
    ///
    /// [`LayerError::Config`] if the numbers do not match or the boundaries do not rise.
    pub fn new(boundaries: Vec<f64>, values: Vec<f64>) -> Result<Self, LayerError> {
        if values.len() != boundaries.len() + 1 {
            let expected = format!("{} numbers, one more than boundaries", boundaries.len() + 1);
            return Err(LayerError::config("values", expected, values.len()));
        }
        if boundaries.windows(2).any(|pair| pair[1] < pair[0]) {
            let got = format!("{boundaries:?}");
            return Err(LayerError::config("boundaries", "rising numbers", got));
        }
        Ok(Self { boundaries, values, name: "PiecewiseConstant".to_owned() })
    }

    pub(super) fn value(&self, step: u64) -> f64 {
        let passed = self.boundaries.iter().filter(|&&boundary| boundary < step as f64).count();
        self.values[passed]
    }

    pub(super) fn config(&self) -> Map<String, Value> {
        let boundaries: Vec<Value> =
            self.boundaries.iter().map(|&boundary| whole_if_possible(boundary)).collect();
        ConfigWriter::new()
            .set("boundaries", boundaries)
            .set("values", self.values.clone())
            .set("name", self.name.as_str())
            .finish()
    }

    pub(super) fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let schedule = Self::new(numbers(config, "boundaries")?, numbers(config, "values")?)?;
        Ok(Self { name: config.string_or("name", "PiecewiseConstant")?, ..schedule })
    }
}

/// `(initial - end) (1 - step / decay_steps)^power + end`, and `end` after `decay_steps`; with
/// `cycle` it starts again, each time stretched to the next multiple of `decay_steps`.
#[derive(Debug, Clone, PartialEq)]
pub struct PolynomialDecay {
    initial_learning_rate: f64,
    decay_steps: f64,
    end_learning_rate: f64,
    power: f64,
    cycle: bool,
    name: String,
}

impl PolynomialDecay {
    /// In a straight line to 0.0001 in `decay_steps` steps.
    pub fn new(initial_learning_rate: f64, decay_steps: u64) -> Self {
        Self {
            initial_learning_rate,
            decay_steps: decay_steps as f64,
            end_learning_rate: 0.0001,
            power: 1.0,
            cycle: false,
            name: "PolynomialDecay".to_owned(),
        }
    }

    /// Where it ends. Default 0.0001.
    pub fn end_learning_rate(mut self, end_learning_rate: f64) -> Self {
        self.end_learning_rate = end_learning_rate;
        self
    }

    /// 1 is a straight line. Default 1.
    pub fn power(mut self, power: f64) -> Self {
        self.power = power;
        self
    }

    /// Whether it starts again at the end. Default false.
    pub fn cycle(mut self, cycle: bool) -> Self {
        self.cycle = cycle;
        self
    }

    pub(super) fn value(&self, step: u64) -> f64 {
        let step = step as f64;
        let (step, steps) = if self.cycle {
            let cycles = if step == 0.0 { 1.0 } else { (step / self.decay_steps).ceil() };
            (step, self.decay_steps * cycles)
        } else {
            (step.min(self.decay_steps), self.decay_steps)
        };
        let range = self.initial_learning_rate - self.end_learning_rate;
        range * (1.0 - step / steps).powf(self.power) + self.end_learning_rate
    }

    pub(super) fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("initial_learning_rate", self.initial_learning_rate)
            .set("decay_steps", whole_if_possible(self.decay_steps))
            .set("end_learning_rate", self.end_learning_rate)
            .set("power", self.power)
            .set("cycle", self.cycle)
            .set("name", self.name.as_str())
            .finish()
    }

    pub(super) fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            initial_learning_rate: config.number("initial_learning_rate")?,
            decay_steps: steps(config, "decay_steps")?,
            end_learning_rate: config.number_or("end_learning_rate", 0.0001)?,
            power: config.number_or("power", 1.0)?,
            cycle: config.bool_or("cycle", false)?,
            name: config.string_or("name", "PolynomialDecay")?,
        })
    }
}

/// A number of steps, which Keras takes as any number above 0.
pub(super) fn steps(config: &mut ConfigReader, key: &str) -> Result<f64, LayerError> {
    let steps = config.number(key)?;
    if 0.0 < steps { Ok(steps) } else { Err(LayerError::config(key, "a number above 0", steps)) }
}

/// Written without a decimal point where there is no fraction.
pub(super) fn whole_if_possible(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        (number as i64).into()
    } else {
        number.into()
    }
}

fn numbers(config: &mut ConfigReader, key: &str) -> Result<Vec<f64>, LayerError> {
    let value = config.present(key).ok_or_else(|| LayerError::MissingKey(key.to_owned()))?;
    value
        .as_array()
        .and_then(|list| list.iter().map(Value::as_f64).collect())
        .ok_or_else(|| LayerError::config(key, "a list of numbers", &value))
}
