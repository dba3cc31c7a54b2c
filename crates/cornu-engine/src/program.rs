use cornu_graph::{Feed, Graph, Op, evaluate, verify};
use cornu_tensor::{Array, Tensor};

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
    options: Options,
}

impl Program {
    /// Decides how `graph` is run.
    ///
    /// # Errors
    ///
    /// [`EngineError::Graph`] if the graph is not valid.
    pub fn compile(graph: Graph, options: &Options) -> Result<Self, EngineError> {
        verify("as given", &graph)?;
        Ok(Self { graph, options: options.clone() })
    }

    /// The graph as it was given.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Computes the outputs, in the order in which the graph lists them, and stores the updates.
    ///
    /// # Errors
    ///
    /// [`EngineError::Input`] or [`EngineError::Variable`] if what is fed does not fit. The
    /// variables are unchanged then.
    pub fn run(&mut self, run: &mut Run<'_>) -> Result<Vec<Tensor>, EngineError> {
        match self.options.runtime {
            Runtime::Reference | Runtime::Unfused | Runtime::Fused => self.run_reference(run),
        }
    }

    /// As [`Program::run`], with `f64` results of the reference runtime.
    ///
    /// # Errors
    ///
    /// As for [`Program::run`].
    pub fn run_exact(&self, run: &mut Run<'_>) -> Result<Vec<Array<f64>>, EngineError> {
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

    fn run_reference(&self, run: &mut Run<'_>) -> Result<Vec<Tensor>, EngineError> {
        Ok(self.run_exact(run)?.iter().map(Array::to_f32).collect())
    }
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
