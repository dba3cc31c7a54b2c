//! Golden cases of kind `layer`: outputs, gradients, changed weights and losses of one layer.

use std::sync::Arc;

use cornu_graph::{Graph, ValueId, gradient_from};
use cornu_nn::layers::{CallArguments, check_dtype};
use cornu_nn::{ConfigReader, Layer, LayerError, LowerCx, SymbolicShape, layer_from_config};
use cornu_tensor::{Shape, Tensor};
use cornu_testkit::Case;
use cornu_testkit::golden::number;
use serde_json::{Map, Value};

use crate::runtimes::Experiment;
use crate::tally::{Failure, Verdict, verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    if let Some(key) = unknown_argument(case) {
        return Err(Failure::Refused(format!("call argument `{key}`")));
    }
    let layer = read_layer(&case.json["object"])?;
    check_layer(case, &*layer)
}

/// A call argument that layers do not take.
fn unknown_argument(case: &Case) -> Option<&str> {
    let known = [
        "mask",
        "attention_mask",
        "use_causal_mask",
        "return_attention_scores",
        "count_weights",
        "query_mask",
        "value_mask",
        "key_mask",
    ];
    let mut keys =
        case.json["call_kwargs"].as_object().into_iter().flat_map(|kwargs| kwargs.keys());
    keys.find(|key| !known.contains(&key.as_str())).map(String::as_str)
}

/// What the call is given besides its inputs, and the tensors that must be fed for it.
fn call_arguments(
    case: &Case,
    graph: &mut Graph,
) -> Result<(CallArguments, Vec<(String, Tensor)>), LayerError> {
    let kwargs = &case.json["call_kwargs"];
    let mut fed = Vec::new();
    let mut tensor = |value: &Value| -> Result<Option<ValueId>, LayerError> {
        let Some(name) = value.as_str().and_then(|text| text.strip_prefix("tensor:")) else {
            return Ok(None);
        };
        let numbers = case.f32(name).unwrap();
        let id = graph.input(name, Shape::batched(&numbers.dims()[1..]))?;
        fed.push((name.to_owned(), numbers));
        Ok(Some(id))
    };
    let of_inputs = ["query_mask", "value_mask", "key_mask"];
    let masks = match &kwargs["mask"] {
        Value::Null if of_inputs.iter().any(|key| kwargs[*key].is_string()) => {
            // Keras's MultiHeadAttention forgets the first.
            let forgotten = usize::from(case.class() == "MultiHeadAttention");
            let masks = of_inputs[forgotten..].iter().map(|key| tensor(&kwargs[*key]));
            let missing = std::iter::repeat_n(Ok(None), forgotten);
            missing.chain(masks).collect::<Result<_, _>>()?
        }
        Value::Array(list) => list.iter().map(&mut tensor).collect::<Result<_, _>>()?,
        one => vec![tensor(one)?],
    };
    let attention_mask = tensor(&kwargs["attention_mask"])?;
    let use_causal_mask = kwargs["use_causal_mask"] == true;
    let return_attention_scores = kwargs["return_attention_scores"] == true;
    let count_weights = tensor(&kwargs["count_weights"])?;
    let arguments = CallArguments {
        masks,
        attention_mask,
        use_causal_mask,
        return_attention_scores,
        count_weights,
    };
    Ok((arguments, fed))
}

/// Reads a layer as a model does.
pub(crate) fn read_layer(object: &Value) -> Result<Arc<dyn Layer>, LayerError> {
    let mut config = ConfigReader::new(&object["config"])?;
    config.ignore(&["name", "trainable", "dtype"]);
    check_dtype(&object["config"]["dtype"])?;
    let layer = layer_from_config(object["class_name"].as_str().unwrap(), &mut config)?;
    config.finish()?;
    Ok(layer)
}

fn check_layer(case: &Case, layer: &dyn Layer) -> Verdict {
    let mut messages = Vec::new();
    if let Err(message) = check_config(case, layer) {
        messages.push(message);
    }
    for mode in case.json["modes"].as_array().unwrap() {
        let training = mode == "train";
        match experiment(case, layer, training) {
            Ok((experiment, message)) => {
                messages.extend(message);
                messages.extend(experiment.check(case));
            }
            Err(error) => match Failure::from(error) {
                Failure::Wrong(texts) => messages.extend(texts),
                refused => return Err(refused),
            },
        }
    }
    verdict(messages)
}

/// The layer writes the configuration that it was read from.
fn check_config(case: &Case, layer: &dyn Layer) -> Result<(), String> {
    let mut expected = case.config().as_object().unwrap().clone();
    for key in ["name", "trainable", "dtype"] {
        expected.remove(key);
    }
    let shapes: Vec<SymbolicShape> =
        case.list("in").iter().map(|x| SymbolicShape::batched(&x.dims()[1..])).collect();
    let got = layer.built_config(&shapes);
    let differs: Vec<String> = expected
        .keys()
        .chain(got.keys())
        .filter(|&key| !same(expected.get(key), got.get(key)))
        .map(|key| format!("{key}: expected {:?}, got {:?}", expected.get(key), got.get(key)))
        .collect();
    if differs.is_empty() { Ok(()) } else { Err(format!("config: {}", differs.join(", "))) }
}

/// Equal, with numbers compared as `f32`.
fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => {
            a.as_f64().map(|x| x as f32) == b.as_f64().map(|x| x as f32)
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(Some(a), Some(b)))
        }
        (Some(Value::Object(a)), Some(Value::Object(b))) => same_objects(&plain(a), &plain(b)),
        (a, b) => a == b,
    }
}

/// A nested layer without the shape that Keras built it for.
fn plain(object: &Map<String, Value>) -> Map<String, Value> {
    let mut object = object.clone();
    object.remove("build_config");
    object
}

fn same_objects(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    a.len() == b.len() && a.iter().all(|(key, value)| same(Some(value), b.get(key)))
}

/// The graph of one mode of a case, and what its shapes, weights and losses get wrong.
fn experiment(
    case: &Case,
    layer: &dyn Layer,
    training: bool,
) -> Result<(Experiment, Vec<String>), LayerError> {
    let mut messages = Vec::new();
    let prefix = if training { "train." } else { "" };
    let (inputs, weights) = (case.list("in"), case.list("w"));
    let samples = inputs[0].dims()[0];
    let shapes: Vec<SymbolicShape> =
        inputs.iter().map(|input| SymbolicShape::batched(&input.dims()[1..])).collect();
    let mut output_shapes = layer.output_shapes(&shapes)?;
    if case.json["call_kwargs"]["return_attention_scores"] == true {
        output_shapes.extend(layer.scores_shape(&shapes));
    }
    let specs = layer.weights(&shapes)?;

    let described: Vec<(&str, &[usize], bool)> =
        specs.iter().map(|w| (w.name.as_str(), &w.dims[..], w.trainable)).collect();
    let golden = case.json["weights"].as_array().unwrap();
    let trainable = case.config()["trainable"] != false;
    let expected: Vec<(&str, &[usize], bool)> = golden
        .iter()
        .zip(&weights)
        .zip(&specs)
        .map(|((info, value), spec)| {
            let is_trainable = info["trainable"] == true || (!trainable && spec.trainable);
            (info["name"].as_str().unwrap(), value.dims(), is_trainable)
        })
        .collect();
    if described != expected || golden.len() != specs.len() {
        messages.push(format!("weights: expected {expected:?}, got {described:?}"));
    }

    let mut graph = Graph::new();
    let xs = (0..inputs.len())
        .map(|i| graph.input(format!("in.{i}"), Shape::batched(&inputs[i].dims()[1..])))
        .collect::<Result<Vec<_>, _>>()?;
    let mut ws = Vec::new();
    for (spec, i) in specs.iter().zip(0..) {
        let id = graph.add_variable(format!("w.{i}"), spec.dims.clone());
        ws.push((id, graph.variable(id)?));
    }
    let weight_values: Vec<ValueId> = ws.iter().map(|(_, value)| *value).collect();
    let (mut updates, mut losses, mut next_stream) = (Vec::new(), Vec::new(), 0);
    let (call, fed_by_call) = call_arguments(case, &mut graph)?;
    let mut cx = LowerCx {
        graph: &mut graph,
        training,
        trainable,
        weights: &weight_values,
        weight_updates: &mut updates,
        losses: &mut losses,
        next_stream: &mut next_stream,
        call: &call,
    };
    let ys = layer.lower_outputs(&mut cx, &xs)?;
    let mask = layer.output_mask(&mut cx, &xs)?;
    let lowered: Vec<SymbolicShape> =
        ys.iter().map(|&y| SymbolicShape::from_graph(graph.shape(y))).collect();
    if lowered != output_shapes {
        messages.push(format!("output_shapes says {output_shapes:?}, lowered to {lowered:?}"));
    }

    let mut expected = Vec::new();
    let mut upstream = Vec::new();
    let mut fed: Vec<(String, Tensor)> =
        inputs.iter().enumerate().map(|(i, x)| (format!("in.{i}"), x.clone())).collect();
    fed.extend(fed_by_call);
    for (i, &y) in ys.iter().enumerate() {
        expected.push(format!("{prefix}out.{i}"));
        graph.set_output(format!("out.{i}"), y);
        let name = format!("gout.{i}");
        let gout = case.f32(&format!("{prefix}{name}")).or_else(|| case.f32(&name));
        if let Some(gout) = gout {
            upstream.push((y, graph.input(name.clone(), graph.shape(y).clone())?));
            fed.push((name, gout));
        }
    }
    let n_outputs = case.json["n_outputs"].as_u64().unwrap() as usize;
    if ys.len() != n_outputs {
        messages.push(format!("expected {n_outputs} outputs, got {}", ys.len()));
    }
    let golden_mask = format!("{prefix}mask.0");
    match mask {
        Some(mask) if case.has(&golden_mask) => {
            graph.set_output(golden_mask.clone(), mask);
            expected.push(golden_mask);
        }
        None if case.has(&golden_mask) => messages.push("no output mask".to_owned()),
        _ => {}
    }
    let all: Vec<ValueId> = xs.iter().chain(&weight_values).copied().collect();
    let names = (0..xs.len()).map(|i| format!("{prefix}gin.{i}")).chain(
        // Golden gradients are numbered by trainable weight.
        specs.iter().scan(0, |n, spec| {
            *n += usize::from(spec.trainable);
            Some(if spec.trainable { format!("{prefix}gw.{}", *n - 1) } else { String::new() })
        }),
    );
    let gradients = gradient_from(&mut graph, &upstream, &all)?;
    for (name, gradient) in names.zip(gradients) {
        match gradient {
            Some(gradient) if case.has(&name) => {
                graph.set_output(name.clone(), gradient);
                expected.push(name);
            }
            None if case.has(&name) => messages.push(format!("{name}: no gradient")),
            _ => {}
        }
    }
    let mut after = Vec::new();
    for (position, value) in &updates {
        graph.set_update(ws[*position].0, *value)?;
    }
    for position in 0..specs.len() {
        let name = format!("{prefix}w_after.{position}");
        if case.has(&name) {
            after.push((position, name));
        }
    }

    for (spec, (_, w)) in specs.iter().zip(&ws) {
        if let (Some(regularizer), true) = (&spec.regularizer, trainable) {
            losses.push(regularizer.lower(&mut graph, *w)?);
        }
    }
    let loss_key = format!("{prefix}losses");
    let experiment = Experiment {
        graph,
        inputs: fed,
        variables: weights,
        samples,
        expected,
        after,
        exact_to: has_rounded_constants(case).then_some(2e-7),
    };
    messages.extend(check_losses(&experiment, &losses, number(&case.json[&loss_key])));
    Ok((experiment, messages))
}

/// The sum of the layer's losses against the golden number.
fn check_losses(
    experiment: &Experiment,
    losses: &[ValueId],
    expected: Option<f64>,
) -> Option<String> {
    let mut graph = experiment.graph.clone();
    let mut total = graph.scalar(0.0).unwrap();
    for &loss in losses {
        total = graph.add(total, loss).unwrap();
    }
    graph.set_output("losses", total);
    let inputs = experiment.inputs.clone();
    let variables = experiment.variables.clone();
    let with_losses = Experiment {
        graph,
        inputs,
        variables,
        samples: experiment.samples,
        expected: Vec::new(),
        after: Vec::new(),
        exact_to: None,
    };
    let got = f64::from(with_losses.outputs(1, 0).last().unwrap().data()[0]);
    let expected = expected.unwrap_or(0.0);
    if (got - expected).abs() <= 1e-6 + 1e-5 * expected.abs() {
        return None;
    }
    Some(format!("losses: expected {expected}, got {got}"))
}

fn has_rounded_constants(case: &Case) -> bool {
    ["LeakyReLU", "ReLU", "Rescaling"].contains(&case.class())
        || ["gelu", "leaky_relu"].iter().any(|name| case.config()["activation"] == *name)
}
