//! Golden kind `model`: configuration, summaries, outputs, gradients and files of whole models.

use cornu_engine::{Options, Program, Run, Runtime, Variables};
use cornu_graph::{Graph, ValueId, gradient_from};
use cornu_model::{Dataset, Forward, Model, SummaryOptions};
use cornu_nn::losses::loss_from_config;
use cornu_tensor::{Array, Shape, Tensor};
use cornu_testkit::{Case, Cases};
use serde_json::Value;

use crate::compare::difference;
use crate::files;
use crate::runtimes::RUNTIMES;
use crate::tally::{Failure, Verdict};

pub(crate) fn check(cases: &Cases, case: &Case) -> Verdict {
    if case.json["object"].is_object() {
        round_trip(&case.json["object"])?;
    }
    let model = load(cases, case)?;
    for summary in case.json["summaries"].as_array().unwrap() {
        same_summary(&model, summary)
            .map_err(|f| f.at(format!("summary {}, {}", summary["kwargs"], summary["columns"])))?;
    }
    if case.has("w.0") {
        for (runtime, threads) in RUNTIMES {
            outputs_and_gradients(case, runtime, threads)
                .map_err(|failure| failure.at(format!("{runtime:?}/{threads}")))?;
        }
    } else {
        outputs_of_a_file(case, model)?;
    }
    files::check(cases, case)
}

pub(crate) fn round_trip(object: &Value) -> Verdict {
    let model = Model::from_config(object)?;
    let written = model.to_config();
    match difference("", &written, object) {
        Some(text) => Err(Failure::wrong(text)),
        None => Ok(()),
    }
}

fn load(cases: &Cases, case: &Case) -> Result<Model, Failure> {
    if case.json["object"].is_object() {
        return Ok(Model::from_config(&case.json["object"])?);
    }
    let files = case.json["files"].as_object().unwrap();
    let name = files.keys().find(|name| name.ends_with(".keras")).unwrap();
    Ok(Model::load(cases.file(name))?)
}

fn same_summary(model: &Model, summary: &Value) -> Verdict {
    let kwargs = &summary["kwargs"];
    let options = SummaryOptions {
        columns: summary["columns"].as_u64().unwrap() as usize,
        line_length: kwargs["line_length"].as_u64().map(|n| n as usize),
        show_trainable: kwargs["show_trainable"] == true,
        expand_nested: kwargs["expand_nested"] == true,
    };
    let got = model.summary_with(&options)?;
    let expected = summary["text"].as_str().unwrap();
    if got == expected {
        return Ok(());
    }
    let line = got.lines().zip(expected.lines()).find(|(got, expected)| got != expected);
    Err(Failure::wrong(match line {
        Some((got, expected)) => format!("\n  expected {expected}\n  got      {got}"),
        None => "another number of lines".to_owned(),
    }))
}

/// The weights are in the file only.
fn outputs_of_a_file(case: &Case, mut model: Model) -> Verdict {
    for (runtime, threads) in RUNTIMES {
        // Whole networks take long by the definitions of the ops.
        if runtime == Runtime::Reference && 100_000 < model.count_params() {
            continue;
        }
        let options = Options::from_environment().map_err(|error| error.to_string())?;
        model.set_options(options.runtime(runtime).threads(threads));
        let data = Dataset::several(case.list("in"), Vec::new())?;
        for (i, prediction) in model.predict_batches(&data, 32)?.iter().enumerate() {
            case.check(&format!("out.{i}"), prediction)?;
        }
    }
    Ok(())
}

fn outputs_and_gradients(case: &Case, runtime: Runtime, threads: usize) -> Verdict {
    let mut model = Model::from_config(&case.json["object"])?;
    let n_params = case.json["count_params"].as_u64().unwrap() as usize;
    if model.count_params() != n_params {
        return Err(Failure::wrong(format!("{} parameters, not {n_params}", model.count_params())));
    }
    model.set_weights(&case.list("w"))?;
    let modes: &[bool] = if case.has("train.out.0") { &[false, true] } else { &[false] };
    for &training in modes {
        one_mode(case, &model, training, runtime, threads)?;
    }
    Ok(())
}

fn one_mode(
    case: &Case,
    model: &Model,
    training: bool,
    runtime: Runtime,
    threads: usize,
) -> Verdict {
    let prefix = if training { "train." } else { "" };
    let mut forward = model.forward(training)?;
    let mut expected = Vec::new();
    for i in 0..forward.outputs.len() {
        expected.push(format!("{prefix}out.{i}"));
    }
    let mut fed: Vec<(String, Tensor)> = Vec::new();
    for (i, name) in model.input_names().into_iter().enumerate() {
        fed.push((name.to_owned(), case.f32(&format!("in.{i}")).unwrap()));
    }
    let ends = if case.json["loss"].is_null() {
        upstream(case, &mut forward, &mut fed)
    } else {
        expected.push(format!("{prefix}loss"));
        total_loss(case, model, &mut forward, &mut fed)
    }
    .map_err(|error| error.to_string())?;
    let wrt = [forward.inputs.clone(), forward.weights.clone()].concat();
    let gradients =
        gradient_from(&mut forward.graph, &ends, &wrt).map_err(|error| error.to_string())?;
    for &output in &forward.outputs {
        forward.graph.set_output(format!("out.{output}"), output);
    }
    if let [(loss, _)] = ends[..]
        && !case.json["loss"].is_null()
    {
        forward.graph.set_output("loss", loss);
    }
    let n_inputs = forward.inputs.len();
    for (i, gradient) in gradients.into_iter().enumerate() {
        let name = match i.checked_sub(n_inputs) {
            None => format!("{prefix}gin.{i}"),
            Some(weight) => format!("{prefix}gw.{weight}"),
        };
        if let (true, Some(gradient)) = (case.has(&name), gradient) {
            forward.graph.set_output(name.clone(), gradient);
            expected.push(name);
        }
    }
    let results =
        run(forward.graph, model, &fed, runtime, threads).map_err(|error| error.to_string())?;
    for (name, result) in expected.iter().zip(results) {
        match result {
            // Keras's own `f64` run rounds some constants to `f32`: the factor of Rescaling, the
            // weights of bilinear resizing, what regularizers are multiplied by.
            Results::Exact(result) => case
                .check_f64(name, &result)
                .or_else(|_| case.check_relative(name, &result, 2e-7))?,
            Results::Float(result) => case.check(name, &result)?,
        }
    }
    Ok(())
}

type Ends = Vec<(ValueId, ValueId)>;

fn upstream(
    case: &Case,
    forward: &mut Forward,
    fed: &mut Vec<(String, Tensor)>,
) -> Result<Ends, Box<dyn std::error::Error>> {
    let mut ends = Vec::new();
    for (i, &output) in forward.outputs.iter().enumerate() {
        let name = format!("gout.{i}");
        let shape = forward.graph.shape(output).clone();
        let d_output = forward.graph.input(&name, shape)?;
        fed.push((name.clone(), case.f32(&name).unwrap()));
        ends.push((output, d_output));
    }
    Ok(ends)
}

fn total_loss(
    case: &Case,
    model: &Model,
    forward: &mut Forward,
    fed: &mut Vec<(String, Tensor)>,
) -> Result<Ends, Box<dyn std::error::Error>> {
    let graph: &mut Graph = &mut forward.graph;
    let as_list = |value: &Value| match value {
        Value::Array(list) => list.clone(),
        single => vec![single.clone()],
    };
    let losses = as_list(&case.json["loss"]);
    let targets = as_list(&case.json["y_true"]);
    let mut total = graph.scalar(0.0)?;
    for (i, &output) in forward.outputs.iter().enumerate() {
        let name = targets[i].as_str().unwrap();
        let y = case.f32(name).unwrap();
        let y_true = graph.input(name, Shape::batched(&y.dims()[1..]))?;
        fed.push((name.to_owned(), y));
        let loss = loss_from_config(&losses[i])?.lower(graph, y_true, output, None)?;
        total = graph.add(total, loss)?;
    }
    for (weight, &value) in model.weight_infos().iter().zip(&forward.weights) {
        if let Some(regularizer) = weight.spec.regularizer.as_ref().filter(|_| weight.trainable) {
            let loss = regularizer.lower(graph, value)?;
            total = graph.add(total, loss)?;
        }
    }
    for &loss in &forward.losses {
        total = graph.add(total, loss)?;
    }
    let one = graph.scalar(1.0)?;
    Ok(vec![(total, one)])
}

enum Results {
    Exact(Array<f64>),
    Float(Tensor),
}

fn run(
    graph: Graph,
    model: &Model,
    fed: &[(String, Tensor)],
    runtime: Runtime,
    threads: usize,
) -> Result<Vec<Results>, Box<dyn std::error::Error>> {
    let mut variables = Variables::new();
    let binding: Vec<usize> =
        model.get_weights().into_iter().map(|weight| variables.push(weight)).collect();
    let options = Options::from_environment()?.runtime(runtime).threads(threads);
    let mut program = Program::compile(graph, &options)?;
    let inputs: Vec<(&str, &[f32])> =
        fed.iter().map(|(name, value)| (name.as_str(), value.data())).collect();
    let mut run = Run {
        inputs: &inputs,
        variables: &mut variables,
        binding: &binding,
        samples: fed[0].1.dims()[0],
        seed: 0,
        step: 0,
    };
    Ok(match runtime {
        Runtime::Reference => {
            program.run_exact(&mut run)?.into_iter().map(Results::Exact).collect()
        }
        _ => program.run(&mut run)?.into_iter().map(Results::Float).collect(),
    })
}
