//! Runs one graph in all runtimes and compares.

use cornu_engine::{Options, Program, Run, Runtime, Variables};
use cornu_graph::{Graph, Op};
use cornu_tensor::{Array, Tensor};
use cornu_testkit::Random;

/// Outputs and updated variables of one run.
pub(crate) struct Results {
    pub(crate) values: Vec<Tensor>,
}

/// Runs `graph` twice (so that what is kept between runs is tested too) on random inputs.
pub(crate) fn run(graph: &Graph, options: &Options, samples: usize, seed: u64) -> Results {
    let mut rng = Random::new(seed);
    let mut variables = Variables::new();
    let binding: Vec<usize> = graph
        .variables()
        .iter()
        .map(|info| {
            let n: usize = info.dims.iter().product();
            let data = (0..n).map(|_| rng.normal() as f32 * 0.3).collect();
            variables.push(Tensor::new(info.dims.clone(), data).unwrap())
        })
        .collect();
    let inputs: Vec<(String, Vec<f32>)> = graph
        .nodes()
        .iter()
        .filter_map(|node| match &node.op {
            Op::Input(input) => {
                let n = node.shape.n_elements(samples);
                Some((input.name.clone(), (0..n).map(|_| rng.normal() as f32).collect()))
            }
            _ => None,
        })
        .collect();
    let inputs: Vec<(&str, &[f32])> =
        inputs.iter().map(|(name, data)| (name.as_str(), data.as_slice())).collect();
    let mut program = Program::compile(graph.clone(), options).unwrap();
    let mut values = Vec::new();
    for step in 0..2 {
        let mut run = Run {
            inputs: &inputs,
            variables: &mut variables,
            binding: &binding,
            samples,
            seed: 5,
            step,
        };
        values.extend(program.run(&mut run).unwrap());
    }
    values.extend(binding.iter().map(|&index| variables.get(index).clone()));
    Results { values }
}

/// Compares all runtimes on `graph` with the reference, and several threads bit by bit with one.
#[track_caller]
pub(crate) fn check(graph: &Graph, samples: usize) {
    let options = Options::from_environment().unwrap();
    let reference = run(graph, &options.clone().runtime(Runtime::Reference), samples, 1);
    for runtime in [Runtime::Unfused, Runtime::Fused] {
        let options = options.clone().runtime(runtime);
        let one = run(graph, &options.clone().threads(1), samples, 1);
        for (i, (got, expected)) in one.values.iter().zip(&reference.values).enumerate() {
            assert_eq!(got.dims(), expected.dims(), "{runtime:?} result {i}");
            close(got, expected, &format!("{runtime:?}, {samples} samples, result {i}\n{graph}"));
        }
        for threads in [2, 3, 7] {
            let many = run(graph, &options.clone().threads(threads), samples, 1);
            for (one, many) in one.values.iter().zip(&many.values) {
                let bits = |t: &Tensor| t.data().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(one), bits(many), "{runtime:?} on {threads} threads");
            }
        }
    }
}

#[track_caller]
fn close(got: &Tensor, expected: &Tensor, what: &str) {
    let scale = expected.data().iter().fold(0.0f32, |m, x| m.max(x.abs()));
    let worst = got.data().iter().zip(expected.data()).map(|(a, b)| (a - b).abs()).enumerate();
    for (i, error) in worst {
        let allowed = 2e-5 * scale + 1e-6;
        let same = got.data()[i].to_bits() == expected.data()[i].to_bits();
        assert!(
            same || error <= allowed,
            "element {i}: {} instead of {} ({error:e} > {allowed:e}) of {}\n{what}",
            got.data()[i],
            expected.data()[i],
            Array::<f32>::clone(got),
        );
    }
}
