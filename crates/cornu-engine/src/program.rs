use std::time::Instant;

use cornu_graph::{Feed, Graph, Op, evaluate, verify};
use cornu_kernels::peak::peak_flops;
use cornu_tensor::{Array, Tensor};

use crate::bind::Moment;
use crate::groups::group;
use crate::layouts::Layouts;
use crate::lower::lower;
use crate::memory_limit::check_memory;
use crate::passes::simplify;
use crate::placement::place;
use crate::plan::Plan;
use crate::profile::Profile;
use crate::recompute::recompute;
use crate::run::{Machine, batch_text, first_non_finite};
use crate::{EngineError, Options, Runtime, Variables};

/// What one run is given.
#[derive(Debug)]
pub struct Run<'a> {
    /// Each input of the graph: its name and its elements, row-major, samples first.
    pub inputs: &'a [(&'a str, &'a [f32])],
    /// The values that the graph's variables are bound to.
    pub variables: &'a mut Variables,
    /// For each variable of the graph, its number in `variables`.
    pub binding: &'a [usize],
    /// Number of samples.
    pub samples: usize,
    /// Key of all random numbers.
    pub seed: u64,
    /// Which step this is: random numbers differ from step to step.
    pub step: u64,
}

/// A graph that is ready to run.
#[derive(Debug)]
pub struct Program {
    graph: Graph,
    engine: Option<Engine>,
    /// [`Options::memory`].
    memory: Option<u64>,
}

/// The plan of a graph and the memory to follow it.
#[derive(Debug)]
struct Engine {
    plan: Plan,
    machine: Machine,
    /// State of the variables that the first phase's shared values were made from.
    made_from: Option<(u64, u64, Vec<usize>)>,
    /// Runs whose steps were timed, and the seconds they took; `None` unless times are taken.
    timed: Option<(usize, f64)>,
}

impl Program {
    /// Decides how `graph` is run.
    ///
    /// # Errors
    ///
    /// [`EngineError::Graph`] if the graph is not valid; [`EngineError::Memory`] if what all samples
    /// share does not fit.
    pub fn compile(graph: Graph, options: &Options) -> Result<Self, EngineError> {
        verify("as given", &graph)?;
        let engine = match options.runtime {
            Runtime::Reference => None,
            Runtime::Unfused | Runtime::Fused => {
                let plan = plan(&graph, options)?;
                let machine = Machine::new(options, &plan)?;
                Some(Engine { plan, machine, made_from: None, timed: None })
            }
        };
        Ok(Self { graph, engine, memory: options.memory })
    }

    /// The graph as it was given.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The plan as text: how a batch of `samples` is divided among the threads and what memory that
    /// takes, then every step with its kernel and shapes. The graph, for the reference runtime.
    pub fn plan_text(&self, samples: usize) -> String {
        match &self.engine {
            None => self.graph.to_string(),
            Some(Engine { plan, machine, .. }) => {
                format!("{}\n{plan}", plan.division_text(samples, machine.threads()))
            }
        }
    }

    /// Bytes of memory that the program holds between runs, for values that all samples share and for
    /// those of the last batch. The reference runtime holds none.
    pub fn held_bytes(&self) -> usize {
        self.engine.as_ref().map_or(0, |engine| engine.machine.held_bytes())
    }

    /// Gives that memory back; the next run takes it anew, which costs about as much as writing to all
    /// of it once.
    pub fn release_memory(&mut self) {
        if let Some(engine) = &mut self.engine {
            engine.machine.release_memory();
            engine.made_from = None;
        }
    }

    /// Takes the time of every step of the runs from now on. The reference runtime has no steps.
    pub fn start_profile(&mut self) {
        if let Some(engine) = &mut self.engine {
            engine.machine.start_profile(&engine.plan);
            engine.timed = Some((0, 0.0));
        }
    }

    /// Where the time went since [`Program::start_profile`]; takes no more times.
    pub fn take_profile(&mut self) -> Profile {
        let Some(engine) = &mut self.engine else { return Profile::default() };
        let Some((runs, seconds)) = engine.timed.take() else { return Profile::default() };
        let steps = engine.machine.take_profile(&engine.plan);
        let peak_flops = peak_flops(engine.machine.isa());
        Profile { steps, runs, threads: engine.machine.threads(), seconds, peak_flops }
    }

    /// Computes the outputs, in the order in which the graph lists them, and stores the updates.
    ///
    /// # Errors
    ///
    /// [`EngineError::Input`] or [`EngineError::Variable`] if what is fed does not fit,
    /// [`EngineError::Memory`] if there is too little memory for so many samples. The variables are
    /// unchanged then.
    pub fn run(&mut self, run: &mut Run<'_>) -> Result<Vec<Tensor>, EngineError> {
        let Some(engine) = &mut self.engine else {
            return Ok(self.run_exact(run)?.iter().map(Array::to_f32).collect());
        };
        check_variables(&self.graph, run)?;
        let inputs = engine
            .plan
            .inputs
            .iter()
            .map(|(name, shape)| find_input(run.inputs, name, shape.n_elements(run.samples)))
            .collect::<Result<Vec<_>, _>>()?;
        let state = (run.variables.id(), run.variables.version(), run.binding.to_vec());
        // Taken: a run that fails may leave some of it undone.
        let made_from = engine.made_from.take();
        let shared_is_current = engine.plan.is_steady() && made_from.as_ref() == Some(&state);
        let moment = Moment { batch: run.samples, first_sample: 0, seed: run.seed, step: run.step };
        let start = engine.timed.map(|_| Instant::now());
        let outputs = engine.machine.run(
            &engine.plan,
            &inputs,
            run.variables,
            run.binding,
            moment,
            shared_is_current,
        )?;
        engine.made_from = Some(state);
        if let (Some((runs, seconds)), Some(start)) = (&mut engine.timed, start) {
            *runs += 1;
            *seconds += start.elapsed().as_secs_f64();
        }
        Ok(outputs)
    }

    /// Position of the first of `values` that is infinite or not a number, looked for by the threads of
    /// the program.
    pub fn first_non_finite(&self, values: &[f32]) -> Option<usize> {
        match &self.engine {
            Some(engine) => engine.machine.first_non_finite(values),
            None => first_non_finite(values),
        }
    }

    /// As [`Program::run`] by the reference runtime, with its `f64` results.
    ///
    /// # Errors
    ///
    /// As for [`Program::run`].
    pub fn run_exact(&self, run: &mut Run<'_>) -> Result<Vec<Array<f64>>, EngineError> {
        check_variables(&self.graph, run)?;
        // At least one value is held at a time.
        let sizes = self.graph.nodes().iter().map(|node| node.shape.n_elements(run.samples));
        let what = || batch_text(run.samples);
        check_memory(what, 8.0 * sizes.max().unwrap_or(0) as f64, self.memory)?;
        let mut feed =
            Feed { samples: run.samples, seed: run.seed, step: run.step, ..Feed::default() };
        for node in self.graph.nodes() {
            let Op::Input(input) = &node.op else { continue };
            let data = find_input(run.inputs, &input.name, node.shape.n_elements(run.samples))?;
            let dims = node.shape.sizes(run.samples);
            let value = Array::from_fn(dims, |i| f64::from(data[i]));
            feed.inputs.insert(input.name.clone(), value);
        }
        feed.variables = run.binding.iter().map(|&index| run.variables.exact(index)).collect();
        let mut outputs = evaluate(&self.graph, &mut feed)?;
        for update in self.graph.updates() {
            let value = feed.variables[update.variable.index()].clone();
            run.variables.set_exact(run.binding[update.variable.index()], value);
        }
        Ok(self.graph.outputs().iter().filter_map(|(name, _)| outputs.remove(name)).collect())
    }
}

/// All that happens to a graph before it runs.
fn plan(graph: &Graph, options: &Options) -> Result<Plan, EngineError> {
    let graph = simplify(graph)?;
    let placement = place(&graph);
    let (graph, placement) = match options.runtime {
        Runtime::Fused => recompute(graph, placement)?,
        _ => (graph, placement),
    };
    let groups = group(&graph, &placement, options.runtime == Runtime::Fused);
    let layouts = Layouts::choose(&graph);
    Ok(lower(&graph, &placement, &groups, layouts))
}

/// Every variable of the graph must be bound to a value of its shape.
fn check_variables(graph: &Graph, run: &Run<'_>) -> Result<(), EngineError> {
    for (i, info) in graph.variables().iter().enumerate() {
        let got = match run.binding.get(i) {
            Some(&index) if index < run.variables.len() => run.variables.get(index).dims().to_vec(),
            _ => Vec::new(),
        };
        if got != info.dims || run.binding.len() <= i {
            let (name, expected) = (info.name.clone(), info.dims.clone());
            return Err(EngineError::Variable { name, expected, got });
        }
    }
    Ok(())
}

/// The elements fed for input `name`, which must be `n` of them.
fn find_input<'a>(
    inputs: &[(&str, &'a [f32])],
    name: &str,
    n: usize,
) -> Result<&'a [f32], EngineError> {
    let error = |got: String| EngineError::Input {
        name: name.to_owned(),
        expected: format!("{n} elements"),
        got,
    };
    let (_, data) =
        inputs.iter().find(|(fed, _)| *fed == name).ok_or_else(|| error("nothing".to_owned()))?;
    if data.len() != n {
        return Err(error(format!("{} elements", data.len())));
    }
    Ok(data)
}
