//! How `train` and `demo` train: every default and every rule that makes a good classifier of a
//! folder of pictures, and nothing else.
//!
//! What is fitted stays the network that was asked for. Preprocessing is layers in front of it, so
//! that a saved model takes raw pictures (0..255): augmentation, which does nothing outside of
//! training, then standardisation of each picture.

use clap::ValueEnum;
use cornu::Targets;
use cornu::model::{Compile, Input, KerasTensor, LayerExt, Model, ModelError, PerOutput};
use cornu::networks::{Head, LESSON_CNN_INPUT, lesson_cnn_on};
use cornu::nn::layers::{
    FlipMode, LayerNormalization, RandomFlip, RandomRotation, RandomTranslation, RandomZoom,
};
use cornu::nn::losses::{BinaryCrossentropy, CategoricalCrossentropy};
use cornu::nn::optimizers::{Adam, LearningRate};
use cornu::nn::schedules::{CosineDecay, Schedule};
use cornu::prelude::Metric;
use serde::{Deserialize, Serialize};

use crate::error::CliError;
use crate::labels::with_probabilities;
use crate::model_argument::{self, ModelArgument};
use crate::model_file::{self, Loaded};

/// Passes over the training pictures, at most.
pub(crate) const EPOCHS: usize = 120;
/// Pictures per step.
pub(crate) const BATCH_SIZE: usize = 16;
/// Learning rate at its highest.
pub(crate) const LEARNING_RATE: f64 = 1e-3;
/// Part of all steps in which the learning rate rises from 0 to its highest.
const WARM_UP: f64 = 0.05;
/// What is left of the learning rate at the end of the cosine.
const FINAL_RATE: f64 = 0.01;
/// Epochs without a better smoothed validation loss after which training stops.
pub(crate) const PATIENCE: usize = 40;
/// Part of each label that is given to the other classes: labels of real pictures are often wrong.
const LABEL_SMOOTHING: f64 = 0.1;
/// Part of the smoothed validation loss that each epoch replaces.
const SMOOTHING: f64 = 0.05;
/// Classes whose sizes differ by less than this factor are balanced: they all weigh 1.
const BALANCED: f64 = 1.2;

/// Light augmentation: parts of the picture's size, and of a full turn.
const LIGHT_TRANSLATION: f64 = 0.05;
const LIGHT_ROTATION: f64 = 0.02;
const LIGHT_ZOOM: f64 = 0.05;
/// Strong augmentation.
const STRONG_TRANSLATION: f64 = 0.10;
const STRONG_ROTATION: f64 = 0.04;
const STRONG_ZOOM: f64 = 0.15;

/// Pictures that `demo` draws.
pub(crate) const DEMO_PICTURES: usize = 640;
/// Epochs of `demo`.
const DEMO_EPOCHS: usize = 50;
/// Patience of `demo`.
const DEMO_PATIENCE: usize = 20;

/// Seed where none is given.
pub(crate) const SEED: u64 = 42;

/// Layers that change pictures at random while training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Augment {
    /// Pictures as they are
    None,
    /// Small translations, rotations and zooms
    Light,
    /// Larger ones, and left and right exchanged
    Strong,
}

/// Settings of a training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Recipe {
    pub(crate) seed: u64,
    pub(crate) epochs: usize,
    pub(crate) batch_size: usize,
    pub(crate) learning_rate: f64,
    /// Cosine with warm-up; else the learning rate stays.
    pub(crate) schedule: bool,
    pub(crate) augment: Augment,
    /// Each picture minus its mean, divided by its standard deviation.
    pub(crate) standardize: bool,
    /// Part of each label that is given to all classes alike.
    pub(crate) label_smoothing: f64,
    /// `lesson-cnn` starts from weights scaled to He's variance.
    pub(crate) scaled_start: bool,
    /// Unbalanced classes weigh inversely to their size.
    pub(crate) class_weights: bool,
    pub(crate) early_stopping: bool,
    pub(crate) patience: usize,
    pub(crate) smoothing: f64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            seed: SEED,
            epochs: EPOCHS,
            batch_size: BATCH_SIZE,
            learning_rate: LEARNING_RATE,
            schedule: true,
            augment: Augment::Strong,
            standardize: true,
            label_smoothing: LABEL_SMOOTHING,
            scaled_start: true,
            class_weights: true,
            early_stopping: true,
            patience: PATIENCE,
            smoothing: SMOOTHING,
        }
    }
}

impl Recipe {
    /// The recipe of `demo`: the same, in less time.
    pub(crate) fn demo() -> Self {
        Self { epochs: DEMO_EPOCHS, patience: DEMO_PATIENCE, ..Self::default() }
    }

    /// The model to train on `n_classes` classes, not yet compiled.
    ///
    /// `lesson-cnn` gets a head for the number of classes. A `.json` config that has preprocessing
    /// layers of its own, and a `.keras` or `.h5` file, are trained as they are, but that one compiled for
    /// logits gets a layer behind it that makes probabilities.
    pub(crate) fn model(
        &self,
        argument: &ModelArgument,
        n_classes: usize,
    ) -> Result<Loaded, CliError> {
        // Everything random follows from this.
        cornu::set_random_seed(self.seed);
        let (input_shape, network) = match argument {
            ModelArgument::File(path) => {
                let loaded = model_file::read(path)?;
                model_file::check_finite(path, &loaded.model)?;
                return Ok(Loaded { model: with_probabilities(loaded.model)?, ..loaded });
            }
            ModelArgument::LessonCnn => (LESSON_CNN_INPUT.to_vec(), None),
            ModelArgument::Json(path) => {
                let network = model_argument::read_json(path)?;
                if brings_preprocessing(&network) {
                    return Ok(Loaded { as_it_is: true, ..Loaded::fresh(network) });
                }
                let shape = network.input_shapes().first().and_then(|shape| shape.sample());
                (shape.unwrap_or_default(), Some(network))
            }
        };
        let inputs = Input::new(&input_shape);
        let x = self.preprocessed(&inputs)?;
        let outputs = match network {
            None => lesson_cnn_on(&x, Head::for_classes(n_classes))?,
            Some(network) => network.apply(&x)?,
        };
        let mut model = Model::new(&inputs, &outputs)?;
        if self.scaled_start && *argument == ModelArgument::LessonCnn {
            start_like_he(&mut model)?;
        }
        Ok(Loaded::fresh(model))
    }

    /// The layers in front of the network.
    fn preprocessed(&self, inputs: &KerasTensor) -> Result<KerasTensor, ModelError> {
        let mut x = inputs.clone();
        match self.augment {
            Augment::None => {}
            Augment::Light => {
                x = RandomTranslation::new(LIGHT_TRANSLATION, LIGHT_TRANSLATION)
                    .handle()
                    .apply(&x)?;
                x = RandomRotation::new(LIGHT_ROTATION).handle().apply(&x)?;
                x = RandomZoom::new(LIGHT_ZOOM).handle().apply(&x)?;
            }
            Augment::Strong => {
                x = RandomFlip::new(FlipMode::Horizontal).handle().apply(&x)?;
                x = RandomTranslation::new(STRONG_TRANSLATION, STRONG_TRANSLATION)
                    .handle()
                    .apply(&x)?;
                x = RandomRotation::new(STRONG_ROTATION).handle().apply(&x)?;
                x = RandomZoom::new(STRONG_ZOOM).handle().apply(&x)?;
            }
        }
        if self.standardize {
            let each_picture =
                LayerNormalization::new().axis(vec![1, 2, 3]).center(false).scale(false);
            x = each_picture.apply(&x)?;
        }
        Ok(x)
    }

    /// Sets optimizer, loss and metrics.
    pub(crate) fn compile(
        &self,
        model: &mut Model,
        head: Head,
        n_train: usize,
    ) -> Result<(), ModelError> {
        let steps = self.epochs * n_train.div_ceil(self.batch_size);
        let optimizer = Adam::new().learning_rate(self.learning_rate(steps));
        let metrics = match head {
            Head::Binary => vec![Metric::accuracy(), Metric::auc()],
            Head::Classes(_) => vec![Metric::accuracy()],
        };
        let compile = match head {
            Head::Binary => {
                let loss = BinaryCrossentropy::new().label_smoothing(self.label_smoothing);
                Compile::new(optimizer, loss)
            }
            Head::Classes(_) => {
                let loss = CategoricalCrossentropy::new().label_smoothing(self.label_smoothing);
                Compile::new(optimizer, loss)
            }
        };
        model.compile_with(compile.metrics(PerOutput::One(metrics)))
    }

    fn learning_rate(&self, steps: usize) -> LearningRate {
        if !self.schedule {
            return LearningRate::from(self.learning_rate);
        }
        let warm_up = ((steps as f64 * WARM_UP).round() as u64).max(1);
        let decay = (steps as u64).saturating_sub(warm_up).max(1);
        let cosine =
            CosineDecay::new(0.0, decay).alpha(FINAL_RATE).warmup(self.learning_rate, warm_up);
        LearningRate::Schedule(Schedule::from(cosine))
    }

    /// The weight of each class in the loss, whose mean over the samples is 1; `None` if all are 1.
    pub(crate) fn weights(&self, class_counts: &[usize]) -> Option<Vec<f64>> {
        let present: Vec<f64> =
            class_counts.iter().filter(|&&n| 0 < n).map(|&n| n as f64).collect();
        let largest = present.iter().copied().fold(0.0, f64::max);
        let smallest = present.iter().copied().fold(f64::INFINITY, f64::min);
        if !self.class_weights || largest < BALANCED * smallest {
            return None;
        }
        let total: f64 = present.iter().sum();
        let share = total / present.len() as f64;
        Some(class_counts.iter().map(|&n| if n == 0 { 1.0 } else { share / n as f64 }).collect())
    }
}

/// The targets that the loss for `head` takes.
pub(crate) fn targets(head: Head) -> Targets {
    match head {
        Head::Binary => Targets::Index,
        Head::Classes(n) => Targets::OneHot(n),
    }
}

/// Scales the first kernels, which Glorot's rule drew, to the variance of He's: `2 / fan_in` instead
/// of `2 / (fan_in + fan_out)`. Behind seven convolutions with ReLU, Glorot's leaves so little of the
/// differences between pictures that training often stays at chance for many epochs (He et al. 2015,
/// section 2.2). The last layer, which no ReLU follows, stays.
fn start_like_he(model: &mut Model) -> Result<(), ModelError> {
    let mut weights = model.get_weights();
    let kernels: Vec<usize> = (0..weights.len()).filter(|&i| 1 < weights[i].rank()).collect();
    let Some((_last, before)) = kernels.split_last() else { return Ok(()) };
    for &index in before {
        let dims = weights[index].dims();
        // (height, width, channels, filters) or (features, units).
        let outputs = dims[dims.len() - 1];
        let fan_in = weights[index].len() / outputs;
        let fan_out = weights[index].len() / dims[dims.len() - 2];
        let scale = ((fan_in + fan_out) as f32 / fan_in as f32).sqrt();
        weights[index] = weights[index].map(|x| x * scale);
    }
    model.set_weights(&weights)
}

/// Whether a network scales its inputs itself.
fn brings_preprocessing(network: &Model) -> bool {
    let scaling = ["Rescaling", "Normalization", "LayerNormalization"];
    // The input layer, perhaps augmentation, then the first layer that counts.
    let mut layers = network.layers().into_iter().map(|(_, class_name)| class_name);
    layers
        .find(|name| !name.starts_with("Random") && *name != "InputLayer")
        .is_some_and(|name| scaling.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_balance_classes_and_average_to_one() {
        let recipe = Recipe::default();
        assert_eq!(recipe.weights(&[50, 50]), None);
        assert_eq!(recipe.weights(&[55, 50]), None);
        let weights = recipe.weights(&[30, 10]).unwrap();
        assert!((weights[0] - 2.0 / 3.0).abs() < 1e-12 && (weights[1] - 2.0).abs() < 1e-12);
        assert_eq!(Recipe { class_weights: false, ..recipe }.weights(&[30, 10]), None);
    }

    #[test]
    fn the_learning_rate_rises_then_falls() {
        let recipe = Recipe::default();
        let rate = recipe.learning_rate(1000);
        assert_eq!(rate.value(0), 0.0);
        assert!((rate.value(50) - LEARNING_RATE).abs() < 1e-9);
        assert!(rate.value(999) < 0.02 * LEARNING_RATE && 0.0 < rate.value(1000));
        let constant = Recipe { schedule: false, ..recipe }.learning_rate(1000);
        assert_eq!(constant.value(0), constant.value(999));
    }

    #[test]
    fn the_network_is_the_lessons_behind_layers_without_weights() {
        for n_classes in [2, 3] {
            let loaded = Recipe::default().model(&ModelArgument::LessonCnn, n_classes).unwrap();
            let extra = if n_classes == 2 { 0 } else { 2 * 33 };
            assert_eq!(loaded.model.count_params(), 54_627 + extra);
        }
    }
}
