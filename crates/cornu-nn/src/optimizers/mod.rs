//! Optimizers: how gradients change a model's variables.
//!
//! An [`Optimizer`] says which slots it keeps for a variable and what one step does to a variable
//! and its slots, as nodes of a graph. [`apply`] puts around it what all optimizers share: loss scale,
//! gradient accumulation, clipping, weight decay, moving averages, constraints. Source: Keras 3,
//! `keras/src/optimizers`.

mod adadelta;
mod adafactor;
mod adagrad;
mod adam;
mod adamax;
mod apply;
mod catalogue;
mod common;
mod ftrl;
mod lamb;
mod learning_rate;
mod lion;
mod muon;
mod nadam;
mod rmsprop;
mod schedule_free_adamw;
mod settings;
mod sgd;
mod state;

use std::fmt::Debug;

use cornu_graph::{Graph, ValueId};
use serde_json::{Map, Value};

use crate::{ConfigWriter, LayerError};

pub use adadelta::Adadelta;
pub use adafactor::Adafactor;
pub use adagrad::Adagrad;
pub use adam::{Adam, AdamW};
pub use adamax::Adamax;
pub use apply::{Applied, ConstraintFn, Param, apply};
pub use catalogue::{OPTIMIZERS, OptimizerEntry, optimizer_from_config};
pub use ftrl::Ftrl;
pub use lamb::Lamb;
pub use learning_rate::LearningRate;
pub use lion::Lion;
pub use muon::Muon;
pub use nadam::Nadam;
pub use rmsprop::RMSprop;
pub use schedule_free_adamw::ScheduleFreeAdamW;
pub use settings::OptimizerSettings;
pub use sgd::SGD;
pub use state::{StateRole, StateSpec, VariableSpec, final_values, state_specs};

/// What every optimizer answers.
pub trait Optimizer: Debug + Send + Sync {
    /// Keras's class name, such as `Adam`.
    fn class_name(&self) -> &'static str;

    /// What all optimizers have: learning rate, weight decay, clipping, ...
    fn settings(&self) -> &OptimizerSettings;

    /// The same, to be changed.
    fn settings_mut(&mut self) -> &mut OptimizerSettings;

    /// Keys of Keras's `get_config()` apart from those of the settings.
    fn own_config(&self) -> Map<String, Value> {
        Map::new()
    }

    /// What is kept for one variable between steps.
    fn slots(&self, variable: &VariableSpec) -> Vec<SlotSpec>;

    /// What is kept between steps for all variables together.
    fn shared_slots(&self) -> Vec<SlotSpec> {
        Vec::new()
    }

    /// By how much (times the learning rate) a variable shrinks before each step.
    fn weight_decay_of(&self, _variable: &VariableSpec) -> Option<f64> {
        self.settings().weight_decay
    }

    /// What is computed once per step, before any variable: scalars that [`Optimizer::update`] finds
    /// in [`UpdateCx::scalars`], and the new shared slots.
    ///
    /// # Errors
    ///
    /// [`LayerError::Graph`] if the graph refuses a node.
    fn prepare(&self, _cx: &mut UpdateCx<'_>, _shared: &[ValueId]) -> Result<Prepared, LayerError> {
        Ok(Prepared::default())
    }

    /// The new value of `variable` and its slots, given its gradient and its old slots.
    ///
    /// # Errors
    ///
    /// [`LayerError::Graph`] if the graph refuses a node.
    fn update(
        &self,
        cx: &mut UpdateCx<'_>,
        variable: ValueId,
        gradient: ValueId,
        slots: &[ValueId],
    ) -> Result<(ValueId, Vec<ValueId>), LayerError>;

    /// Its name: the first part of its variables' paths.
    fn name(&self) -> &str {
        &self.settings().name
    }

    /// Keras's `get_config()`.
    fn config(&self) -> Map<String, Value> {
        let settings = self.settings();
        let mut config = ConfigWriter::new()
            .set("name", settings.name.as_str())
            .set("learning_rate", settings.learning_rate.to_config())
            .set("weight_decay", settings.weight_decay)
            .set("clipnorm", settings.clipnorm)
            .set("global_clipnorm", settings.global_clipnorm)
            .set("clipvalue", settings.clipvalue)
            .set("use_ema", settings.use_ema)
            .set("ema_momentum", settings.ema_momentum)
            .set("ema_overwrite_frequency", settings.ema_overwrite_frequency)
            .set("loss_scale_factor", settings.loss_scale_factor)
            .set("gradient_accumulation_steps", settings.gradient_accumulation_steps)
            .finish();
        config.extend(self.own_config());
        config
    }
}

/// One thing that an optimizer keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotSpec {
    /// The end of its path, such as `momentum`; may be empty.
    pub name: &'static str,
    /// Sizes of its axes.
    pub dims: Vec<usize>,
    /// The value that it starts from, everywhere.
    pub initial: f64,
    /// Slots of one group are saved variable by variable, the groups one after the other.
    pub group: usize,
}

impl SlotSpec {
    /// A slot of the variable's shape that starts from zeros, in group 0.
    pub fn like(variable: &VariableSpec, name: &'static str) -> Self {
        Self { name, dims: variable.dims.clone(), initial: 0.0, group: 0 }
    }

    /// The same in another group.
    pub fn group(mut self, group: usize) -> Self {
        self.group = group;
        self
    }

    /// The same with another starting value.
    pub fn initial(mut self, initial: f64) -> Self {
        self.initial = initial;
        self
    }
}

/// What an optimizer works with when it adds its nodes.
#[derive(Debug)]
pub struct UpdateCx<'a> {
    /// The graph to extend.
    pub graph: &'a mut Graph,
    /// The learning rate of this step, a scalar.
    pub learning_rate: ValueId,
    /// How many steps were taken before this one, a scalar.
    pub iteration: ValueId,
    /// What [`Optimizer::prepare`] computed.
    pub scalars: &'a [ValueId],
    /// The variable as it was before weight decay; none in [`Optimizer::prepare`].
    pub undecayed: Option<ValueId>,
}

/// What [`Optimizer::prepare`] computed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prepared {
    /// For [`UpdateCx::scalars`].
    pub scalars: Vec<ValueId>,
    /// New values of the shared slots.
    pub shared: Vec<ValueId>,
}
