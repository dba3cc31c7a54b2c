//! Golden cases of functions of one tensor: activations, regularizers and constraints.

use cornu_graph::{Graph, GraphError, ValueId, gradient_from};
use cornu_nn::activations::{self, Rectifier};
use cornu_nn::{Activation, Constraint, Regularizer};
use cornu_tensor::Shape;
use cornu_testkit::Case;
use serde_json::Value;

use crate::runtimes::Experiment;
use crate::tally::{Failure, Verdict, verdict};

pub(crate) fn activation(case: &Case) -> Verdict {
    let kwargs = &case.json["kwargs"];
    if let Some(key) = unknown_argument(case) {
        return Err(Failure::Refused(format!("argument `{key}` of `{}`", case.function())));
    }
    let Some(lower) = activation_named(case.function(), kwargs) else {
        return Err(Failure::Refused(format!("activation `{}`", case.function())));
    };
    let dims = case.f32("in.0").unwrap().dims().to_vec();
    // Along the first axis it is no matter of samples: the whole input is one value.
    let axis = kwargs["axis"].as_i64().unwrap_or(-1);
    let is_first = axis == 0 || axis == -(dims.len() as i64);
    let shape = if is_first { Shape::fixed(&dims) } else { Shape::batched(&dims[1..]) };
    check(case, "in.0", shape, "out.0", |g, x| lower(g, x), Some(("gout.0", "gin.0")))
}

/// An argument that the function does not have.
fn unknown_argument(case: &Case) -> Option<&str> {
    let known: &[&str] = match case.function() {
        "softmax" | "log_softmax" | "sparsemax" | "glu" => &["axis"],
        "threshold" => &["threshold", "default_value"],
        "relu" => &["negative_slope", "max_value", "threshold"],
        "leaky_relu" => &["negative_slope"],
        "elu" | "celu" => &["alpha"],
        "gelu" => &["approximate"],
        "squareplus" => &["b"],
        "soft_shrink" | "hard_shrink" => &["threshold"],
        _ => &[],
    };
    let mut keys = case.json["kwargs"].as_object().into_iter().flat_map(|kwargs| kwargs.keys());
    keys.find(|key| !known.contains(&key.as_str())).map(String::as_str)
}

type Lower = Box<dyn Fn(&mut Graph, ValueId) -> Result<ValueId, GraphError>>;

fn activation_named(function: &str, kwargs: &Value) -> Option<Lower> {
    let number = |key: &str, default: f64| kwargs[key].as_f64().unwrap_or(default);
    let axis = kwargs["axis"].as_i64().unwrap_or(-1);
    Some(match function {
        "softmax" => Box::new(move |g, x| activations::softmax(g, x, axis)),
        "log_softmax" => Box::new(move |g, x| activations::log_softmax(g, x, axis)),
        "sparsemax" => Box::new(move |g, x| activations::sparsemax(g, x, axis)),
        "glu" => Box::new(move |g, x| activations::glu(g, x, axis)),
        "threshold" => {
            let (limit, other) = (number("threshold", 0.0), number("default_value", 0.0));
            Box::new(move |g, x| activations::threshold(g, x, limit, other))
        }
        "relu" => {
            let rectifier = Rectifier {
                negative_slope: number("negative_slope", 0.0),
                max_value: kwargs["max_value"].as_f64(),
                threshold: number("threshold", 0.0),
            };
            Box::new(move |g, x| rectifier.lower(g, x))
        }
        "leaky_relu" => {
            let slope = number("negative_slope", 0.2);
            Box::new(move |g, x| activations::leaky_relu(g, x, slope))
        }
        "elu" => {
            let alpha = number("alpha", 1.0);
            Box::new(move |g, x| activations::elu(g, x, alpha))
        }
        "celu" => {
            let alpha = number("alpha", 1.0);
            Box::new(move |g, x| activations::celu(g, x, alpha))
        }
        "squareplus" => {
            let b = number("b", 4.0);
            Box::new(move |g, x| activations::squareplus(g, x, b))
        }
        "soft_shrink" => {
            let threshold = number("threshold", 0.5);
            Box::new(move |g, x| activations::soft_shrink(g, x, threshold))
        }
        "hard_shrink" => {
            let threshold = number("threshold", 0.5);
            Box::new(move |g, x| activations::hard_shrink(g, x, threshold))
        }
        "gelu" => {
            let approximate = kwargs["approximate"] == true;
            Box::new(move |g, x| activations::gelu(g, x, approximate))
        }
        other => {
            let activation = Activation::named(other).ok()?;
            Box::new(move |g, x| activation.lower(g, x))
        }
    })
}

pub(crate) fn regularizer(case: &Case) -> Verdict {
    let regularizer = Regularizer::from_config("regularizer", &case.json["object"])?.unwrap();
    let shape = Shape::fixed(case.f32("w").unwrap().dims());
    check(case, "w", shape, "value", |g, w| regularizer.lower(g, w), Some(("", "grad")))
}

pub(crate) fn constraint(case: &Case) -> Verdict {
    let constraint = Constraint::from_config("constraint", &case.json["object"])?.unwrap();
    let shape = Shape::fixed(case.f32("w").unwrap().dims());
    check(case, "w", shape, "out", |g, w| constraint.lower(g, w), None)
}

/// Compares the function's value and its gradient. The upstream gradient is 1 if it has no name.
fn check(
    case: &Case,
    input: &str,
    shape: Shape,
    output: &str,
    lower: impl Fn(&mut Graph, ValueId) -> Result<ValueId, GraphError>,
    gradient: Option<(&str, &str)>,
) -> Verdict {
    let value = case.f32(input).unwrap();
    let samples = value.dims().first().copied().unwrap_or(1);
    let mut inputs = vec![(input.to_owned(), value)];
    let mut expected = vec![output.to_owned()];
    let mut graph = Graph::new();
    let build = |graph: &mut Graph| -> Result<(), GraphError> {
        let x = graph.input(input, shape)?;
        let y = lower(graph, x)?;
        graph.set_output(output, y);
        let Some((upstream, name)) = gradient.filter(|(_, name)| case.has(name)) else {
            return Ok(());
        };
        let d_y = if upstream.is_empty() {
            graph.scalar(1.0)?
        } else {
            inputs.push((upstream.to_owned(), case.f32(upstream).unwrap()));
            graph.input(upstream, graph.shape(y).clone())?
        };
        let d_x = gradient_from(graph, &[(y, d_y)], &[x])?[0].unwrap();
        graph.set_output(name, d_x);
        expected.push(name.to_owned());
        Ok(())
    };
    build(&mut graph)?;
    let experiment = Experiment {
        graph,
        inputs,
        variables: Vec::new(),
        samples,
        expected,
        after: Vec::new(),
        exact_to: has_rounded_constants(case).then_some(2e-7),
    };
    verdict(experiment.check(case))
}

fn has_rounded_constants(case: &Case) -> bool {
    case.json["kind"] == "regularizer"
        || ["gelu", "leaky_relu", "soft_shrink"].contains(&case.function())
}
