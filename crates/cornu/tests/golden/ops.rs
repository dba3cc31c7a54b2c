//! Golden cases of kind `op`: functions of `keras.ops`, with their gradients.

use cornu_graph::ops::{FillMode, Interpolation, Sampling};
use cornu_graph::{Graph, ValueId, gradient_from};
use cornu_nn::layers::{CallArguments, Padding};
use cornu_nn::{LayerError, LowerCx, ops};
use cornu_tensor::{Dim, Shape};
use cornu_testkit::Case;
use cornu_testkit::golden::number;
use serde_json::{Value, json};

use crate::layers::read_layer;
use crate::runtimes::Experiment;
use crate::tally::{Failure, Verdict, verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    let values = case.list("in");
    let is_picture = case.function().starts_with("image.");
    // Functions of pictures also take one that is no batch.
    let is_single = is_picture && values[0].dims().len() == 3;
    let is_first = case.json["kwargs"]["data_format"] == "channels_first";
    let mut graph = Graph::new();
    let mut xs = Vec::new();
    for (i, value) in values.iter().enumerate() {
        let dims = value.dims();
        let shape = if is_single { Shape::fixed(dims) } else { Shape::batched(&dims[1..]) };
        xs.push(graph.input(format!("in.{i}"), shape)?);
    }
    let mut arguments = xs.clone();
    if is_single {
        for x in &mut arguments {
            let shape = graph.shape(*x).dims().to_vec();
            *x = graph.reshape(*x, Shape::new([vec![Dim::Fixed(1)], shape].concat()))?;
        }
    }
    if is_picture && is_first {
        arguments[0] = graph.transpose(arguments[0], &[0, 2, 3, 1])?;
    }
    let mut ys = call(case, &mut graph, &arguments)?;
    if is_picture && is_first {
        ys[0] = graph.transpose(ys[0], &[0, 3, 1, 2])?;
    }
    if is_single {
        let shape = Shape::new(graph.shape(ys[0]).dims()[1..].to_vec());
        ys[0] = graph.reshape(ys[0], shape)?;
    }

    let (mut inputs, mut expected, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for (i, &y) in ys.iter().enumerate() {
        graph.set_output(format!("out.{i}"), y);
        expected.push(format!("out.{i}"));
        let name = format!("gout.{i}");
        if let Some(value) = case.f32(&name) {
            let d_y = graph.input(&name, graph.shape(y).clone())?;
            ends.push((y, d_y));
            inputs.push((name, value));
        }
    }
    for (i, d_x) in gradient_from(&mut graph, &ends, &xs)?.into_iter().enumerate() {
        let name = format!("gin.{i}");
        match d_x {
            Some(d_x) if case.has(&name) => {
                graph.set_output(&name, d_x);
                expected.push(name);
            }
            None if case.has(&name) => {
                return Err(Failure::wrong(format!("{name}: no gradient")));
            }
            _ => {}
        }
    }
    let samples = if is_single { 1 } else { values[0].dims()[0] };
    inputs.extend(values.into_iter().enumerate().map(|(i, value)| (format!("in.{i}"), value)));
    // Keras resizes and moves pictures in `f32` whatever it is given; TensorFlow reads a table for
    // bicubic interpolation, and its weights for grey are rounded.
    let exact_to = match case.function() {
        "image.resize" | "image.affine_transform" => Some(2e-5),
        "image.rgb_to_grayscale" => Some(2e-7),
        _ => None,
    };
    let experiment = Experiment {
        graph,
        inputs,
        variables: Vec::new(),
        samples,
        expected,
        after: Vec::new(),
        exact_to,
    };
    verdict(experiment.check(case))
}

fn call(case: &Case, g: &mut Graph, xs: &[ValueId]) -> Result<Vec<ValueId>, Failure> {
    let kwargs = &case.json["kwargs"];
    let count = |key: &str| kwargs[key].as_u64().map(|n| n as usize);
    Ok(match case.function() {
        "image.resize" => vec![resize(g, xs[0], kwargs)?],
        "image.affine_transform" => vec![affine_transform(g, xs, kwargs)?],
        "image.rgb_to_grayscale" => vec![ops::rgb_to_grayscale(g, xs[0])?],
        "image.rgb_to_hsv" => vec![ops::rgb_to_hsv(g, xs[0])?],
        "image.hsv_to_rgb" => vec![ops::hsv_to_rgb(g, xs[0])?],
        "image.extract_patches" => {
            let size = pair(&kwargs["size"]).unwrap();
            let strides = pair(&kwargs["strides"]).unwrap_or(size);
            let dilation_rate = pair(&kwargs["dilation_rate"]).unwrap_or([1, 1]);
            let padding = if kwargs["padding"] == "same" { Padding::Same } else { Padding::Valid };
            vec![ops::extract_patches(g, xs[0], size, strides, dilation_rate, padding)?]
        }
        "image.pad_images" | "image.crop_images" => {
            let is_pad = case.function() == "image.pad_images";
            let dims = g.shape(xs[0]).dims().to_vec();
            let word = if is_pad { "padding" } else { "cropping" };
            let [(top, height), (left, width)] =
                [(1, "top", "bottom", "height"), (2, "left", "right", "width")].map(
                    |(axis, before, after, size)| {
                        let n = dims[axis].size(1);
                        let at = |side: &str| count(&format!("{side}_{word}"));
                        let target = count(&format!("target_{size}"));
                        let whole = |sides: usize| if is_pad { n + sides } else { n - sides };
                        let sides = at(before).zip(at(after)).map(|(a, b)| a + b);
                        let target = target.unwrap_or_else(|| whole(sides.unwrap()));
                        let gap = n.abs_diff(target);
                        (at(before).unwrap_or_else(|| gap - at(after).unwrap()), target)
                    },
                );
            let change = if is_pad { ops::pad_images } else { ops::crop_images };
            vec![change(g, xs[0], [top, left], [height, width])?]
        }
        "nn.one_hot" => {
            let rank = g.shape(xs[0]).dims().len() as i64;
            let axis = kwargs["axis"].as_i64().unwrap_or(-1);
            let axis = if axis < 0 { axis + rank + 1 } else { axis } as usize;
            vec![ops::one_hot(g, xs[0], count("num_classes").unwrap(), axis)?]
        }
        "nn.moments" => {
            let axes = axes(g, xs[0], &kwargs["axes"]);
            ops::moments(g, xs[0], &axes, kwargs["keepdims"] == true)?.to_vec()
        }
        "logsumexp" | "math.logsumexp" => {
            let axes = axes(g, xs[0], &kwargs["axis"]);
            vec![ops::logsumexp(g, xs[0], &axes, kwargs["keepdims"] == true)?]
        }
        other => return Err(Failure::Refused(format!("function `{other}`"))),
    })
}

/// One number for both axes, or one for each.
fn pair(value: &Value) -> Option<[usize; 2]> {
    match value {
        Value::Array(list) => Some([0, 1].map(|i| list[i].as_u64().unwrap() as usize)),
        one => one.as_u64().map(|n| [n as usize; 2]),
    }
}

/// Rising axes; all for null.
fn axes(g: &Graph, x: ValueId, value: &Value) -> Vec<usize> {
    let rank = g.shape(x).dims().len();
    let axis = |value: &Value| {
        let axis = value.as_i64().unwrap();
        (if axis < 0 { axis + rank as i64 } else { axis }) as usize
    };
    let mut axes = match value {
        Value::Null => (0..rank).collect(),
        Value::Array(list) => list.iter().map(axis).collect(),
        one => vec![axis(one)],
    };
    axes.sort_unstable();
    axes
}

/// The layer `Resizing` has all of the function's arguments.
fn resize(g: &mut Graph, x: ValueId, kwargs: &Value) -> Result<ValueId, LayerError> {
    let mut config = kwargs.clone();
    let [height, width] = pair(&kwargs["size"]).unwrap();
    config.as_object_mut().unwrap().remove("size");
    config["data_format"] = json!("channels_last");
    config["height"] = height.into();
    config["width"] = width.into();
    let layer = read_layer(&json!({"class_name": "Resizing", "config": config}))?;
    layer.lower(
        &mut LowerCx {
            graph: g,
            training: false,
            trainable: true,
            weights: &[],
            weight_updates: &mut Vec::new(),
            losses: &mut Vec::new(),
            next_stream: &mut 0,
            call: &CallArguments::default(),
        },
        &[x],
    )
}

fn affine_transform(g: &mut Graph, xs: &[ValueId], kwargs: &Value) -> Result<ValueId, Failure> {
    let refused = |key: &str| Failure::Refused(format!("{key} {}", kwargs[key]));
    let fill_mode = match kwargs["fill_mode"].as_str().unwrap_or("constant") {
        "reflect" => FillMode::Reflect,
        "wrap" => FillMode::Wrap,
        "constant" => FillMode::Constant,
        "nearest" => FillMode::Nearest,
        _ => return Err(refused("fill_mode")),
    };
    let interpolation = match kwargs["interpolation"].as_str().unwrap_or("bilinear") {
        "nearest" => Interpolation::Nearest,
        "bilinear" => Interpolation::Bilinear,
        _ => return Err(refused("interpolation")),
    };
    let fill_value = number(&kwargs["fill_value"]).unwrap_or(0.0);
    // Keras's transforms have two more columns, for perspective, which it leaves out.
    let transforms = g.slice(xs[1], 1, 0, 6, 1)?;
    Ok(g.affine_transform(xs[0], transforms, Sampling { fill_mode, fill_value, interpolation })?)
}
