//! Initializers: the values that a weight starts with.

mod orthogonal;
mod random;
mod scaling;
mod stft;

use cornu_tensor::Tensor;
use serde_json::{Value, json};

use crate::config::{keras_object, object_parts};
use crate::{ConfigReader, LayerError};

use random::Draws;
pub use scaling::{FanMode, ScalingDistribution};
pub use stft::{STFT_WINDOWS, Stft, StftScaling, StftWindow};

/// How a weight starts. A random one with a `seed` of its own gives the same values to every weight
/// of one shape; without, each weight gets others (from the model's seed).
///
/// `fan_in` and `fan_out` are the last two sizes of the weight times the sizes before them (the
/// cells of a kernel); both are the size of a vector.
#[derive(Debug, Clone, PartialEq)]
pub enum Initializer {
    /// Uniform within `±sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio 2010)
    GlorotUniform {
        /// Own seed.
        seed: Option<u64>,
    },
    /// Truncated normal of variance `2 / (fan_in + fan_out)`
    GlorotNormal {
        /// Own seed.
        seed: Option<u64>,
    },
    /// Uniform within `±sqrt(6 / fan_in)` (He et al. 2015)
    HeUniform {
        /// Own seed.
        seed: Option<u64>,
    },
    /// Truncated normal of variance `2 / fan_in`
    HeNormal {
        /// Own seed.
        seed: Option<u64>,
    },
    /// Uniform within `±sqrt(3 / fan_in)`
    LecunUniform {
        /// Own seed.
        seed: Option<u64>,
    },
    /// Truncated normal of variance `1 / fan_in`
    LecunNormal {
        /// Own seed.
        seed: Option<u64>,
    },
    /// Variance `scale / n` with `n` of the fans
    VarianceScaling {
        /// Factor. Default 1.
        scale: f64,
        /// Which fan is `n`. Default: `fan_in`.
        mode: FanMode,
        /// Default: truncated normal.
        distribution: ScalingDistribution,
        /// Own seed.
        seed: Option<u64>,
    },
    /// Normal
    RandomNormal {
        /// Default 0.
        mean: f64,
        /// Default 0.05.
        stddev: f64,
        /// Own seed.
        seed: Option<u64>,
    },
    /// Uniform
    RandomUniform {
        /// Default -0.05.
        minval: f64,
        /// Default 0.05.
        maxval: f64,
        /// Own seed.
        seed: Option<u64>,
    },
    /// Normal without what lies beyond two `stddev`s (whose own deviation is thus 0.88 `stddev`)
    TruncatedNormal {
        /// Default 0.
        mean: f64,
        /// Default 0.05.
        stddev: f64,
        /// Own seed.
        seed: Option<u64>,
    },
    /// Zeros
    Zeros,
    /// Ones
    Ones,
    /// One number everywhere
    Constant {
        /// The number. Default 0.
        value: f64,
    },
    /// `gain` on the diagonal of a matrix, else 0
    Identity {
        /// Default 1.
        gain: f64,
    },
    /// A matrix (all axes but the last are its rows) whose columns, or rows if there are fewer, have
    /// length `gain` and stand at right angles (Saxe et al. 2013)
    Orthogonal {
        /// Default 1.
        gain: f64,
        /// Own seed.
        seed: Option<u64>,
    },
    /// The waves of a short-time Fourier transform
    Stft(Stft),
}

/// Keras's default for kernels, without a seed of its own.
impl Default for Initializer {
    fn default() -> Self {
        Self::GlorotUniform { seed: None }
    }
}

impl Initializer {
    /// Keras's class names, each with its other names.
    pub const CLASSES: &[(&str, &[&str])] = &[
        ("Constant", &["constant"]),
        ("GlorotNormal", &["glorot_normal"]),
        ("GlorotUniform", &["glorot_uniform"]),
        ("HeNormal", &["he_normal"]),
        ("HeUniform", &["he_uniform"]),
        ("Identity", &["IdentityInitializer", "identity"]),
        ("LecunNormal", &["lecun_normal"]),
        ("LecunUniform", &["lecun_uniform"]),
        ("Ones", &["ones"]),
        ("Orthogonal", &["OrthogonalInitializer", "orthogonal"]),
        ("RandomNormal", &["random_normal"]),
        ("RandomUniform", &["random_uniform"]),
        ("STFT", &["STFTInitializer", "stft"]),
        ("TruncatedNormal", &["truncated_normal"]),
        ("VarianceScaling", &["variance_scaling"]),
        ("Zeros", &["zeros"]),
    ];

    /// Keras's class name.
    pub fn class_name(&self) -> &'static str {
        match self {
            Self::GlorotUniform { .. } => "GlorotUniform",
            Self::GlorotNormal { .. } => "GlorotNormal",
            Self::HeUniform { .. } => "HeUniform",
            Self::HeNormal { .. } => "HeNormal",
            Self::LecunUniform { .. } => "LecunUniform",
            Self::LecunNormal { .. } => "LecunNormal",
            Self::VarianceScaling { .. } => "VarianceScaling",
            Self::RandomNormal { .. } => "RandomNormal",
            Self::RandomUniform { .. } => "RandomUniform",
            Self::TruncatedNormal { .. } => "TruncatedNormal",
            Self::Zeros => "Zeros",
            Self::Ones => "Ones",
            Self::Constant { .. } => "Constant",
            Self::Identity { .. } => "Identity",
            Self::Orthogonal { .. } => "Orthogonal",
            Self::Stft(_) => "STFT",
        }
    }

    /// Its own seed.
    pub fn seed(&self) -> Option<u64> {
        match *self {
            Self::GlorotUniform { seed }
            | Self::GlorotNormal { seed }
            | Self::HeUniform { seed }
            | Self::HeNormal { seed }
            | Self::LecunUniform { seed }
            | Self::LecunNormal { seed }
            | Self::VarianceScaling { seed, .. }
            | Self::RandomNormal { seed, .. }
            | Self::RandomUniform { seed, .. }
            | Self::TruncatedNormal { seed, .. }
            | Self::Orthogonal { seed, .. } => seed,
            Self::Zeros
            | Self::Ones
            | Self::Constant { .. }
            | Self::Identity { .. }
            | Self::Stft(_) => None,
        }
    }

    /// Whether the numbers of inputs and outputs scale what is drawn.
    pub(crate) fn depends_on_fans(&self) -> bool {
        matches!(
            self,
            Self::GlorotUniform { .. }
                | Self::GlorotNormal { .. }
                | Self::HeUniform { .. }
                | Self::HeNormal { .. }
                | Self::LecunUniform { .. }
                | Self::LecunNormal { .. }
                | Self::VarianceScaling { .. }
        )
    }

    /// The values of a weight with these sizes. Random ones depend on the seed only: the
    /// initializer's own, or else the given one. They are drawn with Philox4x32-10 and are not
    /// those of any of Keras's backends (which do not agree either).
    pub fn values(&self, dims: &[usize], seed: u64) -> Tensor {
        let draws = Draws::new(self.seed().unwrap_or(seed));
        let scaled =
            |scale, mode, distribution| scaling::values(&draws, dims, scale, mode, distribution);
        match *self {
            Self::Stft(ref stft) => stft.values(dims),
            Self::Zeros => Tensor::full(dims, 0.0),
            Self::Ones => Tensor::full(dims, 1.0),
            Self::Constant { value } => Tensor::full(dims, value as f32),
            Self::Identity { gain } => identity(dims, gain),
            Self::RandomNormal { mean, stddev, .. } => draws.normal(dims, mean, stddev),
            Self::RandomUniform { minval, maxval, .. } => draws.uniform(dims, minval, maxval),
            Self::TruncatedNormal { mean, stddev, .. } => {
                draws.truncated_normal(dims, mean, stddev)
            }
            Self::GlorotUniform { .. } => {
                scaled(1.0, FanMode::FanAvg, ScalingDistribution::Uniform)
            }
            Self::GlorotNormal { .. } => {
                scaled(1.0, FanMode::FanAvg, ScalingDistribution::TruncatedNormal)
            }
            Self::HeUniform { .. } => scaled(2.0, FanMode::FanIn, ScalingDistribution::Uniform),
            Self::HeNormal { .. } => {
                scaled(2.0, FanMode::FanIn, ScalingDistribution::TruncatedNormal)
            }
            Self::LecunUniform { .. } => scaled(1.0, FanMode::FanIn, ScalingDistribution::Uniform),
            Self::LecunNormal { .. } => {
                scaled(1.0, FanMode::FanIn, ScalingDistribution::TruncatedNormal)
            }
            Self::VarianceScaling { scale, mode, distribution, .. } => {
                scaled(scale, mode, distribution)
            }
            Self::Orthogonal { gain, .. } => orthogonal::values(&draws, dims, gain),
        }
    }

    /// Whether a weight with these sizes can start so.
    ///
    /// # Errors
    ///
    /// [`LayerError::Config`] if the initializer makes matrices only and the weight is none.
    pub fn check_dims(&self, dims: &[usize]) -> Result<(), LayerError> {
        let fits = match self {
            Self::Identity { .. } => dims.len() == 2,
            Self::Orthogonal { .. } => 2 <= dims.len(),
            Self::Stft(stft) => stft.fits(dims),
            _ => true,
        };
        if fits {
            return Ok(());
        }
        let expected = format!("another initializer than {} for this weight", self.class_name());
        Err(LayerError::config("initializer", expected, format!("a weight of shape {dims:?}")))
    }

    /// Reads what Keras writes under `key`: an object or a name, in either spelling.
    ///
    /// # Errors
    ///
    /// [`LayerError::UnknownClass`] for another class, and what its configuration lacks.
    pub fn from_config(key: &str, value: &Value) -> Result<Self, LayerError> {
        let (name, config) = object_parts(key, value)?;
        let mut config = ConfigReader::new(&config)?;
        // The names of the axes that count as inputs and outputs; null in all that Keras's own
        // layers write.
        for axes in ["input_axes", "output_axes"] {
            config.only(axes, &[], "leave it out: the last two axes are the inputs and outputs")?;
        }
        let config = &mut config;
        let initializer = match name.as_str() {
            "GlorotUniform" | "glorot_uniform" => Self::GlorotUniform { seed: config.seed()? },
            "GlorotNormal" | "glorot_normal" => Self::GlorotNormal { seed: config.seed()? },
            "HeUniform" | "he_uniform" => Self::HeUniform { seed: config.seed()? },
            "HeNormal" | "he_normal" => Self::HeNormal { seed: config.seed()? },
            "LecunUniform" | "lecun_uniform" => Self::LecunUniform { seed: config.seed()? },
            "LecunNormal" | "lecun_normal" => Self::LecunNormal { seed: config.seed()? },
            "VarianceScaling" | "variance_scaling" => Self::VarianceScaling {
                scale: config.number_or("scale", 1.0)?,
                mode: FanMode::named(&config.string_or("mode", "fan_in")?)?,
                distribution: ScalingDistribution::named(
                    &config.string_or("distribution", "truncated_normal")?,
                )?,
                seed: config.seed()?,
            },
            "RandomNormal" | "random_normal" | "normal" => Self::RandomNormal {
                mean: config.number_or("mean", 0.0)?,
                stddev: config.number_or("stddev", 0.05)?,
                seed: config.seed()?,
            },
            "RandomUniform" | "random_uniform" | "uniform" => Self::RandomUniform {
                minval: config.number_or("minval", -0.05)?,
                maxval: config.number_or("maxval", 0.05)?,
                seed: config.seed()?,
            },
            "TruncatedNormal" | "truncated_normal" => Self::TruncatedNormal {
                mean: config.number_or("mean", 0.0)?,
                stddev: config.number_or("stddev", 0.05)?,
                seed: config.seed()?,
            },
            "STFT" | "STFTInitializer" | "stft" => Self::Stft(Stft::from_config(config)?),
            "Zeros" | "zeros" => Self::Zeros,
            "Ones" | "ones" => Self::Ones,
            "Constant" | "constant" => Self::Constant { value: config.number_or("value", 0.0)? },
            "Identity" | "IdentityInitializer" | "identity" => {
                Self::Identity { gain: config.number_or("gain", 1.0)? }
            }
            "Orthogonal" | "OrthogonalInitializer" | "orthogonal" => {
                Self::Orthogonal { gain: config.number_or("gain", 1.0)?, seed: config.seed()? }
            }
            _ => return Err(LayerError::UnknownClass { kind: "initializer", name }),
        };
        config.clone().finish()?;
        Ok(initializer)
    }

    /// What Keras writes: an object.
    pub fn to_config(&self) -> Value {
        let config = match *self {
            Self::Stft(ref stft) => Value::Object(stft.own_config()),
            Self::GlorotUniform { seed }
            | Self::GlorotNormal { seed }
            | Self::HeUniform { seed }
            | Self::HeNormal { seed }
            | Self::LecunUniform { seed }
            | Self::LecunNormal { seed } => {
                json!({ "seed": seed, "input_axes": null, "output_axes": null })
            }
            Self::VarianceScaling { scale, mode, distribution, seed } => json!({
                "seed": seed,
                "scale": scale,
                "mode": mode.name(),
                "distribution": distribution.name(),
                "input_axes": null,
                "output_axes": null,
            }),
            Self::RandomNormal { mean, stddev, seed }
            | Self::TruncatedNormal { mean, stddev, seed } => {
                json!({ "seed": seed, "mean": mean, "stddev": stddev })
            }
            Self::RandomUniform { minval, maxval, seed } => {
                json!({ "seed": seed, "minval": minval, "maxval": maxval })
            }
            Self::Orthogonal { gain, seed } => json!({ "seed": seed, "gain": gain }),
            Self::Constant { value } => json!({ "value": value }),
            // Keras does not write the gain either unless it was set.
            Self::Identity { gain } if gain != 1.0 => json!({ "gain": gain }),
            Self::Identity { .. } | Self::Zeros | Self::Ones => json!({}),
        };
        let config = config.as_object().cloned().unwrap_or_default();
        keras_object("keras.initializers", self.class_name(), config)
    }
}

/// `gain` where row and column agree. Of other shapes than matrices, which
/// [`Initializer::check_dims`] refuses, only the first elements along the diagonal.
fn identity(dims: &[usize], gain: f64) -> Tensor {
    let n_columns = dims.last().copied().unwrap_or(1).max(1);
    Tensor::from_fn(dims, |i| if i / n_columns == i % n_columns { gain as f32 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Initializer> {
        vec![
            Initializer::default(),
            Initializer::GlorotNormal { seed: Some(3) },
            Initializer::HeUniform { seed: None },
            Initializer::HeNormal { seed: None },
            Initializer::LecunUniform { seed: None },
            Initializer::LecunNormal { seed: Some(0) },
            Initializer::VarianceScaling {
                scale: 2.0,
                mode: FanMode::FanOut,
                distribution: ScalingDistribution::UntruncatedNormal,
                seed: Some(1),
            },
            Initializer::RandomNormal { mean: 1.0, stddev: 0.5, seed: None },
            Initializer::RandomUniform { minval: 0.0, maxval: 1.0, seed: None },
            Initializer::TruncatedNormal { mean: 0.0, stddev: 2.0, seed: None },
            Initializer::Zeros,
            Initializer::Ones,
            Initializer::Constant { value: 0.25 },
            Initializer::Identity { gain: 2.0 },
            Initializer::Orthogonal { gain: 1.0, seed: None },
            Initializer::Stft(Stft::default()),
            Initializer::Stft(Stft {
                imaginary: true,
                window: StftWindow::Given(vec![1.0, 0.5]),
                scaling: StftScaling::None,
                periodic: true,
            }),
        ]
    }

    #[test]
    fn configurations_survive_a_round_trip() {
        for initializer in all() {
            let config = initializer.to_config();
            assert_eq!(Initializer::from_config("i", &config).unwrap(), initializer);
        }
    }

    #[test]
    fn values_depend_on_the_seed_only() {
        for initializer in all() {
            let (a, b) = (initializer.values(&[4, 5], 1), initializer.values(&[4, 5], 2));
            assert_eq!(a, initializer.values(&[4, 5], 1));
            let random = a.data().iter().any(|&x| x != a.data()[1]) && initializer.seed().is_none();
            let is_fixed =
                matches!(initializer, Initializer::Identity { .. } | Initializer::Stft(_));
            assert_eq!(a != b, random && !is_fixed, "{initializer:?}");
            assert!(initializer.values(&[0, 3], 1).is_empty());
        }
    }

    #[test]
    fn a_matrix_initializer_refuses_a_vector() {
        assert!(Initializer::Identity { gain: 1.0 }.check_dims(&[3]).is_err());
        assert!(Initializer::Orthogonal { gain: 1.0, seed: None }.check_dims(&[3]).is_err());
        assert!(Initializer::default().check_dims(&[3]).is_ok());
    }
}
