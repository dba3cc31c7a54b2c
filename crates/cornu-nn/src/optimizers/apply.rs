//! One training step for all variables. Source: Keras 3, `keras/src/optimizers/base_optimizer.py`.

use cornu_graph::ops::BinaryKind;
use cornu_graph::{Graph, ValueId};

use super::common::rounded;
use super::{
    Optimizer, OptimizerSettings, Prepared, StateRole, UpdateCx, VariableSpec, state_specs,
};
use crate::LayerError;

/// Keeps a variable within bounds after a step.
pub type ConstraintFn<'a> = &'a dyn Fn(&mut Graph, ValueId) -> Result<ValueId, LayerError>;

/// A variable that the optimizer may change.
#[derive(Clone, Copy)]
pub struct Param<'a> {
    /// Its path, such as `conv2d/kernel`.
    pub name: &'a str,
    /// Sizes of its axes.
    pub dims: &'a [usize],
    /// Its value before the step.
    pub value: ValueId,
    /// Its gradient; `None` if the loss does not depend on it, and it stays as it is.
    pub gradient: Option<ValueId>,
    /// What keeps it within bounds.
    pub constraint: Option<ConstraintFn<'a>>,
}

impl std::fmt::Debug for Param<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Param")
            .field("name", &self.name)
            .field("dims", &self.dims)
            .field("value", &self.value)
            .field("gradient", &self.gradient)
            .finish_non_exhaustive()
    }
}

/// What a step makes of variables and optimizer state.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// New values in the order of the variables; `None` for one that stays as it is.
    pub params: Vec<Option<ValueId>>,
    /// New values of all optimizer variables, in the order of [`state_specs`].
    pub state: Vec<ValueId>,
}

/// Adds one training step to the graph.
///
/// `state` are the optimizer variables in the order of [`state_specs`]; `iteration` is the number of
/// steps taken before this one and `learning_rate` the learning rate there, both scalars.
///
/// The order is Keras's: divide gradients by the loss scale; accumulate (if asked: in all steps but
/// every k-th nothing else happens); clip; weight decay; the optimizer's own update; moving averages;
/// constraints.
///
/// # Errors
///
/// [`LayerError::Config`] if settings contradict each other or `state` has the wrong length,
/// [`LayerError::Graph`] if the graph refuses a node.
pub fn apply(
    optimizer: &dyn Optimizer,
    graph: &mut Graph,
    params: &[Param<'_>],
    state: &[ValueId],
    learning_rate: ValueId,
    iteration: ValueId,
) -> Result<Applied, LayerError> {
    let settings = optimizer.settings();
    settings.check()?;
    let variables: Vec<VariableSpec> = params
        .iter()
        .map(|param| VariableSpec { name: param.name.to_owned(), dims: param.dims.to_vec() })
        .collect();
    let roles: Vec<StateRole> =
        state_specs(optimizer, &variables).iter().map(|spec| spec.role).collect();
    if roles.len() != state.len() {
        let expected = format!("{} optimizer variables", roles.len());
        return Err(LayerError::config("state", expected, state.len()));
    }
    let mut step = Step {
        optimizer,
        settings,
        graph,
        learning_rate,
        iteration,
        values: params.iter().map(|param| param.value).collect(),
        gradients: params.iter().map(|param| param.gradient).collect(),
        state: state.to_vec(),
        roles,
    };
    step.unscale()?;
    let due = step.accumulate()?;
    step.clip()?;
    step.decay(&variables)?;
    step.update(params, due)?;
    step.average()?;
    step.constrain(params)?;
    let changed = |(value, param): (&ValueId, &Param<'_>)| {
        if *value == param.value { None } else { Some(*value) }
    };
    let new_params = step.values.iter().zip(params).map(changed).collect();
    Ok(Applied { params: new_params, state: step.state })
}

struct Step<'a> {
    optimizer: &'a dyn Optimizer,
    settings: &'a OptimizerSettings,
    graph: &'a mut Graph,
    learning_rate: ValueId,
    /// Completed updates: with gradient accumulation fewer than the steps.
    iteration: ValueId,
    values: Vec<ValueId>,
    gradients: Vec<Option<ValueId>>,
    state: Vec<ValueId>,
    roles: Vec<StateRole>,
}

impl Step<'_> {
    fn position(&self, role: StateRole) -> Option<usize> {
        self.roles.iter().position(|&other| other == role)
    }

    fn unscale(&mut self) -> Result<(), LayerError> {
        if let Some(scale) = self.settings.loss_scale_factor {
            for gradient in self.gradients.iter_mut().flatten() {
                *gradient = self.graph.mul_scalar(*gradient, 1.0 / scale)?;
            }
        }
        Ok(())
    }

    /// Adds the gradients to those of the last steps and takes the mean; answers 1 if this is a step
    /// in which variables change, `None` if all are.
    fn accumulate(&mut self) -> Result<Option<ValueId>, LayerError> {
        let Some(steps) = self.settings.gradient_accumulation_steps else { return Ok(None) };
        let n_steps = self.graph.scalar(steps as f64)?;
        let due = every(self.graph, self.iteration, n_steps)?;
        let quotient = self.graph.div(self.iteration, n_steps)?;
        self.iteration = self.graph.floor(quotient)?;
        for variable in 0..self.values.len() {
            let Some(gradient) = self.gradients[variable] else { continue };
            let Some(position) = self.position(StateRole::Accumulator { variable }) else {
                continue;
            };
            let sum = self.graph.add(self.state[position], gradient)?;
            self.gradients[variable] = Some(self.graph.mul_scalar(sum, 1.0 / steps as f64)?);
            let zero = self.graph.scalar(0.0)?;
            self.state[position] = self.graph.select(due, zero, sum)?;
        }
        Ok(Some(due))
    }

    fn clip(&mut self) -> Result<(), LayerError> {
        let graph = &mut *self.graph;
        if let Some(limit) = self.settings.clipnorm {
            for gradient in self.gradients.iter_mut().flatten() {
                let square = graph.square(*gradient)?;
                let sum = graph.sum_all(square)?;
                let norm = graph.sqrt(sum)?;
                let norm = graph.max_scalar(norm, limit)?;
                let limit = graph.scalar(limit)?;
                let scale = graph.div(limit, norm)?;
                *gradient = graph.mul(*gradient, scale)?;
            }
        } else if let Some(limit) = self.settings.global_clipnorm {
            let mut total = graph.scalar(0.0)?;
            for gradient in self.gradients.iter().flatten() {
                let square = graph.square(*gradient)?;
                let sum = graph.sum_all(square)?;
                total = graph.add(total, sum)?;
            }
            let norm = graph.sqrt(total)?;
            let norm = graph.max_scalar(norm, limit)?;
            let limit = graph.scalar(limit)?;
            let scale = graph.div(limit, norm)?;
            for gradient in self.gradients.iter_mut().flatten() {
                *gradient = graph.mul(*gradient, scale)?;
            }
        } else if let Some(limit) = self.settings.clipvalue {
            for gradient in self.gradients.iter_mut().flatten() {
                *gradient = graph.clip(*gradient, -limit, limit)?;
            }
        }
        Ok(())
    }

    /// Shrinks the variables. Those with a gradient only: the others are not part of the step.
    fn decay(&mut self, variables: &[VariableSpec]) -> Result<(), LayerError> {
        // One scalar for each different decay, which is nearly always one.
        let mut factors: Vec<(f64, ValueId)> = Vec::new();
        for (variable, spec) in variables.iter().enumerate() {
            let decay = self.optimizer.weight_decay_of(spec);
            let Some(decay) = decay.filter(|_| self.settings.decays(&spec.name)) else { continue };
            if self.gradients[variable].is_none() {
                continue;
            }
            let factor = match factors.iter().find(|(known, _)| *known == decay) {
                Some(&(_, factor)) => factor,
                None => {
                    let rate = self.graph.mul_scalar(self.learning_rate, rounded(decay))?;
                    let factor = self.graph.scalar_sub(1.0, rate)?;
                    factors.push((decay, factor));
                    factor
                }
            };
            self.values[variable] = self.graph.mul(self.values[variable], factor)?;
        }
        Ok(())
    }

    fn update(&mut self, params: &[Param<'_>], due: Option<ValueId>) -> Result<(), LayerError> {
        let prepared = self.prepare(due)?;
        for (variable, param) in params.iter().enumerate() {
            let Some(gradient) = self.gradients[variable] else { continue };
            let positions: Vec<usize> =
                (0..).map_while(|slot| self.position(StateRole::Slot { variable, slot })).collect();
            let slots: Vec<ValueId> = positions.iter().map(|&i| self.state[i]).collect();
            let (optimizer, decayed) = (self.optimizer, self.values[variable]);
            let mut cx = self.cx(&prepared.scalars);
            cx.undecayed = Some(param.value);
            let (value, slots) = optimizer.update(&mut cx, decayed, gradient, &slots)?;
            self.values[variable] = self.if_due(due, value, param.value)?;
            for (position, slot) in positions.into_iter().zip(slots) {
                self.state[position] = self.if_due(due, slot, self.state[position])?;
            }
        }
        Ok(())
    }

    fn prepare(&mut self, due: Option<ValueId>) -> Result<Prepared, LayerError> {
        let positions: Vec<usize> =
            (0..).map_while(|slot| self.position(StateRole::Shared { slot })).collect();
        let shared: Vec<ValueId> = positions.iter().map(|&i| self.state[i]).collect();
        let optimizer = self.optimizer;
        let prepared = optimizer.prepare(&mut self.cx(&[]), &shared)?;
        for (&position, &value) in positions.iter().zip(&prepared.shared) {
            self.state[position] = self.if_due(due, value, self.state[position])?;
        }
        Ok(prepared)
    }

    fn cx<'b>(&'b mut self, scalars: &'b [ValueId]) -> UpdateCx<'b> {
        UpdateCx {
            graph: self.graph,
            learning_rate: self.learning_rate,
            iteration: self.iteration,
            scalars,
            undecayed: None,
        }
    }

    fn if_due(
        &mut self,
        due: Option<ValueId>,
        new: ValueId,
        old: ValueId,
    ) -> Result<ValueId, LayerError> {
        match due {
            None => Ok(new),
            Some(due) => Ok(self.graph.select(due, new, old)?),
        }
    }

    /// Moving averages start as the variables; variables may become their averages.
    fn average(&mut self) -> Result<(), LayerError> {
        if !self.settings.use_ema {
            return Ok(());
        }
        let graph = &mut *self.graph;
        let zero = graph.scalar(0.0)?;
        let is_later = graph.greater(self.iteration, zero)?;
        let momentum = graph.mul_scalar(is_later, self.settings.ema_momentum)?;
        let rest = graph.scalar_sub(1.0, momentum)?;
        let overwrite = match self.settings.ema_overwrite_frequency {
            None => None,
            Some(steps) => {
                let steps = graph.scalar(steps as f64)?;
                Some(every(graph, self.iteration, steps)?)
            }
        };
        for variable in 0..self.values.len() {
            let Some(position) = self.position(StateRole::Average { variable }) else { continue };
            let graph = &mut *self.graph;
            let old = graph.mul(self.state[position], momentum)?;
            let new = graph.mul(self.values[variable], rest)?;
            let average = graph.add(old, new)?;
            self.state[position] = average;
            if let Some(overwrite) = overwrite {
                self.values[variable] = graph.select(overwrite, average, self.values[variable])?;
            }
        }
        Ok(())
    }

    fn constrain(&mut self, params: &[Param<'_>]) -> Result<(), LayerError> {
        for (value, param) in self.values.iter_mut().zip(params) {
            if let (Some(constraint), Some(_)) = (param.constraint, param.gradient) {
                *value = constraint(self.graph, *value)?;
            }
        }
        Ok(())
    }
}

/// 1 in every `steps`-th step.
fn every(graph: &mut Graph, iteration: ValueId, steps: ValueId) -> Result<ValueId, LayerError> {
    let step = graph.add_scalar(iteration, 1.0)?;
    let rest = graph.binary(BinaryKind::Mod, step, steps)?;
    let zero = graph.scalar(0.0)?;
    Ok(graph.equal(rest, zero)?)
}
