use std::path::PathBuf;

use cornu_engine::EngineError;
use cornu_graph::GraphError;
use cornu_nn::LayerError;

/// Why a model could not be made, trained, run, saved or loaded.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A layer refuses its configuration or its inputs.
    #[error("layer `{layer}`: {source}")]
    Layer {
        /// The layer's name in the model, or the one it would get.
        layer: String,
        /// What it says.
        source: LayerError,
    },
    /// The layers do not make a model: an input that is not given, a name that is used twice.
    #[error("model: {0}")]
    Structure(String),
    /// A part of `config.json` cannot be read.
    #[error("{place}: {problem}")]
    Config {
        /// Where: the path of keys inside of the JSON.
        place: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A part of `config.json` asks for something that Keras has and Cornu has not.
    #[error("{place}: {problem}")]
    Unsupported {
        /// Where: the path of keys inside of the JSON.
        place: String,
        /// What is not supported, and what to do.
        problem: String,
    },
    /// `compile` was given something that does not fit the model.
    #[error("compile: {0}")]
    Compile(String),
    /// Training or evaluating needs `compile` first.
    #[error("`{action}` needs a compiled model: call `compile` first")]
    NotCompiled {
        /// What was asked for.
        action: &'static str,
    },
    /// Data of the wrong shape.
    #[error("{what}: expected {expected}, got {got}")]
    Data {
        /// Which array: `x[0]`, `y`, `sample_weight`, ...
        what: String,
        /// What the model takes.
        expected: String,
        /// What it was given.
        got: String,
    },
    /// A number in the data that nothing can be learned from.
    #[error("{what}: sample {sample} (counted from 0) holds {value}, expected {expected}: {hint}")]
    Value {
        /// Which array: `x[0]`, `y`, `sample_weight`, ...
        what: String,
        /// Which sample of the data set; of the batch for `train_on_batch` and `test_on_batch`.
        sample: usize,
        /// The number.
        value: f32,
        /// What is taken.
        expected: String,
        /// What to do.
        hint: String,
    },
    /// Samples cannot be read: what their source says, the file named in it.
    #[error("{0}")]
    Samples(String),
    /// A metric cannot work with the labels and predictions.
    #[error("metric `{metric}` of output `{output}`: {source}")]
    Metric {
        /// The metric's name.
        metric: String,
        /// The output's name.
        output: String,
        /// What it says.
        source: LayerError,
    },
    /// A weight of the wrong shape.
    #[error("weight `{weight}`: expected shape {expected:?}, got {got:?}")]
    WeightShape {
        /// Path of the weight, such as `conv2d/kernel`.
        weight: String,
        /// Shape in the model.
        expected: Vec<usize>,
        /// Shape that was given.
        got: Vec<usize>,
    },
    /// The loss became infinite or not a number. The weights are those of before the step.
    #[error(
        "loss is {loss} in epoch {epoch}, batch {batch}: lower the learning rate, or scale the data to \
         small numbers"
    )]
    NonFiniteLoss {
        /// Epoch, counted from 1.
        epoch: usize,
        /// Batch of the epoch, counted from 1.
        batch: usize,
        /// The loss.
        loss: f64,
    },
    /// A callback cannot work with what it was given.
    #[error("callback `{callback}`: {problem}")]
    Callback {
        /// Keras's class name.
        callback: &'static str,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The table of `summary` does not fit.
    #[error("summary: {0}")]
    Summary(String),
    /// A file cannot be read or written.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The engine refuses a graph or what is fed to it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A graph cannot be built.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl ModelError {
    pub(crate) fn layer(layer: impl Into<String>, source: impl Into<LayerError>) -> Self {
        Self::Layer { layer: layer.into(), source: source.into() }
    }

    pub(crate) fn config(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Config { place: place.into(), problem: problem.into() }
    }

    pub(crate) fn unsupported(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Unsupported { place: place.into(), problem: problem.into() }
    }

    /// What is wrong with a setting that is read at `place`.
    pub(crate) fn setting(place: impl Into<String>, error: &LayerError) -> Self {
        if error.is_refusal() {
            Self::unsupported(place, error.to_string())
        } else {
            Self::config(place, error.to_string())
        }
    }

    pub(crate) fn data(
        what: impl Into<String>,
        expected: impl Into<String>,
        got: impl Into<String>,
    ) -> Self {
        Self::Data { what: what.into(), expected: expected.into(), got: got.into() }
    }

    /// The error of a batch that was filled with these samples.
    pub(crate) fn of_samples(mut self, samples: &[usize]) -> Self {
        if let Self::Value { sample, .. } = &mut self
            && let Some(&in_data) = samples.get(*sample)
        {
            *sample = in_data;
        }
        self
    }

    /// The error of validation data that begins with sample `first` of the data set.
    pub(crate) fn of_validation(mut self, first: usize) -> Self {
        if let Self::Value { sample, .. } = &mut self {
            *sample += first;
        }
        if let Self::Value { what, .. } | Self::Data { what, .. } = &mut self {
            what.insert_str(0, "validation ");
        }
        self
    }
}
