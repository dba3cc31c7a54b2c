//! The picture ops against what the real Keras computed.

use cornu_graph::ops::{FillMode, Interpolation, Sampling};
use cornu_graph::{Feed, Graph, GraphError, ValueId, evaluate, gradient_from};
use cornu_tensor::{Array, Shape};
use cornu_testkit::golden::number;
use cornu_testkit::{Case, Cases};

/// Runs all cases that are there; `build` answers `None` for those it is not about.
fn check(kind: &str, build: impl Fn(&Case) -> Option<Array<f64>>) {
    let Some(cases) = Cases::find() else {
        eprintln!("skipped: no golden cases");
        return;
    };
    let mut n = 0;
    for case in cases.of_kind(kind) {
        if let Some(y) = build(&case) {
            case.check_f64("out.0", &y).unwrap();
            n += 1;
        }
    }
    assert!(0 < n, "no case of {kind} was about this");
}

fn run(
    inputs: &[&Array<f64>],
    build: impl FnOnce(&mut Graph, &[ValueId]) -> Result<ValueId, GraphError>,
) -> Array<f64> {
    let mut graph = Graph::new();
    let mut feed = Feed { samples: inputs[0].dims()[0], ..Feed::default() };
    let mut values = Vec::new();
    for (i, &x) in inputs.iter().enumerate() {
        values.push(graph.input(i.to_string(), Shape::batched(&x.dims()[1..])).unwrap());
        feed.inputs.insert(i.to_string(), x.clone());
    }
    let y = build(&mut graph, &values).unwrap();
    graph.set_output("y", y);
    evaluate(&graph, &mut feed).unwrap().remove("y").unwrap()
}

fn interpolation(name: Option<&str>) -> Option<Interpolation> {
    match name? {
        "nearest" => Some(Interpolation::Nearest),
        "bilinear" => Some(Interpolation::Bilinear),
        _ => None,
    }
}

#[test]
fn affine_transform_is_that_of_keras() {
    check("op", |case| {
        if case.function() != "image.affine_transform" {
            return None;
        }
        let arguments = &case.json["kwargs"];
        let fill_mode = match arguments["fill_mode"].as_str()? {
            "reflect" => FillMode::Reflect,
            "wrap" => FillMode::Wrap,
            "constant" => FillMode::Constant,
            "nearest" => FillMode::Nearest,
            other => panic!("fill mode {other}"),
        };
        let sampling = Sampling {
            fill_mode,
            fill_value: number(&arguments["fill_value"])?,
            interpolation: interpolation(arguments["interpolation"].as_str())?,
        };
        let (x, transforms) = (case.f64("in.0")?, case.f64("in.1")?);
        // Keras's have two more columns, of zeros.
        let transforms = Array::from_fn([transforms.dims()[0], 6], |i| {
            transforms.data()[i / 6 * transforms.dims()[1] + i % 6]
        });
        Some(run(&[&x, &transforms], |g, v| g.affine_transform(v[0], v[1], sampling)))
    });
}

#[test]
fn resize_is_that_of_keras() {
    check("op", |case| {
        if case.function() != "image.resize" {
            return None;
        }
        let arguments = &case.json["kwargs"];
        let interpolation = interpolation(arguments["interpolation"].as_str())?;
        let size = |axis: usize| arguments["size"][axis].as_u64().map(|size| size as usize);
        let (height, width) = (size(0)?, size(1)?);
        Some(run(&[&case.f64("in.0")?], |g, v| g.resize(v[0], height, width, interpolation)))
    });
}

/// `Resizing` without its other arguments, and the gradient of `UpSampling2D`.
#[test]
fn resizing_layers_are_those_of_keras() {
    check("layer", |case| {
        let config = case.config();
        let resizing = case.class() == "Resizing";
        let plain = |name: &str| !config[name].as_bool().unwrap_or(false);
        if !(resizing || case.class() == "UpSampling2D")
            || config["data_format"] != "channels_last"
            || !["antialias", "crop_to_aspect_ratio", "pad_to_aspect_ratio"].into_iter().all(plain)
        {
            return None;
        }
        let interpolation = interpolation(config["interpolation"].as_str())?;
        let (x, out) = (case.f64("in.0")?, case.f64("out.0")?);
        let &[_, height, width, _] = out.dims() else { return None };
        if let (Some(d_output), Some(d_input)) = (case.truth("gout.0"), case.truth("gin.0")) {
            let dx = run(&[&x, &d_output], |g, v| {
                let y = g.resize(v[0], height, width, interpolation)?;
                Ok(gradient_from(g, &[(y, v[1])], &v[..1])?[0].unwrap())
            });
            assert_eq!(dx.dims(), d_input.dims());
            case.check_f64("gin.0", &dx).unwrap();
        }
        Some(run(&[&x], |g, v| g.resize(v[0], height, width, interpolation)))
    });
}
