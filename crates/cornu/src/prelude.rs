//! What most programs need: `use cornu::prelude::*;`.

pub use crate::metric::Metric;
pub use crate::samples::{Samples, Targets};
pub use cornu_model::callbacks::{
    CSVLogger, Callback, CallbackCx, EarlyStopping, LambdaCallback, LearningRateScheduler,
    ModelCheckpoint, Progress, ReduceLROnPlateau, TensorBoard, TerminateOnNaN,
};
pub use cornu_model::{
    Batch, Batches, Compile, Dataset, Fit, History, Input, KerasTensor, LayerExt, LayerHandle,
    Logs, Model, ModelError, PerOutput, Sequential, set_random_seed,
};
pub use cornu_nn::layers::*;
pub use cornu_nn::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, MeanSquaredError, SparseCategoricalCrossentropy,
};
pub use cornu_nn::optimizers::{Adam, AdamW, LearningRate, RMSprop, SGD};
pub use cornu_nn::schedules::{CosineDecay, ExponentialDecay, PiecewiseConstantDecay, Schedule};
pub use cornu_nn::{Activation, Constraint, Initializer, Regularizer};
pub use cornu_tensor::Tensor;
