use super::LearningRate;
use crate::losses::optional_text;
use crate::{ConfigReader, LayerError};

/// What all optimizers have. Source: Keras 3, `keras/src/optimizers/base_optimizer.py`.
#[derive(Debug, Clone, PartialEq)]
pub struct OptimizerSettings {
    /// The first part of its variables' paths.
    pub name: String,
    /// Size of a step.
    pub learning_rate: LearningRate,
    /// Before each step, variables shrink by this times the learning rate. Default none.
    pub weight_decay: Option<f64>,
    /// Each gradient longer than this is shortened to it. Default none.
    pub clipnorm: Option<f64>,
    /// If all gradients together are longer than this, they are shortened to it. Default none.
    pub global_clipnorm: Option<f64>,
    /// Elements of gradients stay within this distance of 0. Default none.
    pub clipvalue: Option<f64>,
    /// Whether an exponential moving average of each variable is kept. Default false.
    pub use_ema: bool,
    /// How slowly the averages move. Default 0.99.
    pub ema_momentum: f64,
    /// After so many steps, again and again, the variables become their averages. Default never:
    /// only at the end of training.
    pub ema_overwrite_frequency: Option<u64>,
    /// Gradients are divided by this. Default none.
    pub loss_scale_factor: Option<f64>,
    /// Variables change only in every so-many-th step, by the mean gradient. Default none.
    pub gradient_accumulation_steps: Option<u64>,
    /// Variables whose name contains one of these texts do not decay. Not part of the configuration.
    pub exclude_from_weight_decay: Vec<String>,
}

impl OptimizerSettings {
    /// Keras's defaults under `name`.
    pub fn new(name: &str, learning_rate: f32) -> Self {
        Self {
            name: name.to_owned(),
            learning_rate: LearningRate::Constant(learning_rate),
            weight_decay: None,
            clipnorm: None,
            global_clipnorm: None,
            clipvalue: None,
            use_ema: false,
            ema_momentum: 0.99,
            ema_overwrite_frequency: None,
            loss_scale_factor: None,
            gradient_accumulation_steps: None,
            exclude_from_weight_decay: Vec::new(),
        }
    }

    /// Takes over the keys that are there.
    ///
    /// # Errors
    ///
    /// If a value is not taken, or more than one way of clipping is asked for.
    pub fn read(&mut self, config: &mut ConfigReader) -> Result<(), LayerError> {
        if let Some(name) = optional_text(config, "name")? {
            self.name = name;
        }
        if let Some(learning_rate) = config.present("learning_rate") {
            self.learning_rate = LearningRate::from_config(&learning_rate)?;
        }
        if config.value("weight_decay").is_some() {
            self.weight_decay = config.optional_number("weight_decay")?;
        }
        self.clipnorm = positive(config, "clipnorm")?;
        self.global_clipnorm = positive(config, "global_clipnorm")?;
        self.clipvalue = positive(config, "clipvalue")?;
        self.use_ema = config.bool_or("use_ema", false)?;
        self.ema_momentum = config.number_or("ema_momentum", 0.99)?;
        self.ema_overwrite_frequency = count(config, "ema_overwrite_frequency", 1)?;
        self.loss_scale_factor = config.optional_number("loss_scale_factor")?;
        self.gradient_accumulation_steps = count(config, "gradient_accumulation_steps", 2)?;
        config.ignore(&["is_legacy_optimizer", "jit_compile"]);
        self.check()
    }

    /// Whether the settings can be met together.
    ///
    /// # Errors
    ///
    /// [`LayerError::Config`] that names the setting.
    pub fn check(&self) -> Result<(), LayerError> {
        let clips = [self.clipnorm, self.global_clipnorm, self.clipvalue];
        if 1 < clips.iter().flatten().count() {
            let expected = "at most one of `clipnorm`, `global_clipnorm` and `clipvalue`";
            return Err(LayerError::config("clipnorm", expected, "several"));
        }
        if self.use_ema && !(0.0..=1.0).contains(&self.ema_momentum) {
            return Err(LayerError::config("ema_momentum", "0 to 1", self.ema_momentum));
        }
        Ok(())
    }

    /// Whether the variable of this name shrinks.
    pub fn decays(&self, variable: &str) -> bool {
        !self.exclude_from_weight_decay.iter().any(|text| variable.contains(text))
    }
}

fn positive(config: &mut ConfigReader, key: &str) -> Result<Option<f64>, LayerError> {
    match config.optional_number(key)? {
        Some(value) if value <= 0.0 || value.is_nan() => {
            Err(LayerError::config(key, "a number above 0, or null", value))
        }
        other => Ok(other),
    }
}

fn count(config: &mut ConfigReader, key: &str, at_least: u64) -> Result<Option<u64>, LayerError> {
    match config.present(key) {
        None => Ok(None),
        Some(value) => value.as_u64().filter(|&n| at_least <= n).map(Some).ok_or_else(|| {
            LayerError::config(key, format!("a whole number of at least {at_least}"), &value)
        }),
    }
}

/// Adds the setters of the field `settings` and `Default` to an optimizer.
macro_rules! optimizer_settings {
    ($class:ident) => {
        impl $class {
            /// A number, or a schedule.
            pub fn learning_rate(
                mut self,
                rate: impl Into<$crate::optimizers::LearningRate>,
            ) -> Self {
                self.settings.learning_rate = rate.into();
                self
            }

            /// Before each step, variables shrink by this times the learning rate.
            pub fn weight_decay(mut self, decay: impl Into<Option<f64>>) -> Self {
                self.settings.weight_decay = decay.into();
                self
            }

            /// Variables whose name contains one of these texts (`"bias"`) do not decay.
            pub fn exclude_from_weight_decay(mut self, names: &[&str]) -> Self {
                let names = names.iter().map(|&name| name.to_owned());
                self.settings.exclude_from_weight_decay.extend(names);
                self
            }

            /// Each gradient longer than this is shortened to it.
            pub fn clipnorm(mut self, norm: impl Into<Option<f64>>) -> Self {
                self.settings.clipnorm = norm.into();
                self
            }

            /// If all gradients together are longer than this, they are shortened to it.
            pub fn global_clipnorm(mut self, norm: impl Into<Option<f64>>) -> Self {
                self.settings.global_clipnorm = norm.into();
                self
            }

            /// Elements of gradients stay within this distance of 0.
            pub fn clipvalue(mut self, value: impl Into<Option<f64>>) -> Self {
                self.settings.clipvalue = value.into();
                self
            }

            /// Whether a moving average of each variable is kept.
            pub fn use_ema(mut self, use_ema: bool) -> Self {
                self.settings.use_ema = use_ema;
                self
            }

            /// How slowly the averages move.
            pub fn ema_momentum(mut self, momentum: f64) -> Self {
                self.settings.ema_momentum = momentum;
                self
            }

            /// After so many steps, again and again, the variables become their averages.
            pub fn ema_overwrite_frequency(mut self, steps: impl Into<Option<u64>>) -> Self {
                self.settings.ema_overwrite_frequency = steps.into();
                self
            }

            /// Gradients are divided by this.
            pub fn loss_scale_factor(mut self, factor: impl Into<Option<f64>>) -> Self {
                self.settings.loss_scale_factor = factor.into();
                self
            }

            /// Variables change only in every so-many-th step, by the mean gradient.
            pub fn gradient_accumulation_steps(mut self, steps: impl Into<Option<u64>>) -> Self {
                self.settings.gradient_accumulation_steps = steps.into();
                self
            }

            /// The first part of its variables' paths.
            pub fn name(mut self, name: &str) -> Self {
                self.settings.name = name.to_owned();
                self
            }
        }

        impl Default for $class {
            fn default() -> Self {
                Self::new()
            }
        }
    };
}

/// An optimizer with arguments that are numbers or true or false: its type, constructor, setters,
/// `read` and `arguments` (its own part of the configuration).
macro_rules! optimizer {
    (
        $(#[$doc:meta])*
        $class:ident, $name:literal, $learning_rate:literal,
        { $($(#[$field_doc:meta])* $field:ident: $ty:ident = $default:expr),* $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $class {
            settings: $crate::optimizers::OptimizerSettings,
            $($field: $ty,)*
        }

        impl $class {
            /// With Keras's defaults.
            pub fn new() -> Self {
                Self {
                    settings: $crate::optimizers::OptimizerSettings::new($name, $learning_rate),
                    $($field: $default,)*
                }
            }

            $(
                $(#[$field_doc])*
                pub fn $field(mut self, $field: $ty) -> Self {
                    self.$field = $field;
                    self
                }
            )*

            pub(super) fn read(
                config: &mut $crate::ConfigReader,
            ) -> Result<Self, $crate::LayerError> {
                let mut optimizer = Self::new();
                $(
                    optimizer.$field = $crate::optimizers::settings::read_argument!(
                        $ty, config, stringify!($field), $default
                    )?;
                )*
                Ok(optimizer)
            }

            fn arguments(&self) -> serde_json::Map<String, serde_json::Value> {
                $crate::ConfigWriter::new()$(.set(stringify!($field), self.$field))*.finish()
            }
        }

        $crate::optimizers::settings::optimizer_settings!($class);
    };
}

macro_rules! read_argument {
    (f64, $config:ident, $key:expr, $default:expr) => {
        $config.number_or($key, $default)
    };
    (bool, $config:ident, $key:expr, $default:expr) => {
        $config.bool_or($key, $default)
    };
}

/// The methods of [`Optimizer`](super::Optimizer) that are the same for all made by `optimizer!`.
macro_rules! common_methods {
    ($class:ident) => {
        fn class_name(&self) -> &'static str {
            stringify!($class)
        }

        fn settings(&self) -> &$crate::optimizers::OptimizerSettings {
            &self.settings
        }

        fn settings_mut(&mut self) -> &mut $crate::optimizers::OptimizerSettings {
            &mut self.settings
        }

        fn own_config(&self) -> serde_json::Map<String, serde_json::Value> {
            self.arguments()
        }
    };
}

pub(super) use {common_methods, optimizer, optimizer_settings, read_argument};
