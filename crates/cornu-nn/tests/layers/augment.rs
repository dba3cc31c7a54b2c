//! Golden cases of kind `augment`: a random picture layer applied with the transformation that
//! Keras drew, and the spread of what the layer draws itself.

use std::f64::consts::PI;

use cornu_graph::{Graph, GraphError, ValueId};
use cornu_nn::layers::{
    CallArguments, RandomBrightness, RandomContrast, RandomFlip, RandomRotation, RandomTranslation,
    RandomZoom,
};
use cornu_nn::{ConfigReader, LayerError, LowerCx};
use cornu_tensor::{Shape, Tensor};
use cornu_testkit::Case;

use crate::layers::read_layer;
use crate::runtimes::Experiment;
use crate::tally::{Outcome, run};

#[test]
fn random_picture_layers_transform_as_keras_does() {
    run("augment", 33, |case| {
        if let Err(error) = read_layer(&case.json["object"]) {
            return Outcome::Refused(error.to_string());
        }
        match apply(case) {
            Ok(experiment) => {
                let mut messages = experiment.check(case);
                messages.extend(check_inference_and_draws(case));
                Outcome::of(messages)
            }
            Err(error) => Outcome::Failed(vec![error.to_string()]),
        }
    });
}

/// The layer applied to the golden pictures with the golden transformation.
fn apply(case: &Case) -> Result<Experiment, LayerError> {
    let pictures = case.f32("in.0").unwrap();
    let (class, mut config) = (case.class(), ConfigReader::new(case.config())?);
    let config = &mut config;
    let (drawn, lower): (Tensor, Lower) = match class {
        "RandomFlip" => {
            let layer = RandomFlip::from_config(config)?;
            (tensor(case, "flips"), Box::new(move |g, x, d| layer.transform(g, x, d)))
        }
        "RandomContrast" => {
            let layer = RandomContrast::from_config(config)?;
            (tensor(case, "contrast_factor"), Box::new(move |g, x, d| layer.transform(g, x, d)))
        }
        "RandomBrightness" => {
            let layer = RandomBrightness::from_config(config)?;
            (tensor(case, "rgb_delta"), Box::new(move |g, x, d| layer.transform(g, x, d)))
        }
        "RandomRotation" => {
            let layer = RandomRotation::from_config(config)?;
            let degrees = tensor(case, "angle");
            let n = degrees.len();
            let degrees = degrees.reshaped([n, 1]).unwrap();
            let lower = move |g: &mut Graph, x, degrees| {
                let radians = g.mul_scalar(degrees, PI / 180.0)?;
                layer.transform(g, x, radians)
            };
            (degrees, Box::new(lower))
        }
        "RandomTranslation" => {
            let layer = RandomTranslation::from_config(config)?;
            (tensor(case, "translations"), Box::new(move |g, x, d| layer.transform(g, x, d)))
        }
        "RandomZoom" => {
            let layer = RandomZoom::from_config(config)?;
            let (width, height) = (tensor(case, "width_zoom"), tensor(case, "height_zoom"));
            let zooms =
                Tensor::from_fn([width.len(), 2], |i| [&width, &height][i % 2].data()[i / 2]);
            (zooms, Box::new(move |g, x, d| layer.transform(g, x, d)))
        }
        other => panic!("{other} is in the catalogue but not in this test"),
    };
    let mut graph = Graph::new();
    let x = graph.input("in.0", Shape::batched(&pictures.dims()[1..]))?;
    let d = graph.input("drawn", Shape::batched(&drawn.dims()[1..]))?;
    let y = lower(&mut graph, x, d)?;
    graph.set_output("out.0", y);
    Ok(Experiment {
        graph,
        samples: pictures.dims()[0],
        inputs: vec![("in.0".to_owned(), pictures), ("drawn".to_owned(), drawn)],
        variables: Vec::new(),
        expected: vec!["out.0".to_owned()],
        after: Vec::new(),
        // Keras works in `f32` here, and so does what was drawn.
        exact_to: Some(2e-5),
    })
}

type Lower = Box<dyn Fn(&mut Graph, ValueId, ValueId) -> Result<ValueId, GraphError>>;

fn tensor(case: &Case, name: &str) -> Tensor {
    case.f32(&format!("tr.{name}")).unwrap()
}

/// The layer as a whole: the identity at inference, something else in training, and other draws at
/// each step.
fn check_inference_and_draws(case: &Case) -> Vec<String> {
    let layer = read_layer(&case.json["object"]).unwrap();
    let pictures = case.f32("in.0").unwrap();
    let experiment = |training: bool| {
        let mut graph = Graph::new();
        let x = graph.input("in.0", Shape::batched(&pictures.dims()[1..])).unwrap();
        let y = layer
            .lower(
                &mut LowerCx {
                    graph: &mut graph,
                    training,
                    trainable: true,
                    weights: &[],
                    weight_updates: &mut Vec::new(),
                    losses: &mut Vec::new(),
                    next_stream: &mut 0,
                    call: &CallArguments::default(),
                },
                &[x],
            )
            .unwrap();
        graph.set_output("y", y);
        Experiment {
            graph,
            samples: pictures.dims()[0],
            inputs: vec![("in.0".to_owned(), pictures.clone())],
            variables: Vec::new(),
            expected: Vec::new(),
            after: Vec::new(),
            exact_to: None,
        }
    };
    let mut messages = Vec::new();
    if experiment(false).outputs(1, 0)[0] != pictures {
        messages.push("not the identity at inference".to_owned());
    }
    let training = experiment(true);
    let steps: Vec<Tensor> = (0..8).map(|step| training.outputs(1, step).remove(0)).collect();
    if steps.iter().all(|y| *y == steps[0]) {
        messages.push("draws the same at each step".to_owned());
    }
    messages
}
