//! Plans as text.

use cornu_engine::Program;

use crate::data::Layout;
use crate::step::StepKind;
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
}
