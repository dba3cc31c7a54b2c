//! Golden cases of kind `optimizer`: variables step by step, and what is kept at the end.

use cornu_engine::{Options, Program, Run, Runtime, Variables};
use cornu_graph::{Graph, ValueId};
use cornu_nn::optimizers::{
    ConstraintFn, LearningRate, Optimizer, Param, StateSpec, VariableSpec, apply, final_values,
    optimizer_from_config, state_specs,
};
use cornu_nn::{Constraint, LayerError};
use cornu_tensor::{Array, Shape};
use cornu_testkit::Case;
use serde_json::{Value, json};

use crate::runtimes::RUNTIMES;
use crate::tally::{Verdict, verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    let mut optimizer = optimizer_from_config(&case.json["object"])?;
    let mut failures = Vec::new();
    if as_floats(&Value::Object(optimizer.config())) != as_floats(case.config()) {
        failures.push(format!("configuration: {:?}", optimizer.config()));
    }
    optimizer.settings_mut().exclude_from_weight_decay.extend(excluded(case));
    for (runtime, threads) in RUNTIMES {
        let result = check_run(case, &*optimizer, runtime, threads);
        failures.extend(result.err().map(|message| format!("{runtime:?}/{threads}: {message}")));
    }
    verdict(failures)
}

/// Variables without weight decay. The configuration does not hold them, but the name of the case says
/// what Keras was asked for: `exclude-bias`.
fn excluded(case: &Case) -> Vec<String> {
    let Some((_, asked)) = case.id.split_once("exclude-") else { return Vec::new() };
    let variables = case.json["variables"].as_array().unwrap();
    let is_variable = |part: &&str| variables.iter().any(|v| v["name"] == *part);
    asked.split('-').filter(is_variable).map(str::to_owned).collect()
}

/// Python's 1 and 1.0 are the same number.
fn as_floats(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(list) => list.iter().map(as_floats).collect(),
        Value::Object(object) => {
            object.iter().map(|(key, value)| (key.clone(), as_floats(value))).collect()
        }
        other => other.clone(),
    }
}

/// One training step as a program: variables first, then optimizer state, learning rate, iteration.
struct Trainer {
    program: Program,
    variables: Variables,
    binding: Vec<usize>,
    specs: Vec<VariableSpec>,
    state: Vec<StateSpec>,
}

impl Trainer {
    fn new(
        optimizer: &dyn Optimizer,
        start: &[(VariableSpec, Array<f32>)],
        constraints: &[Option<Constraint>],
        options: &Options,
    ) -> Self {
        let specs: Vec<VariableSpec> = start.iter().map(|(spec, _)| spec.clone()).collect();
        let state = state_specs(optimizer, &specs);
        let mut graph = Graph::new();
        let mut variables = Variables::new();
        let mut values = Vec::new();
        let mut ids = Vec::new();
        let mut add = |graph: &mut Graph, name: &str, value: Array<f32>| -> ValueId {
            let id = graph.add_variable(name, value.dims());
            ids.push(id);
            variables.push(value);
            graph.variable(id).unwrap()
        };
        for (spec, value) in start {
            values.push(add(&mut graph, &spec.name, value.clone()));
        }
        let state_values: Vec<ValueId> = state
            .iter()
            .map(|spec| {
                let value = Array::full(spec.dims.clone(), spec.initial as f32);
                add(&mut graph, &spec.path, value)
            })
            .collect();
        let learning_rate = add(&mut graph, "learning_rate", Array::scalar(0.0));
        let iteration = add(&mut graph, "iteration", Array::scalar(0.0));
        let gradients: Vec<ValueId> = specs
            .iter()
            .enumerate()
            .map(|(i, spec)| graph.input(format!("g.{i}"), Shape::fixed(&spec.dims)).unwrap())
            .collect();
        let lowered: Vec<_> = constraints
            .iter()
            .map(|constraint| {
                constraint.as_ref().map(|constraint| {
                    |g: &mut Graph, x: ValueId| Ok::<_, LayerError>(constraint.lower(g, x)?)
                })
            })
            .collect();
        let params: Vec<Param<'_>> = specs
            .iter()
            .enumerate()
            .map(|(i, spec)| Param {
                name: &spec.name,
                dims: &spec.dims,
                value: values[i],
                gradient: Some(gradients[i]),
                constraint: lowered[i].as_ref().map(|lower| lower as ConstraintFn<'_>),
            })
            .collect();
        let applied =
            apply(optimizer, &mut graph, &params, &state_values, learning_rate, iteration).unwrap();
        for (id, value) in ids.iter().zip(&applied.params) {
            if let Some(value) = value {
                graph.set_update(*id, *value).unwrap();
            }
        }
        for (id, (value, old)) in
            ids[specs.len()..].iter().zip(applied.state.iter().zip(&state_values))
        {
            if value != old {
                graph.set_update(*id, *value).unwrap();
            }
        }
        let binding = (0..variables.len()).collect();
        Self {
            program: Program::compile(graph, options).unwrap(),
            variables,
            binding,
            specs,
            state,
        }
    }

    fn step(&mut self, gradients: &[Vec<f32>], learning_rate: f64, iteration: u64, exact: bool) {
        let rate = self.specs.len() + self.state.len();
        self.variables.set_exact(rate, Array::scalar(learning_rate));
        self.variables.set_exact(rate + 1, Array::scalar(iteration as f64));
        let names: Vec<String> = (0..gradients.len()).map(|i| format!("g.{i}")).collect();
        let inputs: Vec<(&str, &[f32])> =
            names.iter().zip(gradients).map(|(name, g)| (name.as_str(), g.as_slice())).collect();
        let mut run = Run {
            inputs: &inputs,
            variables: &mut self.variables,
            binding: &self.binding,
            samples: 1,
            seed: 0,
            step: iteration,
        };
        if exact {
            self.program.run_exact(&mut run).unwrap();
        } else {
            self.program.run(&mut run).unwrap();
        }
    }
}

fn check_run(
    case: &Case,
    optimizer: &dyn Optimizer,
    runtime: Runtime,
    threads: usize,
) -> Result<(), String> {
    let exact = runtime == Runtime::Reference;
    let recorded: Vec<Array<f32>> = case.list("p");
    let gradients: Vec<Array<f32>> = case.list("g");
    let start: Vec<(VariableSpec, Array<f32>)> = recorded
        .iter()
        .enumerate()
        .map(|(i, all)| {
            let name = case.json["variables"][i]["name"].as_str().unwrap().to_owned();
            let dims = all.dims()[1..].to_vec();
            let n: usize = dims.iter().product();
            let first = Array::new(dims.clone(), all.data()[..n].to_vec()).unwrap();
            (VariableSpec { name, dims }, first)
        })
        .collect();
    let constraints = (0..start.len())
        .map(|i| Constraint::from_config("constraint", &case.json["constraints"][i.to_string()]))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let options = Options::from_environment().unwrap().runtime(runtime).threads(threads);
    let mut trainer = Trainer::new(optimizer, &start, &constraints, &options);
    let mut trajectories: Vec<Vec<f64>> =
        start.iter().map(|(_, value)| value.to_f64().into_data()).collect();
    let n_steps = case.json["steps"].as_u64().unwrap();
    for step in 0..n_steps {
        let of_step: Vec<Vec<f32>> = gradients
            .iter()
            .map(|all| {
                let n = all.len() / n_steps as usize;
                all.data()[step as usize * n..(step as usize + 1) * n].to_vec()
            })
            .collect();
        let rate = match &optimizer.settings().learning_rate {
            // Keras's double precision run had the number as it was written.
            LearningRate::Constant(rate) if exact => rate.to_string().parse().unwrap(),
            // What a schedule gave, Keras rounded at every step; schedules have cases of their own.
            LearningRate::Schedule(_) if exact => case.f64("lr").unwrap().data()[step as usize],
            rate => rate.value(step),
        };
        trainer.step(&of_step, rate, step, exact);
        for (i, trajectory) in trajectories.iter_mut().enumerate() {
            trajectory.extend(trainer.variables.exact(i).into_data());
        }
    }
    for (i, trajectory) in trajectories.into_iter().enumerate() {
        let got = Array::new(recorded[i].dims(), trajectory).unwrap();
        compare(case, &format!("p.{i}"), &got, exact)?;
    }
    check_state(case, optimizer, &trainer)?;
    let finals = final_values(&trainer.state, start.len());
    for (i, average) in finals.into_iter().enumerate() {
        if let Some(average) = average {
            let got = trainer.variables.exact(start.len() + average);
            compare(case, &format!("p_final.{i}"), &got, exact)?;
        }
    }
    Ok(())
}

fn compare(case: &Case, name: &str, got: &Array<f64>, exact: bool) -> Result<(), String> {
    if exact { case.check_f64(name, got) } else { case.check(name, &got.to_f32()) }
}

/// Optimizer variables in saving order, after `iteration` and, without a schedule, `learning_rate`.
fn check_state(case: &Case, optimizer: &dyn Optimizer, trainer: &Trainer) -> Result<(), String> {
    let recorded = case.json["optimizer_variables"].as_array().unwrap();
    let paths: Vec<&str> = recorded.iter().map(|v| v["path"].as_str().unwrap()).collect();
    let mut expected = vec![format!("{}/iteration", optimizer.name())];
    if matches!(optimizer.settings().learning_rate, LearningRate::Constant(_)) {
        expected.push(format!("{}/learning_rate", optimizer.name()));
    }
    let first = expected.len();
    expected.extend(trainer.state.iter().map(|spec| format!("{}/{}", optimizer.name(), spec.path)));
    if paths != expected {
        return Err(format!("optimizer variables: expected {paths:?}, got {expected:?}"));
    }
    for index in 0..trainer.state.len() {
        let got = trainer.variables.get(trainer.specs.len() + index);
        case.check(&format!("ov.{}", first + index), got)?;
    }
    Ok(())
}
