use cornu_engine::{Options, Program, Run, Runtime, Variables};
use cornu_graph::Graph;
use cornu_tensor::Tensor;
use cornu_testkit::Case;

/// The four ways of running, with their threads.
pub(crate) const RUNTIMES: [(Runtime, usize); 4] =
    [(Runtime::Reference, 1), (Runtime::Unfused, 1), (Runtime::Fused, 1), (Runtime::Fused, 2)];

/// A graph with what it is fed, and the golden tensor that each output is compared with.
pub(crate) struct Experiment {
    pub(crate) graph: Graph,
    pub(crate) inputs: Vec<(String, Tensor)>,
    /// Values of the graph's variables, in order.
    pub(crate) variables: Vec<Tensor>,
    pub(crate) samples: usize,
    /// Golden tensor of each output of the graph, in order.
    pub(crate) expected: Vec<String>,
    /// Golden tensor of variables after the run, by position.
    pub(crate) after: Vec<(usize, String)>,
    /// How close to Keras's `f64` results ours must be, relative to the scale. By default 1e-9;
    /// less where Keras rounds a constant of the formula, or what it drew, to `f32`.
    pub(crate) exact_to: Option<f64>,
}

impl Experiment {
    /// Runs on all runtimes and lists what is wrong.
    pub(crate) fn check(&self, case: &Case) -> Vec<String> {
        let mut messages = self.check_exact(case);
        let mut one_thread = None;
        for (runtime, threads) in RUNTIMES {
            let options = Options::from_environment().unwrap().runtime(runtime).threads(threads);
            let mut variables = self.new_variables();
            let run = |variables: &mut Variables| {
                let mut program = Program::compile(self.graph.clone(), &options)?;
                self.with_run(variables, |run| program.run(run))
            };
            match run(&mut variables) {
                Err(error) => messages.push(format!("{runtime:?}/{threads}: {error}")),
                Ok(outputs) => {
                    if runtime == Runtime::Fused {
                        let first = one_thread.get_or_insert_with(|| outputs.clone());
                        if !bit_equal(first, &outputs) {
                            messages.push("two threads give other bits than one".to_owned());
                        }
                    }
                    let outputs = self.expected.iter().zip(&outputs);
                    let after = self.after.iter().map(|(i, name)| (name, variables.get(*i)));
                    messages.extend(
                        outputs
                            .chain(after)
                            .filter_map(|(name, got)| case.check(name, got).err())
                            .map(|message| format!("{runtime:?}/{threads}: {message}")),
                    );
                }
            }
        }
        messages
    }

    /// The reference runtime's `f64` results against Keras's.
    fn check_exact(&self, case: &Case) -> Vec<String> {
        let options = Options::from_environment().unwrap().runtime(Runtime::Reference);
        let mut variables = self.new_variables();
        let outputs = Program::compile(self.graph.clone(), &options)
            .and_then(|program| self.with_run(&mut variables, |run| program.run_exact(run)));
        let outputs = match outputs {
            Ok(outputs) => outputs,
            Err(error) => return vec![format!("f64: {error}")],
        };
        let after = self.after.iter().map(|(i, name)| (name, variables.exact(*i)));
        self.expected
            .iter()
            .zip(outputs)
            .chain(after)
            .filter_map(|(name, got)| {
                let error = case.check_f64(name, &got).err()?;
                match self.exact_to {
                    Some(relative) => case.check_relative(name, &got, relative).err(),
                    None => Some(error),
                }
            })
            .map(|message| format!("f64: {message}"))
            .collect()
    }

    /// The reference runtime's rounded results.
    pub(crate) fn outputs(&self, seed: u64, step: u64) -> Vec<Tensor> {
        let options = Options::from_environment().unwrap().runtime(Runtime::Reference);
        let mut program = Program::compile(self.graph.clone(), &options).unwrap();
        let mut variables = self.new_variables();
        self.with_run(&mut variables, |run| {
            run.seed = seed;
            run.step = step;
            program.run(run)
        })
        .unwrap()
    }

    fn new_variables(&self) -> Variables {
        let mut variables = Variables::new();
        for value in &self.variables {
            variables.push(value.clone());
        }
        variables
    }

    fn with_run<T>(&self, variables: &mut Variables, f: impl FnOnce(&mut Run<'_>) -> T) -> T {
        let inputs: Vec<(&str, &[f32])> =
            self.inputs.iter().map(|(name, value)| (name.as_str(), value.data())).collect();
        let binding: Vec<usize> = (0..self.variables.len()).collect();
        f(&mut Run {
            inputs: &inputs,
            variables,
            binding: &binding,
            samples: self.samples,
            seed: 1,
            step: 0,
        })
    }
}

fn bit_equal(a: &[Tensor], b: &[Tensor]) -> bool {
    let bits = |tensors: &[Tensor]| -> Vec<u32> {
        tensors.iter().flat_map(|tensor| tensor.data()).map(|x| x.to_bits()).collect()
    };
    bits(a) == bits(b)
}
