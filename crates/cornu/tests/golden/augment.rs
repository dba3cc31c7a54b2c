//! Golden cases of kind `augment`: a random picture layer applied with the transformation that
//! Keras drew, and the spread of what the layer draws itself.

use std::f64::consts::PI;

use cornu_graph::{Graph, GraphError, ValueId};
use cornu_nn::layers::{
    CallArguments, RandomBrightness, RandomChange, RandomColorDegeneration, RandomContrast,
    RandomCrop, RandomErasing, RandomFlip, RandomGaussianBlur, RandomGrayscale, RandomHue,
    RandomInvert, RandomPerspective, RandomPosterization, RandomRotation, RandomSaturation,
    RandomSharpness, RandomShear, RandomTranslation, RandomZoom, Solarization,
};
use cornu_nn::{ConfigReader, LayerError, LowerCx};
use cornu_tensor::{Shape, Tensor};
use cornu_testkit::Case;

use crate::layers::read_layer;
use crate::runtimes::Experiment;
use crate::tally::{Verdict, verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    read_layer(&case.json["object"])?;
    let mut messages = apply(case)?.check(case);
    messages.extend(check_inference_and_draws(case));
    verdict(messages)
}

/// The layer applied to the golden pictures with what Keras drew, for layers that name what they draw.
fn change(case: &Case) -> Result<Option<Experiment>, LayerError> {
    let mut config = ConfigReader::new(case.config())?;
    let config = &mut config;
    let names: &[&str] = match case.class() {
        "RandomCrop" => &["0", "1"],
        "RandomShear" => &["shear_factor"],
        "RandomGrayscale" => &[""],
        "RandomPosterization" => &["shift_factor"],
        "RandomGaussianBlur" => &["should_apply_blur", "blur_factor"],
        "RandomInvert" => &["apply_inversion"],
        "Solarization" => &["additions", "thresholds"],
        "RandomErasing" => &["apply_erasing", "batch_masks", "fill_value"],
        "RandomPerspective" => &["apply_perspective", "start_points", "end_points"],
        _ => &["factor"],
    };
    let layer: Box<dyn RandomChange> = match case.class() {
        "RandomCrop" => Box::new(RandomCrop::from_config(config)?),
        "RandomShear" => Box::new(RandomShear::from_config(config)?),
        "RandomHue" => Box::new(RandomHue::from_config(config)?),
        "RandomSaturation" => Box::new(RandomSaturation::from_config(config)?),
        "RandomSharpness" => Box::new(RandomSharpness::from_config(config)?),
        "RandomColorDegeneration" => Box::new(RandomColorDegeneration::from_config(config)?),
        "RandomGrayscale" => Box::new(RandomGrayscale::from_config(config)?),
        "RandomPosterization" => Box::new(RandomPosterization::from_config(config)?),
        "RandomGaussianBlur" => Box::new(RandomGaussianBlur::from_config(config)?),
        "RandomInvert" => Box::new(RandomInvert::from_config(config)?),
        "Solarization" => Box::new(Solarization::from_config(config)?),
        "RandomErasing" => Box::new(RandomErasing::from_config(config)?),
        "RandomPerspective" => Box::new(RandomPerspective::from_config(config)?),
        _ => return Ok(None),
    };
    let pictures = case.f32("in.0").unwrap();
    let samples = pictures.dims()[0];
    let mut graph = Graph::new();
    let x = graph.input("in.0", Shape::batched(&pictures.dims()[1..]))?;
    let mut inputs = vec![("in.0".to_owned(), pictures)];
    let mut drawn = Vec::new();
    for name in names {
        // A crop that is no random one draws nothing.
        let value = match case.class() {
            "RandomCrop" if !case.has("tr.0") => Tensor::full([1], 0.0),
            _ => tensor(case, name),
        };
        // A number for each picture, or one for the whole batch.
        let is_shared = case.class() == "RandomCrop" || *name == "blur_factor";
        let dims = match value.dims() {
            [] => vec![1],
            [_] if !is_shared => vec![samples, 1, 1, 1],
            dims => dims.to_vec(),
        };
        let value = value.reshaped(&dims[..]).unwrap();
        let shape = if is_shared { Shape::fixed(&dims) } else { Shape::batched(&dims[1..]) };
        drawn.push(graph.input(format!("drawn.{name}"), shape)?);
        inputs.push((format!("drawn.{name}"), value));
    }
    let y = layer.transform(&mut graph, x, &drawn)?;
    graph.set_output("out.0", y);
    Ok(Some(Experiment {
        graph,
        samples,
        inputs,
        variables: Vec::new(),
        expected: vec!["out.0".to_owned()],
        after: Vec::new(),
        // Keras works in `f32` here, and so does what was drawn.
        exact_to: Some(2e-5),
    }))
}

/// The layer applied to the golden pictures with the golden transformation.
fn apply(case: &Case) -> Result<Experiment, LayerError> {
    if let Some(experiment) = change(case)? {
        return Ok(experiment);
    }
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
    let name = format!("tr.{name}");
    case.f32(&name).unwrap_or_else(|| panic!("{}: no {name}", case.id))
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
    let draws = case.class() != "RandomCrop" || case.has("tr.0");
    if draws && steps.iter().all(|y| *y == steps[0]) {
        messages.push("draws the same at each step".to_owned());
    }
    messages
}
