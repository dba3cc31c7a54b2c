//! Denormal numbers count as zero, in every kernel and on every thread.

use cornu_engine::{Options, Program, Run, Runtime, Variables};
use cornu_graph::{Graph, gradient, ops};
use cornu_tensor::{Shape, Tensor};

/// A denormal number, and one that makes a normal one of it.
const TINY: f32 = 1e-40;
const LARGE: f32 = 1e8;

/// A convolution, a sum over its pixels and a dense layer, with the gradient of the convolution's
/// kernel: size, channels and filters choose the way of computing it.
fn graph(size: usize, channels: usize, filters: usize) -> Graph {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched([size, size, channels])).unwrap();
    let kernel = graph.add_variable("kernel", [3, 3, channels, filters]);
    let dense = graph.add_variable("dense", [filters, 5]);
    let (k, w) = (graph.variable(kernel).unwrap(), graph.variable(dense).unwrap());
    let conv = ops::Conv {
        strides: vec![1; 2],
        dilations: vec![1; 2],
        padding: vec![(1, 1); 2],
        groups: 1,
    };
    let y = graph.add_node(conv.into(), &[x, k]).unwrap();
    let y = graph.sum(y, &[1, 2], false).unwrap();
    graph.set_output("sums", y);
    let features = graph.add_scalar(y, f64::from(LARGE)).unwrap();
    let z = graph.matmul(features, w, false, false).unwrap();
    graph.set_output("dense", z);
    let loss = graph.sum(z, &[0, 1], false).unwrap();
    let gradients = gradient(&mut graph, loss, &[k, w]).unwrap();
    // What the dense layer hands back is denormal.
    graph.set_output("kernel_grad", gradients[0].unwrap());
    graph
}

/// The outputs of `graph` for variables that all are tiny and inputs that all are large.
fn outputs(graph: &Graph, sample_len: usize, runtime: Runtime, threads: usize) -> Vec<Tensor> {
    let options = Options::from_environment().unwrap().runtime(runtime).threads(threads);
    let mut variables = Variables::new();
    let binding: Vec<usize> = graph
        .variables()
        .iter()
        .map(|info| variables.push(Tensor::from_fn(info.dims.clone(), |_| TINY)))
        .collect();
    let samples = 3;
    let x = vec![LARGE; samples * sample_len];
    let mut program = Program::compile(graph.clone(), &options).unwrap();
    program
        .run(&mut Run {
            inputs: &[("x", &x)],
            variables: &mut variables,
            binding: &binding,
            samples,
            seed: 1,
            step: 0,
        })
        .unwrap()
}

#[test]
fn tiny_weights_count_as_zero() {
    // Planes, minimal filtering on planes, channels last, and minimal filtering of channels.
    for (size, channels, filters) in [(12, 1, 3), (64, 8, 12), (6, 40, 9), (16, 32, 32)] {
        let graph = graph(size, channels, filters);
        let sample_len = size * size * channels;
        // In `f64` the same numbers are not tiny.
        for output in outputs(&graph, sample_len, Runtime::Reference, 1) {
            assert!(output.data().iter().all(|&y| 1e-37 < y), "{:?}", output.data());
        }
        for (runtime, threads) in
            [(Runtime::Unfused, 1), (Runtime::Fused, 1), (Runtime::Fused, 2), (Runtime::Fused, 3)]
        {
            for output in outputs(&graph, sample_len, runtime, threads) {
                let zero = output.data().iter().all(|&y| y == 0.0);
                assert!(zero, "{channels} channels, {runtime:?} on {threads}: {:?}", output.data());
            }
        }
    }
}
