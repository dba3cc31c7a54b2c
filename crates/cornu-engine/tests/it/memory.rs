//! Too little memory is an error.

use cornu_engine::{EngineError, Options, Program, Run, Runtime, Variables};
use cornu_graph::{Graph, GraphError, MAX_ELEMENTS};
use cornu_tensor::{Shape, Tensor};

/// `n` numbers of each sample, multiplied by their sums over the batch: two phases.
fn graph(n: usize) -> Graph {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched([n])).unwrap();
    let sum = graph.sum(x, &[0], true).unwrap();
    let y = graph.exp(x).unwrap();
    let z = graph.mul(y, sum).unwrap();
    graph.set_output("z", z);
    graph
}

fn run(program: &mut Program, x: &[f32], samples: usize) -> Result<Vec<Tensor>, EngineError> {
    let inputs = [("x", x)];
    let variables = &mut Variables::new();
    program.run(&mut Run { inputs: &inputs, variables, binding: &[], samples, seed: 1, step: 0 })
}

#[test]
fn a_batch_beyond_the_memory_is_an_error_and_a_smaller_one_runs() {
    let options = Options::from_environment().unwrap().threads(1);
    for runtime in [Runtime::Reference, Runtime::Unfused, Runtime::Fused] {
        let options = options.clone().runtime(runtime).memory(Some(100_000));
        let mut program = Program::compile(graph(8), &options).unwrap();
        let x = vec![0.5; 8 * 2000];
        let small = run(&mut program, &x[..8 * 20], 20).unwrap();
        let error = run(&mut program, &x, 2000).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, EngineError::Memory { limit: Some(100_000), .. }), "{text}");
        for part in ["a batch of 2000 samples", " kB of memory", "are 100.0 kB", "smaller batch"] {
            assert!(text.contains(part), "{runtime:?}: `{part}` is not in: {text}");
        }
        assert_eq!(run(&mut program, &x[..8 * 20], 20).unwrap(), small, "{runtime:?}");
    }
}

#[test]
fn what_the_system_refuses_is_an_error() {
    // Without data: samples of no elements, kept in a value of many.
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched([0])).unwrap();
    let y = graph.sum(x, &[1], true).unwrap();
    let y = graph.broadcast_to(y, Shape::batched([1 << 20])).unwrap();
    graph.set_output("y", y);
    let options = Options::from_environment().unwrap().memory(None);
    let mut program = Program::compile(graph, &options).unwrap();
    for samples in [1 << 40, usize::MAX] {
        let error = run(&mut program, &[], samples).unwrap_err();
        assert!(matches!(error, EngineError::Memory { limit: None, .. }), "{error}");
    }
    assert_eq!(run(&mut program, &[], 1).unwrap()[0].len(), 1 << 20);
}

#[test]
fn batches_and_plans_of_any_size_can_be_asked_about() {
    let options = Options::from_environment().unwrap();
    options.check_batch(1, &[vec![2, 2]]).unwrap();
    for (samples, dims) in [(usize::MAX, vec![usize::MAX, 2]), (1 << 50, vec![128, 128, 1])] {
        let error = options.check_batch(samples, &[dims]).unwrap_err();
        assert!(error.to_string().contains("B of memory"), "{error}");
    }
    let mut large = Graph::new();
    let x = large.input("x", Shape::batched([MAX_ELEMENTS])).unwrap();
    let y = large.exp(x).unwrap();
    large.set_output("y", y);
    let program = Program::compile(large, &options.clone().memory(None)).unwrap();
    assert!(program.plan_text(usize::MAX).contains(" EB; "));
}

#[test]
fn a_value_that_cannot_be_counted_with_is_refused() {
    for dims in [vec![MAX_ELEMENTS + 1], vec![1 << 40, 1 << 40], vec![0, 1 << 41]] {
        let error = Graph::new().input("x", Shape::batched(dims)).unwrap_err();
        assert!(matches!(error, GraphError::TooLarge { .. }), "{error}");
    }
}

#[test]
fn memory_that_is_given_back_is_taken_again() {
    let options = Options::from_environment().unwrap().threads(2);
    let mut program = Program::compile(graph(8), &options).unwrap();
    assert_eq!(program.held_bytes(), 0);
    let x: Vec<f32> = (0..8 * 20).map(|i| i as f32 / 100.0).collect();
    let first = run(&mut program, &x, 20).unwrap();
    assert!(program.held_bytes() > 0);
    program.release_memory();
    assert_eq!(program.held_bytes(), 0);
    assert_eq!(run(&mut program, &x, 20).unwrap(), first);
}
