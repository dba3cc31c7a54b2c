//! What is decided for a model, and what it costs.

use cornu_engine::{Profile, Program};

use crate::data::{Batch, Layout};
use crate::step::{StepKey, StepKind};
use crate::{Model, ModelError};

impl Model {
    /// The compiled plan of `predict`, or with `training` of a training step, as text, for batches of
    /// `samples`.
    ///
    /// # Errors
    ///
    /// [`ModelError::NotCompiled`] for the plan of a training step; [`ModelError::Data`] if an
    /// input has an axis of unknown size.
    pub fn plan_text(&mut self, training: bool, samples: usize) -> Result<String, ModelError> {
        let kind = if training { StepKind::Train } else { StepKind::Predict };
        if training {
            self.compiled("plan_text")?;
            self.build_optimizer()?;
        }
        let sizes = |shapes: Vec<cornu_nn::SymbolicShape>| {
            let known = shapes.iter().map(|shape| {
                shape.sample().ok_or_else(|| {
                    ModelError::data("plan", "an input of known size", shape.to_string())
                })
            });
            known.collect::<Result<Vec<_>, _>>()
        };
        let x = sizes(self.input_shapes())?;
        let y = if training { sizes(self.output_shapes())? } else { Vec::new() };
        let graph = self.step_graph(kind, &Layout { x, y, sample_weight: Vec::new() })?;
        Ok(Program::compile(graph, &self.options)?.plan_text(samples))
    }

    /// Where the time goes: runs `batch` once and then `runs` times more, as a prediction or, with
    /// `training`, as training steps (which change the weights), and times each step of the plan.
    ///
    /// # Errors
    ///
    /// As for [`Model::train_on_batch`] and [`Model::predict_on_batch`].
    pub fn profile(
        &mut self,
        training: bool,
        batch: &Batch,
        runs: usize,
    ) -> Result<Profile, ModelError> {
        let kind = if training { StepKind::Train } else { StepKind::Predict };
        if training {
            self.compiled("profile")?;
        }
        self.run_step(kind, batch)?;
        let key = StepKey::new(kind, batch.into());
        if let Some(program) = self.programs.get_mut(&key) {
            program.start_profile();
        }
        for _ in 0..runs {
            self.run_step(kind, batch)?;
        }
        Ok(self.programs.get_mut(&key).map(Program::take_profile).unwrap_or_default())
    }
}
