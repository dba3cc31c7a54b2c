//! Batch renormalization, against numbers of the real Keras.

use cornu_engine::{Options, Program, Run, Runtime, Variables};
use cornu_graph::{Graph, gradient};
use cornu_nn::layers::{BatchNormalization, CallArguments, RenormClipping};
use cornu_nn::{Initializer, Layer, LowerCx, SymbolicShape};
use cornu_tensor::{Array, Shape};

const WEIGHTS: [[f32; 2]; 7] =
    [[2.0, 0.5], [0.25, -1.0], [0.5, -0.5], [1.0, 2.0], [1.0, 1.5], [0.25, 0.0], [1.2, 0.8]];

fn layer() -> BatchNormalization {
    let clipping = RenormClipping { rmin: Some(0.9), rmax: Some(1.1), dmax: Some(0.4) };
    BatchNormalization::new()
        .momentum(0.9)
        .renorm(true)
        .renorm_clipping(clipping)
        .renorm_momentum(0.8)
}

/// Output, gradient with respect to the input and new values of the changed weights.
fn run(training: bool) -> (Vec<Array<f64>>, Variables) {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched([2])).unwrap();
    let ids: Vec<_> = (0..7).map(|i| graph.add_variable(format!("{i}"), [2])).collect();
    let weights: Vec<_> = ids.iter().map(|&id| graph.variable(id).unwrap()).collect();
    let mut updates = Vec::new();
    let mut cx = LowerCx {
        graph: &mut graph,
        training,
        trainable: true,
        weights: &weights,
        weight_updates: &mut updates,
        losses: &mut Vec::new(),
        next_stream: &mut 0,
        call: &CallArguments::default(),
    };
    let y = layer().lower(&mut cx, &[x]).unwrap();
    for (position, value) in updates {
        graph.set_update(ids[position], value).unwrap();
    }
    let factors = graph.input("factors", Shape::batched([2])).unwrap();
    let weighted = graph.mul(y, factors).unwrap();
    let sum = graph.sum_all(weighted).unwrap();
    let d_x = gradient(&mut graph, sum, &[x]).unwrap()[0].unwrap();
    graph.set_output("y", y);
    graph.set_output("d_x", d_x);
    let options = Options::from_environment().unwrap().runtime(Runtime::Reference);
    let program = Program::compile(graph, &options).unwrap();
    let mut variables = Variables::new();
    let binding: Vec<usize> =
        WEIGHTS.iter().map(|w| variables.push(Array::new([2], w.to_vec()).unwrap())).collect();
    let mut run = Run {
        inputs: &[
            ("x", &[1.0, -2.0, 3.0, 0.5, -1.0, 1.0]),
            ("factors", &[1.0, 2.0, -1.0, 0.5, 0.5, 3.0]),
        ],
        variables: &mut variables,
        binding: &binding,
        samples: 3,
        seed: 0,
        step: 0,
    };
    let exact = program.run_exact(&mut run).unwrap();
    (exact, variables)
}

fn close(got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() < tolerance, "expected {expected}, got {got}");
    }
}

#[test]
fn training_corrects_the_batch_towards_the_moving_statistics() {
    let (outputs, variables) = run(true);
    let y = [
        1.05,
        -1.8722944625361333,
        3.7439336518472004,
        -0.8248474681686788,
        -1.6439336518472,
        -0.615358069295188,
    ];
    let d_x = [
        1.1224723549363333,
        0.09459373656013005,
        -0.5616148698783039,
        -0.5676434649725695,
        -0.5608574850580296,
        0.4730497284124394,
    ];
    // The weights are rounded to `f32`.
    close(outputs[0].data(), &y, 1e-6);
    close(outputs[1].data(), &d_x, 1e-6);
    let after = [
        [0.55, -0.4666666666666667],
        [1.129670544153937, 2.193165431727201],
        [1.0633299319373724, 1.481271559075918],
        [0.4, -0.033333333333333326],
        [1.2866598638747444, 0.902543118151836],
    ];
    for (index, expected) in after.iter().enumerate() {
        let got: Vec<f64> = variables.get(2 + index).data().iter().map(|&x| x.into()).collect();
        close(&got, expected, 1e-6);
    }
}

#[test]
fn prediction_takes_the_moving_mean_and_variance() {
    let (outputs, variables) = run(false);
    let scale = |channel: usize| {
        f64::from(WEIGHTS[0][channel]) / (f64::from(WEIGHTS[3][channel]) + 1e-3).sqrt()
    };
    close(&outputs[0].data()[..2], &[0.25 + 0.5 * scale(0), -1.0 - 1.5 * scale(1)], 1e-9);
    assert_eq!(variables.get(3).data(), WEIGHTS[3]);
}

#[test]
fn deviations_start_with_the_root_of_the_variance() {
    let shape = [SymbolicShape::batched([2])];
    let start = |initializer: Initializer| {
        let layer = layer().moving_variance_initializer(initializer);
        layer.weights(&shape).map(|specs| (specs[4].values(1), specs[6].values(1)))
    };
    let (moving, renorm) = start(Initializer::Constant { value: 4.0 }).unwrap();
    assert_eq!((moving.data(), renorm.data()), (&[2.0, 2.0][..], &[2.0, 2.0][..]));
    let error = start(Initializer::GlorotUniform { seed: None }).unwrap_err().to_string();
    assert!(error.contains("moving_variance_initializer=GlorotUniform"), "{error}");
}
