//! Every gradient rule against central differences of the op's definition.

use std::collections::{BTreeMap, BTreeSet};

use cornu_graph::{Feed, Graph, GraphError, Op, ValueId, evaluate, gradient_from, verify};
use cornu_tensor::{Array, Shape};
use cornu_testkit::compare::close;
use cornu_testkit::{Random, finite_difference};

use crate::gradient_cases::cases;

/// A graph in the making, with numbers for its inputs.
pub(crate) struct Draw {
    pub(crate) graph: Graph,
    pub(crate) random: Random,
    samples: usize,
    values: Vec<Array<f64>>,
    differentiable: Vec<(usize, ValueId)>,
}

/// Which numbers an input gets.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Numbers {
    /// Normal.
    Normal,
    /// Uniform in a range.
    Uniform(f64, f64),
    /// All different by at least 0.05, in random order: no ties, and no step of a finite
    /// difference changes which is the largest.
    Distinct,
}

impl Draw {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let samples = 1 + random.below(3);
        Self {
            graph: Graph::new(),
            random,
            samples,
            values: Vec::new(),
            differentiable: Vec::new(),
        }
    }

    /// Another number of samples, before there is any input.
    pub(crate) fn take_samples(&mut self, samples: usize) {
        assert!(self.values.is_empty());
        self.samples = samples;
    }

    /// A number in `low..=high`.
    pub(crate) fn size(&mut self, low: usize, high: usize) -> usize {
        low + self.random.below(high - low + 1)
    }

    /// An input whose gradient is checked.
    pub(crate) fn input(&mut self, shape: Shape, numbers: Numbers) -> ValueId {
        let value = self.undifferentiated(shape, numbers);
        self.differentiable.push((self.values.len() - 1, value));
        value
    }

    /// An input that no gradient is asked for.
    pub(crate) fn undifferentiated(&mut self, shape: Shape, numbers: Numbers) -> ValueId {
        let dims = shape.sizes(self.samples);
        let array = match numbers {
            Numbers::Normal => self.random.array_f64(dims),
            Numbers::Uniform(low, high) => Array::from_fn(dims, |_| self.random.uniform(low, high)),
            Numbers::Distinct => {
                let n: usize = dims.iter().product();
                let mut order: Vec<usize> = (0..n).collect();
                for i in (1..n).rev() {
                    order.swap(i, self.random.below(i + 1));
                }
                // Neither 0 nor a whole number nor a half is among them.
                Array::from_fn(dims, |i| 0.1 * (order[i] as f64 - (n / 2) as f64) + 0.027)
            }
        };
        self.fed(shape, array)
    }

    /// Whole numbers in `0..end`, such as indices.
    pub(crate) fn whole(&mut self, shape: Shape, end: usize) -> ValueId {
        let array = Array::from_fn(shape.sizes(self.samples), |_| self.random.below(end) as f64);
        self.fed(shape, array)
    }

    /// An input with these numbers that no gradient is asked for.
    pub(crate) fn fed(&mut self, shape: Shape, array: Array<f64>) -> ValueId {
        self.values.push(array);
        self.graph.input((self.values.len() - 1).to_string(), shape).unwrap()
    }
}

/// An op applied to inputs drawn for it.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) gradient: Gradient,
    pub(crate) build: Box<dyn Fn(&mut Draw) -> ValueId>,
}

/// What is known of a case's gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gradient {
    /// It is what central differences say.
    Checked,
    /// There is none to flow, though the value may change: integers, random numbers, stops.
    Stopped,
    /// The rule is refused.
    Refused,
}

fn run(graph: &Graph, samples: usize, inputs: &[Array<f64>]) -> BTreeMap<String, Array<f64>> {
    let inputs = inputs.iter().enumerate().map(|(i, x)| (i.to_string(), x.clone())).collect();
    let mut feed = Feed { inputs, samples, seed: 5, ..Feed::default() };
    feed.variables =
        graph.variables().iter().map(|info| Array::full(info.dims.clone(), 0.5)).collect();
    evaluate(graph, &mut feed).unwrap()
}

fn check(case: &Case, seed: u64) {
    let mut draw = Draw::new(seed);
    let output = (case.build)(&mut draw);
    let Draw { graph: mut forward, mut random, samples, mut values, differentiable } = draw;
    let label = format!("{} with seed {seed}", case.name);
    verify(&label, &forward).unwrap();

    let cotangent_shape = forward.shape(output).clone();
    values.push(random.array_f64(cotangent_shape.sizes(samples)));
    let mut graph = forward.clone();
    let cotangent = graph.input((values.len() - 1).to_string(), cotangent_shape).unwrap();
    let wrt: Vec<ValueId> = differentiable.iter().map(|(_, value)| *value).collect();
    let gradients = gradient_from(&mut graph, &[(output, cotangent)], &wrt);
    match case.gradient {
        Gradient::Refused => {
            assert!(matches!(gradients, Err(GraphError::NoGradient { .. })), "{label}");
            return;
        }
        Gradient::Stopped => {
            assert!(gradients.unwrap().iter().all(Option::is_none), "{label}");
            return;
        }
        Gradient::Checked => {}
    }
    let gradients = gradients.unwrap();
    verify(&label, &graph).unwrap();
    for (i, gradient) in gradients.iter().enumerate() {
        if let Some(gradient) = gradient {
            graph.set_output(i.to_string(), *gradient);
        }
    }
    let mut computed = run(&graph, samples, &values);

    forward.set_output("y", output);
    let cotangent = values.pop().unwrap();
    let objective = |inputs: &[Array<f64>]| {
        let y = &run(&forward, samples, inputs)["y"];
        y.data().iter().zip(cotangent.data()).map(|(y, dy)| y * dy).sum::<f64>()
    };
    assert!(objective(&values).is_finite(), "{label}");
    for (i, &(which, _)) in differentiable.iter().enumerate() {
        // A gradient that does not flow is 0.
        let zeros = || Array::zeros(values[which].dims());
        let computed = computed.remove(&i.to_string()).unwrap_or_else(zeros);
        let truth = finite_difference(objective, &values, which, 1e-5);
        if let Err(difference) = close(&computed, &truth, 1e-6, 1e-6) {
            panic!("{label}, operand {i}: {difference}");
        }
    }
}

#[test]
fn gradients_meet_central_differences() {
    for case in cases() {
        for seed in 0..3 {
            check(&case, seed);
        }
    }
}

#[test]
fn every_op_has_a_case() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        let mut draw = Draw::new(0);
        let output = (case.build)(&mut draw);
        seen.insert(draw.graph.node(output).op.kind());
        // Leaves come to be checked by being read.
        let is_leaf = |op: &Op| {
            matches!(op, Op::Input(_) | Op::Variable(_) | Op::Constant(_) | Op::BatchSize(_))
        };
        let leaves = draw.graph.nodes().iter().map(|node| &node.op).filter(|op| is_leaf(op));
        seen.extend(leaves.map(Op::kind));
    }
    let missing: Vec<_> = Op::KINDS.iter().filter(|kind| !seen.contains(**kind)).collect();
    assert!(missing.is_empty(), "no case ends in {missing:?}");
}
