//! What a model is trained with: optimizer, losses, metrics.

mod config;
mod metrics;
mod per_output;
mod specs;

use cornu_nn::losses::{Loss, crossentropy_for_shapes};
use cornu_nn::metrics::Direction;
use cornu_nn::optimizers::{LearningRate, Optimizer, StateSpec, VariableSpec, state_specs};
use cornu_tensor::Tensor;
use serde_json::Value;

use crate::{Model, ModelError};

pub use per_output::PerOutput;
pub use specs::{LossSpec, MetricSpec, OptimizerSpec, metrics};

pub(crate) use metrics::CompiledMetrics;

/// All arguments of [`Model::compile_with`].
#[derive(Debug)]
pub struct Compile {
    pub(crate) optimizer: OptimizerSpec,
    pub(crate) loss: PerOutput<LossSpec>,
    pub(crate) loss_weights: Option<PerOutput<f64>>,
    pub(crate) metrics: Option<PerOutput<Vec<MetricSpec>>>,
    pub(crate) weighted_metrics: Option<PerOutput<Vec<MetricSpec>>>,
}

impl Compile {
    /// An optimizer and the loss of the only output.
    pub fn new(optimizer: impl Into<OptimizerSpec>, loss: impl Into<LossSpec>) -> Self {
        Self::several(optimizer, PerOutput::One(loss.into()))
    }

    /// An optimizer and losses by output.
    pub fn several(optimizer: impl Into<OptimizerSpec>, loss: PerOutput<LossSpec>) -> Self {
        Self {
            optimizer: optimizer.into(),
            loss,
            loss_weights: None,
            metrics: None,
            weighted_metrics: None,
        }
    }

    /// Factors of the losses in the total. Default: 1.
    pub fn loss_weights(mut self, loss_weights: PerOutput<f64>) -> Self {
        self.loss_weights = Some(loss_weights);
        self
    }

    /// Metrics that ignore sample and class weights.
    pub fn metrics(mut self, metrics: PerOutput<Vec<MetricSpec>>) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// Metrics that count samples by their weight.
    pub fn weighted_metrics(mut self, metrics: PerOutput<Vec<MetricSpec>>) -> Self {
        self.weighted_metrics = Some(metrics);
        self
    }
}

/// A compiled model's training state, but for the values of the optimizer's variables.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) optimizer: Box<dyn Optimizer>,
    /// The loss of each output; `None` for an output that is not trained.
    pub(crate) losses: Vec<Option<CompiledLoss>>,
    pub(crate) metrics: CompiledMetrics,
    /// What Keras writes as `compile_config`, but for the optimizer, whose learning rate changes.
    pub(crate) config: Value,
    /// Completed training steps.
    pub(crate) iteration: u64,
    /// The optimizer's variables once it has any: they lie behind the weights.
    pub(crate) state: Option<Vec<StateSpec>>,
}

#[derive(Debug)]
pub(crate) struct CompiledLoss {
    /// `None` for `"crossentropy"`, which depends on the shapes.
    pub(crate) loss: Option<Box<dyn Loss>>,
    pub(crate) weight: f64,
}

impl CompiledLoss {
    /// Calls `f` with the loss for labels and predictions of these shapes, the samples' axis
    /// included.
    pub(crate) fn with<R>(
        &self,
        y_true: &[usize],
        y_pred: &[usize],
        f: impl FnOnce(&dyn Loss) -> R,
    ) -> R {
        match &self.loss {
            Some(loss) => f(&**loss),
            None => f(&*crossentropy_for_shapes(y_true, y_pred)),
        }
    }
}

impl Model {
    /// Sets what training needs: an optimizer, the loss of the only output, and metrics.
    ///
    /// # Errors
    ///
    /// [`ModelError::Compile`] names what does not fit the model.
    pub fn compile(
        &mut self,
        optimizer: impl Into<OptimizerSpec>,
        loss: impl Into<LossSpec>,
        metrics: impl IntoIterator<Item = MetricSpec>,
    ) -> Result<(), ModelError> {
        let metrics: Vec<MetricSpec> = metrics.into_iter().collect();
        let mut compile = Compile::new(optimizer, loss);
        if !metrics.is_empty() {
            compile = compile.metrics(PerOutput::One(metrics));
        }
        self.compile_with(compile)
    }

    /// The same with all settings: several outputs, loss weights, weighted metrics. The state of an
    /// optimizer that was set before is forgotten, and changes of `trainable` take effect.
    ///
    /// # Errors
    ///
    /// As for [`Model::compile`].
    pub fn compile_with(&mut self, compile: Compile) -> Result<(), ModelError> {
        let names: Vec<String> =
            self.network.output_labels().into_iter().map(str::to_owned).collect();
        let config = config::write(&compile);
        let optimizer = compile.optimizer.resolve()?;
        let weights = match compile.loss_weights {
            Some(weights) => weights.resolve("loss_weights", &names)?,
            None => vec![None; names.len()],
        };
        let losses = compile.loss.resolve("loss", &names)?;
        let losses = losses.into_iter().zip(weights).map(|(loss, weight)| {
            let Some(loss) = loss else { return Ok(None) };
            Ok(Some(CompiledLoss { loss: loss.resolve()?, weight: weight.unwrap_or(1.0) }))
        });
        let losses = losses.collect::<Result<Vec<_>, ModelError>>()?;
        if losses.iter().all(Option::is_none) {
            return Err(ModelError::Compile("no output has a loss".to_owned()));
        }
        let metrics = CompiledMetrics::new(&names, compile.metrics, compile.weighted_metrics)?;
        self.drop_optimizer_state();
        self.compiled =
            Some(Compiled { optimizer, losses, metrics, config, iteration: 0, state: None });
        self.programs.clear();
        Ok(())
    }

    pub(crate) fn compiled(&self, action: &'static str) -> Result<&Compiled, ModelError> {
        self.compiled.as_ref().ok_or(ModelError::NotCompiled { action })
    }

    pub(crate) fn compiled_mut(
        &mut self,
        action: &'static str,
    ) -> Result<&mut Compiled, ModelError> {
        self.compiled.as_mut().ok_or(ModelError::NotCompiled { action })
    }

    fn drop_optimizer_state(&mut self) {
        let mut weights = cornu_engine::Variables::new();
        for index in 0..self.weights.len() {
            weights.push(self.variables.get(index).clone());
        }
        self.variables = weights;
    }

    /// Makes the optimizer's variables, if there are none yet: the first training step does.
    pub(crate) fn build_optimizer(&mut self) -> Result<(), ModelError> {
        if self.compiled("fit")?.state.is_some() {
            return Ok(());
        }
        let specs = self.optimizer_specs();
        for spec in &specs {
            self.variables.push(Tensor::full(spec.dims.clone(), spec.initial as f32));
        }
        self.compiled_mut("fit")?.state = Some(specs);
        Ok(())
    }

    /// The variables that the optimizer has or will have.
    pub(crate) fn optimizer_specs(&self) -> Vec<StateSpec> {
        let Some(compiled) = &self.compiled else { return Vec::new() };
        let trainable = self.weights.iter().filter(|weight| weight.trainable);
        let trainable: Vec<VariableSpec> = trainable
            .map(|weight| VariableSpec {
                name: weight.path.clone(),
                dims: weight.spec.dims.clone(),
            })
            .collect();
        state_specs(&*compiled.optimizer, &trainable)
    }

    /// The learning rate of the next step.
    ///
    /// # Errors
    ///
    /// [`ModelError::NotCompiled`].
    pub fn learning_rate(&self) -> Result<f64, ModelError> {
        let compiled = self.compiled("learning_rate")?;
        Ok(compiled.optimizer.settings().learning_rate.value(compiled.iteration))
    }

    /// Changes the learning rate, which is kept as a `float32` as in Keras.
    ///
    /// # Errors
    ///
    /// [`ModelError::NotCompiled`]; [`ModelError::Compile`] if the optimizer follows a schedule.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<(), ModelError> {
        let settings = self.compiled_mut("set_learning_rate")?.optimizer.settings_mut();
        if matches!(settings.learning_rate, LearningRate::Schedule(_)) {
            return Err(ModelError::Compile(
                "the optimizer follows a learning-rate schedule, so its learning rate cannot be set"
                    .to_owned(),
            ));
        }
        settings.learning_rate = LearningRate::Constant(learning_rate as f32);
        Ok(())
    }

    /// Keras's paths and the values of the optimizer's variables in the order in which they are
    /// saved: `adam/iteration`, `adam/learning_rate` (without a schedule), then what is kept for the
    /// weights. Empty before the first training step.
    pub fn optimizer_variables(&self) -> Vec<(String, Tensor)> {
        let Some(compiled) = &self.compiled else { return Vec::new() };
        let Some(state) = &compiled.state else { return Vec::new() };
        let settings = compiled.optimizer.settings();
        let path = |name: &str| format!("{}/{name}", settings.name);
        let mut variables = vec![(path("iteration"), Tensor::scalar(compiled.iteration as f32))];
        if let LearningRate::Constant(rate) = settings.learning_rate {
            variables.push((path("learning_rate"), Tensor::scalar(rate)));
        }
        for (index, spec) in (self.weights.len()..).zip(state) {
            variables.push((path(&spec.path), self.variables.get(index).clone()));
        }
        variables
    }

    /// Training steps since `compile`.
    ///
    /// # Errors
    ///
    /// [`ModelError::NotCompiled`].
    pub fn iterations(&self) -> Result<u64, ModelError> {
        Ok(self.compiled("iterations")?.iteration)
    }

    /// Which way the log `name` (perhaps with `val_`) gets better, if that is known.
    pub(crate) fn direction(&self, name: &str) -> Option<Direction> {
        let name = name.strip_prefix("val_").unwrap_or(name);
        if name == "loss" {
            return Some(Direction::Down);
        }
        self.compiled.as_ref()?.metrics.direction(name)
    }

    /// Whether the learning rate follows a schedule and is no variable of the optimizer.
    pub(crate) fn has_schedule(&self) -> bool {
        self.compiled.as_ref().is_some_and(|compiled| {
            matches!(compiled.optimizer.settings().learning_rate, LearningRate::Schedule(_))
        })
    }

    /// Values and bytes of the optimizer's variables, once it has any. Keras counts `iteration` (an
    /// `int64`) and, without a schedule, `learning_rate` among them.
    pub(crate) fn optimizer_size(&self) -> Option<(usize, usize)> {
        let compiled = self.compiled.as_ref()?;
        let state = compiled.state.as_ref()?;
        let n: usize = state.iter().map(|spec| spec.dims.iter().product::<usize>()).sum();
        let n_rates = usize::from(!self.has_schedule());
        Some((n + 1 + n_rates, 4 * n + 8 + 4 * n_rates))
    }
}
