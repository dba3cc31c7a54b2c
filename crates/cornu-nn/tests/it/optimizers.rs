//! Optimizers: variables step by step, and what is kept at the end.

use cornu_engine::{Options, Program, Run, Runtime, Variables};
use cornu_graph::{Graph, ValueId};
use cornu_nn::LayerError;
use cornu_nn::optimizers::{
    Adam, ConstraintFn, LearningRate, OPTIMIZERS, Optimizer, Param, SGD, StateSpec, VariableSpec,
    apply, final_values, optimizer_from_config, state_specs,
};
use cornu_nn::schedules::ExponentialDecay;
use cornu_tensor::{Array, Shape};
use cornu_testkit::Case;
use serde_json::{Value, json};

use crate::golden_tally::{Outcome, run_kind};

#[test]
fn golden() {
    run_kind("optimizer", run_case);
}

fn run_case(case: &Case) -> Outcome {
    let mut optimizer = match optimizer_from_config(&case.json["object"]) {
        Ok(optimizer) => optimizer,
        Err(error) => return Outcome::of_error(&error),
    };
    let mut failures = Vec::new();
    if as_floats(&Value::Object(optimizer.config())) != as_floats(case.config()) {
        failures.push(format!("configuration: {:?}", optimizer.config()));
    }
    if case.id.ends_with("exclude-bias") {
        // The case's name says what Keras was asked for; the configuration does not hold it.
        optimizer.settings_mut().exclude_from_weight_decay.push("bias".to_owned());
    }
    for runtime in [Runtime::Reference, Runtime::Fused] {
        failures.extend(check_run(case, &*optimizer, runtime).err());
    }
    Outcome::of(failures)
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
        constraints: &[Option<ConstraintFn<'_>>],
        runtime: Runtime,
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
        let params: Vec<Param<'_>> = specs
            .iter()
            .enumerate()
            .map(|(i, spec)| Param {
                name: &spec.name,
                dims: &spec.dims,
                value: values[i],
                gradient: Some(gradients[i]),
                constraint: constraints.get(i).copied().flatten(),
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
        let options = Options::from_environment().unwrap().runtime(runtime);
        let binding = (0..variables.len()).collect();
        Self {
            program: Program::compile(graph, &options).unwrap(),
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

fn check_run(case: &Case, optimizer: &dyn Optimizer, runtime: Runtime) -> Result<(), String> {
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
    let constraints: Vec<Option<ConstraintFn<'_>>> = (0..start.len())
        .map(|i| constraint_named(&case.json["constraints"][i.to_string()]))
        .collect();
    let mut trainer = Trainer::new(optimizer, &start, &constraints, runtime);
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
        check(case, &format!("p.{i}"), &got, exact)?;
    }
    check_state(case, optimizer, &trainer)?;
    let finals = final_values(&trainer.state, start.len());
    for (i, average) in finals.into_iter().enumerate() {
        if let Some(average) = average {
            let got = trainer.variables.exact(start.len() + average);
            check(case, &format!("p_final.{i}"), &got, exact)?;
        }
    }
    Ok(())
}

fn check(case: &Case, name: &str, got: &Array<f64>, exact: bool) -> Result<(), String> {
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

/// The two constraints of the cases, written out: the optimizer only calls what it is given.
fn constraint_named(object: &Value) -> Option<ConstraintFn<'static>> {
    match object["class_name"].as_str() {
        None => None,
        Some("NonNeg") => Some(&|graph, x| Ok(graph.max_scalar(x, 0.0)?)),
        Some("MaxNorm") => Some(&max_norm),
        Some(other) => panic!("{other}"),
    }
}

/// `MaxNorm(1, axis=0)`.
fn max_norm(graph: &mut Graph, x: ValueId) -> Result<ValueId, LayerError> {
    let square = graph.square(x)?;
    let sum = graph.sum(square, &[0], true)?;
    let norms = graph.sqrt(sum)?;
    let desired = graph.clip(norms, 0.0, 1.0)?;
    let divisor = graph.add_scalar(norms, 1e-7)?;
    let scale = graph.div(desired, divisor)?;
    Ok(graph.mul(x, scale)?)
}

#[test]
fn every_optimizer_is_read_back_from_its_configuration() {
    for entry in OPTIMIZERS {
        let optimizer = optimizer_from_config(&json!(entry.class_name)).unwrap();
        let object = json!({"class_name": optimizer.class_name(), "config": optimizer.config()});
        let again = optimizer_from_config(&object).unwrap();
        assert_eq!(again.class_name(), entry.class_name);
        assert_eq!(again.config(), optimizer.config());
        optimizer_from_config(&json!(entry.class_name.to_lowercase())).unwrap();
    }
}

#[test]
fn learning_rates_are_floats_or_schedules() {
    let read = |rate: Value| {
        optimizer_from_config(&json!({"class_name": "SGD", "config": {"learning_rate": rate}}))
    };
    assert!(read(json!(1)).unwrap_err().to_string().contains("learning_rate"));
    assert!(read(json!("fast")).is_err());
    let optimizer = read(json!(0.1)).unwrap();
    assert_eq!(optimizer.config()["learning_rate"], json!(0.10000000149011612));
    let optimizer = SGD::new().learning_rate(ExponentialDecay::new(0.5, 1, 0.5));
    assert_eq!(optimizer.settings().learning_rate.value(2), 0.125);
}

#[test]
fn settings_that_contradict_each_other_or_do_not_exist_are_errors() {
    let read = |config: Value| {
        let object = json!({"class_name": "Adam", "config": config});
        optimizer_from_config(&object).unwrap_err().to_string()
    };
    assert!(read(json!({"clipnorm": 1.0, "clipvalue": 1.0})).contains("at most one"));
    assert!(read(json!({"clipnorm": -1.0})).contains("clipnorm"));
    assert!(read(json!({"beta1": 0.9})).contains("beta1"));
    assert!(
        read(json!({"gradient_accumulation_steps": 1})).contains("gradient_accumulation_steps")
    );
    assert!(optimizer_from_config(&json!("adamm")).unwrap_err().to_string().contains("adamm"));
}

/// Such a variable neither decays nor moves, but its average is kept.
#[test]
fn a_variable_without_gradient_stays_as_it_is() {
    let optimizer = Adam::new().weight_decay(0.5).use_ema(true);
    let mut graph = Graph::new();
    let id = graph.add_variable("w", [2]);
    let value = graph.variable(id).unwrap();
    let specs = [VariableSpec { name: "w".to_owned(), dims: vec![2] }];
    let state: Vec<ValueId> = state_specs(&optimizer, &specs)
        .iter()
        .map(|spec| graph.constant(Array::full(spec.dims.clone(), spec.initial)).unwrap())
        .collect();
    let (rate, iteration) = (graph.scalar(0.1).unwrap(), graph.scalar(0.0).unwrap());
    let param = Param { name: "w", dims: &[2], value, gradient: None, constraint: None };
    let applied = apply(&optimizer, &mut graph, &[param], &state, rate, iteration).unwrap();
    assert_eq!(applied.params, [None]);
    assert_ne!(applied.state[0], state[0]);
    assert_eq!(applied.state[1..], state[1..]);
}

/// With two steps per update a variable moves in the second, by the mean gradient.
#[test]
fn accumulated_gradients_move_variables_in_the_last_step_only() {
    let optimizer = SGD::new().gradient_accumulation_steps(2);
    let start = [(VariableSpec { name: "w".to_owned(), dims: vec![1] }, Array::full([1], 1.0))];
    let mut trainer = Trainer::new(&optimizer, &start, &[None], Runtime::Fused);
    let mut seen = Vec::new();
    for (step, gradient) in [1.0, 3.0, 4.0, 0.0].into_iter().enumerate() {
        trainer.step(&[vec![gradient]], 0.25, step as u64, false);
        seen.push(trainer.variables.get(0).data()[0]);
    }
    assert_eq!(seen, [1.0, 0.5, 0.5, 0.0]);
}

/// The point from which steps are made begins at the variable, which decays only afterwards.
#[test]
fn a_schedule_free_optimizer_begins_at_the_variable_before_its_decay() {
    let config = json!({"class_name": "ScheduleFreeAdamW", "config": {"weight_decay": 0.5}});
    let optimizer = optimizer_from_config(&config).unwrap();
    let start = [(VariableSpec { name: "w".to_owned(), dims: vec![1] }, Array::full([1], 1.0))];
    let mut trainer = Trainer::new(&*optimizer, &start, &[None], Runtime::Reference);
    trainer.step(&[vec![1.0]], 0.125, 0, true);
    let w = f64::from(trainer.variables.get(0).data()[0]);
    assert!((w - 0.875).abs() < 1e-6, "{w}");
}
